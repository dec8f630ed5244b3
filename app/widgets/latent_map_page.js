// ---- Tools and legend ----

const FEWEST_ALIKE = 3; // points a category needs on average for its colour to say something
const SEARCH_DELAY_MS = 150;
const rampFigure = find("-ramp");

function buildColourSelect() {
  const before = colourSelect.value;
  const labels = cloud.columns.filter((column) => !isNearlyUnique(column));
  const names = cloud.columns.filter(isNearlyUnique); // to search in: as colours they say nothing
  const named = ({ name }) => new Option(name, name);
  const numbers = cloud.numbers.map(({ name }, k) => new Option(name, numberKey(k)));
  const options = [...labels.map(named), ...numbers, new Option("nothing", ""), ...names.map(named)];
  colourSelect.replaceChildren(...options);
  const isKnown = [...options].some(({ value }) => value === before) && colourSelect.dataset.isChosen;
  colourSelect.value = isKnown ? before : defaultColumn();
}

const numberKey = (k) => `number ${k}\n`; // no label column is called that

const isNearlyUnique = ({ categories: { length } }) => length > COLOURS && length * FEWEST_ALIKE > cloud.count;

// The column that says most at first sight: the finest that has a colour for every category, or else the coarsest.
function defaultColumn() {
  const count = ({ categories }) => categories.length;
  const isTelling = (column) => count(column) > 1 && !isNearlyUnique(column);
  const telling = cloud.columns.filter(isTelling).sort((a, b) => count(a) - count(b));
  const colourable = telling.filter((column) => count(column) <= COLOURS);
  return (colourable.at(-1) ?? telling[0])?.name ?? "";
}

function regroup() {
  const number = cloud.numbers.find((_, k) => numberKey(k) === colourSelect.value);
  grouping = number ? groupByNumber(number) : groupBy(cloud.columns.find(({ name }) => name === colourSelect.value));
  buildLegend();
  buildRamp();
}

function buildLegend() {
  const { groups } = grouping;
  legend.hidden = groups.length < 2 || Boolean(grouping.number);
  legend.replaceChildren(...groups.map(chip));
}

function buildRamp() {
  const { number } = grouping;
  rampFigure.hidden = !number;
  if (!number) return;
  const [low, high] = number.range;
  find("-bar").style.background = `linear-gradient(to right, ${ramp().join(", ")})`;
  rampFigure.querySelector("figcaption").textContent = number.note ? `${number.name}: ${number.note}` : number.name;
  const words = [`≤ ${shortly(low)}`, shortly((low + high) / 2), `≥ ${shortly(high)}`];
  find("-scale").querySelectorAll("span").forEach((tick, k) => (tick.textContent = words[k]));
}

function chip(group) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "latent-map-chip";
  button.style.setProperty("--chip", `var(--latent-map-${group.slot})`);
  button.title = "Click to hide or show, double-click for this one alone";
  button.setAttribute("aria-pressed", group.isVisible);
  const count = document.createElement("small");
  count.textContent = group.members.length.toLocaleString();
  button.append(group.name, count);
  button.addEventListener("click", () => setVisible((other) => other.isVisible !== (other === group)));
  button.addEventListener("dblclick", () => showAlone(group));
  return button;
}

function showAlone(group) {
  const isAlone = grouping.groups.every((other) => other.isVisible === (other === group));
  setVisible((other) => isAlone || other === group);
}

function setVisible(isVisible) {
  grouping.groups.forEach((group, k) => {
    group.isVisible = isVisible(group);
    legend.children[k].setAttribute("aria-pressed", group.isVisible);
  });
  hideCard();
  redraw();
}

// ---- States ----

function showState(state, text = "") {
  root.dataset.state = state;
  // `code` in backquotes, as the rest of the page writes it.
  const parts = text.split("`").map((part, k) => {
    if (k % 2 === 0) return part;
    const code = document.createElement("code");
    code.textContent = part;
    return code;
  });
  message.replaceChildren(...parts);
}

function fail(error) {
  console.error(error);
  showState("error", `The map could not be drawn: ${error.message}. Reload the page to try again.`);
}

