// In the head of the page, with PLOTLY as the path below the root of the plotting library: loads it while the page has nothing else to
// do, so that nobody who opens the map waits for it. `loadPlotly` in plotly.js finds the element by its id.
// Gradio runs what is in the head once it builds the page, which takes it about as long as the timer waits.
function loadPlotlyAhead() {
  if (window.Plotly || document.getElementById("latent-map-plotly")) return;
  const script = Object.assign(document.createElement("script"), { id: "latent-map-plotly" });
  script.addEventListener("error", () => script.remove()); // the map tries again
  script.src = `${window.gradio_config.root.replace(/\/$/, "")}${PLOTLY}`;
  document.head.append(script);
}

if (!navigator.connection?.saveData)
  setTimeout(() => (window.requestIdleCallback ?? setTimeout)(loadPlotlyAhead), 1000);
