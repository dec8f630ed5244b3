// The plotting library, which is served beside the widgets.

const ID = "latent-map-plotly";
const URL_OF_IT = new URL("../../plotly.min.js", import.meta.url).href;

/** Plotly, once it is loaded. preload.js may have started to load it, under the same id. */
export function loadPlotly() {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  let script = document.getElementById(ID);
  if (!script) {
    script = Object.assign(document.createElement("script"), { id: ID, src: URL_OF_IT });
    document.head.append(script);
  }
  return new Promise((resolve, reject) => {
    script.addEventListener("load", () => resolve(window.Plotly), { once: true });
    const fail = () => {
      script.remove(); // so that the next value tries again
      reject(new Error("the plotting library did not load"));
    };
    script.addEventListener("error", fail, { once: true });
  });
}