function clear() {
  hideCard();
  announce("");
  live.textContent = "";
  pictures.clear();
  clearLayers();
  clearDrawing();
  flight++;
  cloud = null;
  isDrawn = false;
  overlay.replaceChildren();
}

let shownModel = null;

async function load(value) {
  const mine = ++loadCount;
  clear();
  if (!value?.count) {
    Plotly?.purge(plot);
    showState("empty", props.empty_text);
    return;
  }
  showState("loading", `Drawing ${value.count.toLocaleString()} points…`);
  if (shownModel !== null && shownModel !== value.model) window.latentscape?.remember("point", null);
  shownModel = value.model;
  try {
    Plotly ??= await loadPlotly(value.plotly.url);
    requireWebGL();
    await paintedOnce(); // let the browser show the message before the work begins
    if (mine !== loadCount) return;
    cloud = readCloud(value);
    selected = props.selected ?? null;
    viewport.setAttribute("aria-label", helpText());
    buildColourSelect();
    buildContours();
    search();
    regroup();
    drawWhenPossible();
  } catch (error) {
    if (mine === loadCount) fail(error);
  }
}

function helpText() {
  return (
    `Map of ${cloud.count.toLocaleString()} pictures. Arrow keys move from point to point, Enter selects, ` +
    "plus and minus zoom, 0 shows the whole map."
  );
}

const paintedOnce = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

function debounced(act, delay) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(act, delay, ...values);
  };
}

// ---- Wiring ----

viewport.addEventListener("pointerdown", onPointerDown);
viewport.addEventListener("pointermove", onPointerMove);
viewport.addEventListener("pointerup", onPointerUp);
viewport.addEventListener("pointercancel", onPointerUp);
viewport.addEventListener("pointerleave", onPointerLeave);
viewport.addEventListener("wheel", onWheel, { passive: false });
viewport.addEventListener("keydown", onKeyDown);
viewport.addEventListener("blur", hideCard);
stage.addEventListener("dragover", onDragOver);
stage.addEventListener("dragleave", onDragLeave);
stage.addEventListener("drop", onDrop);
find("-zoom").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button && isDrawn) zoomByButton(button.dataset.zoom);
});
colourSelect.addEventListener("change", () => {
  colourSelect.dataset.isChosen = "true";
  regroup();
  redraw();
});
searchBox.addEventListener(
  "input",
  debounced(() => {
    if (!isDrawn || searchBox.value === searchedFor) return;
    search();
    redraw();
  }, SEARCH_DELAY_MS),
);
searchBox.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !isDrawn) return;
  event.preventDefault();
  if (searchBox.value !== searchedFor) {
    search(); // the typing has not settled yet
    redraw();
  }
  jumpToMatch(event.shiftKey ? -1 : 1);
});
searchBox.addEventListener("blur", hideCard);
find("-modes").addEventListener("click", ({ target: { dataset } }) => {
  if (isDrawn && dataset.tool) setTool(dataset.tool);
});
find("-layers").addEventListener("click", ({ target }) => {
  if (isDrawn && target.dataset.layer) toggleLayer(target);
});

// Also tells when Gradio has removed the component: an element off the page has no size.
const sizes = new ResizeObserver(([{ contentRect }]) => {
  if (!element.isConnected) dispose();
  else if (contentRect.width && contentRect.height) resize(contentRect); // none in a closed tab
});
sizes.observe(viewport);

// Gradio's dark theme is a class on the body.
const themes = new MutationObserver(() => {
  if (isDrawn) buildRamp();
  redraw();
});
themes.observe(document.body, { attributeFilter: ["class"] });

function dispose() {
  loadCount++;
  clear();
  sizes.disconnect();
  themes.disconnect();
  Plotly?.purge(plot);
}

watch("value", () => load(props.value));
watch("marker", () => {
  if (!isDrawn) return;
  drawOverlay();
  if (props.marker) flyTo(markerView(props.marker));
});
watch("selected", () => {
  selected = props.selected ?? null;
  drawOverlay();
});
watch("empty_text", () => {
  if (root.dataset.state === "empty") showState("empty", props.empty_text);
});
load(props.value);
