// The map of a data set's latents: its state, and what leads to what. The modules beside this one read the state and say,
// by callbacks, what a person did; it is written here alone.

import { inAddress, numbersIn, recall, remember, textOf } from "../../web/address.js";
import { asking } from "../../web/ask.js";
import { make, onSeen, say, telling } from "../../web/dom.js";
import { downloads, latentOffers } from "../../web/downloads.js";
import { newest } from "../../web/latest.js";
import { LIMITS } from "../../web/limits.js";
import { Camera } from "./camera.js";
import { Chart } from "./chart.js";
import { debounce } from "./debounce.js";
import { passDropsOn } from "./drop.js";
import { pngOf, svgOf } from "./figure.js";
import { boundsOfPlaces } from "./geometry.js";
import { listenToKeys, listenToWheel, Pointers } from "./input.js";
import { Layers } from "./layers.js";
import { Legend } from "./legend.js";
import { Link } from "./link.js";
import { overlayShapes } from "./overlay.js";
import { Palette } from "./palette.js";
import { Places } from "./places.js";
import { fetchPoints, floats, inBoth, unpackBits } from "./points.js";
import { Search } from "./search.js";
import { hasSelection, selectionOf } from "./selection.js";
import { Tools } from "./tools.js";
import { Tooltip } from "./tooltip.js";
import { Viewport } from "./view.js";

const ANNOUNCE_MS = 250; // without anything newer to announce
const REST_MS = 140; // without a move: the view rests
const LEAST_STEP = 4; // CSS pixels that an arrow key goes, so that one sees it
const EDGE = 24; // CSS pixels: an arrow key that comes nearer to it brings the point to the middle
const LONGEST_SEARCH = 100; // letters that a link may search for
const FIRST_LAYOUT = "umap"; // of an address that names none (app/explore/map.py)
const PLACES = ["view", "path", "groups"]; // what the address keeps that is of a layout
const COORDINATES = { low: -LIMITS.maxCoordinate, high: LIMITS.maxCoordinate }; // of a map
const MATCH_ZOOM = 4; // at least, where a search jumps to
const MARKER_ZOOM = 2.5; // at most, around a marker: one still sees where on the map it is
const MARKER_MARGIN = 3; // times the box around a marker and its neighbours

export function mount({ element, trigger, props, server, watch }) {
  const find = (name) => element.querySelector(`.latent-map${name}`);
  const [root, stage, view, overlay, live] = ["", "-stage", "-view", "-overlay", "-live"].map(find);
  const tell = telling(trigger);
  const ask = asking(server);
  const places = new Places(server);
  const loads = newest();
  let model = null; // the name of the one whose map was shown last
  let layout = null; // what placed its points
  let written = null; // when its files were: files written anew have other points

  const camera = new Camera(follow);
  const state = {
    points: null, // Points; null while there are none
    grouping: null, // Grouping: the points by what they are coloured by
    matches: null, // Uint8Array with 1 for each point that the search found, among those narrowed to; null for all
    selected: null, // row of a point
    // Viewport; null until the points are drawn, for which the tab has to be open
    get viewport() {
      return camera.viewport;
    },
  };
  const isReady = () => state.viewport !== null;

  const palette = new Palette(root);
  const chart = new Chart({ plot: find("-plot"), state, palette, onLost: redraw });
  const layers = new Layers({ find, state, palette, places, onToggle: announceLayer });
  const tooltip = new Tooltip({ box: find("-tooltip"), state, places, onTarget: followTooltip });
  const legend = new Legend({ find, palette, onGroup: regroup, onVisible: showHidden, askForUnit });
  const search = new Search({ find, state, onMatches: showFound, onJump: jumpTo, onLeave: hideTooltip });
  const link = new Link({
    isLinked: () => Boolean(props.title) && isReady(),
    answer: () => (props.compact ? {} : { colourBy: legend.key, select: state.points.pictureOf(state.selected) }),
    aim: aimAtPicture,
    select: selectPicture,
    colourBy: colourBy,
  });
  const tools = new Tools({
    find,
    state,
    onStart: hideTooltip,
    onChange: drawOverlay,
    onPath: (path) => {
      keep("groups", null);
      keep("path", `${tools.isPathByHand ? "line" : "corners"},${textOf(path.flat(), 2)}`);
      tell("walk_path", { path });
    },
    onGroups: (groups) => {
      keep("path", null);
      keep("groups", tools.groupsText);
      tell("compare_groups", groups);
    },
    onClear: () => {
      keep("path", null);
      keep("groups", null);
      tell("clear_drawing", {});
    },
  });

  // By the ends of their keys, what the page was opened with, until it is there; and how Back brings it back.
  const bringBack = {
    point(text) {
      if (text !== null && state.points.has(Number(text))) select(Number(text));
      else unselect();
    },
    colour(text) {
      legend.choose(text);
      regroup();
    },
    find(text) {
      search.text = text ?? "";
      showMatches(search.run());
    },
    layers(text) {
      layers.shown = text;
    },
    view(text) {
      const seen = viewIn(text);
      camera.flyTo(seen ? state.viewport.zoomedTo(seen) : state.viewport.fitted());
    },
    hidden(text) {
      legend.hide(state.grouping, text);
      legend.show(state.grouping);
      redraw();
    },
    path(text) {
      const [how, ...rest] = (text ?? "").split(",");
      const numbers = numbersIn(rest.join(","), { ...COORDINATES, least: 4, most: 2 * LIMITS.pathCorners }) ?? [];
      const corners = Array.from({ length: numbers.length >> 1 }, (_, k) => numbers.slice(2 * k, 2 * k + 2));
      tools.bringBack(corners, how === "line");
    },
    groups: (text) => tools.bringBackGroups(text),
  };
  let opening = {};
  for (const what of Object.keys(bringBack)) {
    opening[what] = recall(props.address && `${props.address}.${what}`, (text) => undo(what, text));
  }

  // Places of another layout wait for its map.
  function undo(what, text) {
    const mustWait = PLACES.includes(what) && !(isReady() && isMeant(layout));
    if (PLACES.includes(what)) opening[what] = mustWait ? text : null;
    if (isReady() && !mustWait) bringBack[what](text);
  }

  // Whether the places in the address are of this layout.
  function isMeant(name) {
    return name === ((props.address && inAddress(`${props.address}.layout`)) || FIRST_LAYOUT);
  }

  // ---- The value ----

  async function load() {
    const { value } = props;
    const isNewest = loads.begin();
    clear();
    if (!value?.count) {
      chart.clear();
      showState("empty", props.empty_text);
      return;
    }
    showState("loading", `Drawing ${value.count.toLocaleString()} points…`);
    const isSameModel = model === value.model.name;
    const hasSamePoints = isSameModel && written === value.written; // though perhaps in another layout
    if (!hasSamePoints) state.selected = null;
    if (model !== null && !isSameModel) forgetModel();
    else if (model !== null && !(hasSamePoints && layout === value.layout)) forgetPlaces();
    model = value.model.name;
    ({ layout, written } = value);
    try {
      const [points] = await Promise.all([fetchPoints(value, isNewest.signal), chart.load(value.count)]);
      await painted(); // the browser shows the message before the work begins
      if (!isNewest()) return;
      take(points);
      await open();
    } catch (error) {
      if (isNewest()) fail(error);
    }
  }

  function clear() {
    camera.close();
    state.points = null;
    chart.forget();
    layers.clear();
    tooltip.clear();
    tools.clear();
    overlay.replaceChildren();
    say(find("-uncoloured"), "");
    announce("");
  }

  function forgetModel() {
    opening = {};
    for (const what of ["point", "find", "view", "hidden", "path", "groups"]) keep(what, null);
    search.text = "";
  }

  // Those of the map before: none that wait for this one.
  function forgetPlaces() {
    for (const what of PLACES) keep(what, opening[what] ?? null, false);
  }

  function take(points) {
    state.points = points;
    state.selected ??= props.selected ?? null;
    view.setAttribute("aria-label", helpText(points));
    legend.offer(points);
    if (opening.colour) legend.choose(opening.colour);
    state.grouping = legend.group();
    if (opening.hidden) legend.hide(state.grouping, opening.hidden);
    legend.show(state.grouping);
    if (opening.find) search.text = opening.find.slice(0, LONGEST_SEARCH);
    showMatches(search.run());
  }

  // Draws points that are there into a view that has a size, as it has once its tab is open.
  async function open() {
    if (!state.points || isReady() || !view.clientWidth) return;
    const whole = new Viewport(state.points.bounds, sizeOf(view));
    const isForThis = isMeant(layout);
    const seen = isForThis ? viewIn(opening.view) : null;
    camera.open(seen ? whole.zoomedTo(seen) : whole);
    if (!(await draw())) return;
    showState("ready");
    showMarker();
    const { point, layers: asked, path, groups } = opening;
    opening = isForThis ? {} : { view: opening.view, path, groups };
    if (asked) layers.shown = asked;
    if (isForThis && path) bringBack.path(path);
    if (isForThis && groups) bringBack.groups(groups);
    const isAsked = Boolean(point?.trim());
    const index = isAsked ? Number(point) : state.selected;
    if (state.points.has(index)) select(index);
    else keep("point", null);
    link.tell("ask");
  }

  // ---- What the address keeps ----

  function keep(what, value, isMove = true) {
    const isLong = value !== null && String(value).length > LIMITS.maxLinkedText;
    if (props.address) remember(`${props.address}.${what}`, isLong ? null : value, isMove);
  }

  function keepView() {
    const { viewport } = state;
    const { x, y, zoom } = viewport;
    keep("view", viewport.isFitted() ? null : textOf([x, y, zoom], 3), false);
  }

  function keepHidden() {
    keep("hidden", legend.hidden(state.grouping));
  }

  function resize() {
    const size = sizeOf(view);
    layers.resize(size);
    hideTooltip();
    if (isReady()) camera.moveTo(state.viewport.resized(size));
    else open();
  }

  // ---- The states of the widget ----

  function showState(name, sentence = "") {
    root.dataset.state = name;
    // `code` in backquotes, as the texts of the page have it.
    const parts = sentence.split("`").map((part, k) => (k % 2 ? make("code", {}, part) : part));
    find("-message").replaceChildren(...parts);
  }

  function showEmptyText() {
    if (root.dataset.state === "empty") showState("empty", props.empty_text);
  }

  function fail(error) {
    console.error(error);
    showState("error", `The map could not be drawn: ${error.message}. Reload the page to try again.`);
  }

  // ---- Drawing ----

  // Draws everything again. Returns whether it is still the newest map.
  async function draw() {
    const { points } = state;
    try {
      await chart.draw();
    } catch (error) {
      if (points === state.points) fail(error);
      return false;
    }
    if (points !== state.points) return false; // another map came meanwhile
    drawOverlay();
    layers.refresh();
    return true;
  }

  function redraw() {
    if (isReady()) draw();
  }

  function showHidden() {
    keepHidden();
    hideTooltip();
    redraw();
  }

  // At each frame that moves the view.
  function follow() {
    chart.follow();
    drawOverlay();
    layers.follow();
    settle();
  }

  const settle = debounce(() => {
    if (!isReady()) return;
    keepView();
    if (chart.settle()) redraw();
    else layers.refresh();
  }, REST_MS);

  function drawOverlay() {
    if (!isReady()) return;
    ofSelection.hidden = !hasSelection(state, tools);
    const { marker, neighbours } = props;
    const near = neighbours?.index === state.selected ? neighbours.rows : [];
    const shapes = overlayShapes(state, { tools, marker, near, aimed: tooltip.index, pointSize: chart.pointSize });
    overlay.replaceChildren(...shapes);
  }

  // ---- Colours and search ----

  function regroup() {
    if (!state.points) return;
    keep("colour", legend.chosen);
    say(find("-uncoloured"), "");
    state.grouping = legend.group();
    keepHidden();
    legend.show(state.grouping);
    redraw();
    link.tell("colourBy", legend.key);
  }

  function colourBy(key) {
    if (key !== legend.key && legend.choose(key)) regroup();
  }

  async function askForUnit(points, unit) {
    const { name, shape } = points.model;
    const { values, range, error } = await ask("unit", name, unit);
    if (points === state.points) say(find("-uncoloured"), error ?? "");
    if (error) return null;
    const note = shape.length > 1 ? "the mean over its places" : "of each picture's posterior mean";
    return { name: `${shape.length > 1 ? "channel" : "dimension"} ${unit}`, note, values: floats(values), range };
  }

  function recolour() {
    if (isReady()) legend.show(state.grouping);
    redraw();
  }

  function showMatches(found) {
    const { narrowed } = props;
    state.matches = inBoth(found, narrowed && unpackBits(narrowed, state.points.count));
    redraw();
  }

  function showFound(found) {
    keep("find", search.text.trim() || null);
    showMatches(found);
  }

  function narrow() {
    if (state.points) showMatches(search.run());
  }

  function jumpTo(index) {
    const { points, viewport } = state;
    const [x, y] = points.place(index);
    const scale = Math.max(viewport.scale, MATCH_ZOOM * viewport.fitted().scale);
    camera.flyTo(viewport.at({ x, y, scale }), () => showPoint(index));
  }

  // ---- The tooltip ----

  // To what is at a place of the view: a picture, a point, or a place between points.
  function aim(place, radius, isFinger = false) {
    tooltip.isUnderFinger = isFinger;
    const { points, viewport } = state;
    const [onMap, reach] = [viewport.toMap(place), radius / viewport.scale];
    const index = layers.pictureAt(place) ?? points.grid.nearest(onMap, reach, isShown);
    if (index === null) tooltip.showPlace(onMap, place);
    else tooltip.showPoint(index, place);
  }

  function showPoint(index) {
    tooltip.showPoint(index, state.viewport.toPixels(state.points.place(index)));
  }

  function hideTooltip() {
    tooltip.hide();
  }

  function followTooltip() {
    drawOverlay();
    link.tell("aim", state.points?.pictureOf(tooltip.index) ?? null);
    if (tooltip.index !== null) announce(state.points.describe(tooltip.index));
  }

  function isShown(index) {
    return state.grouping.isShown(index);
  }

  // ---- Maps beside this one ----

  function aimAtPicture(picture) {
    const row = state.points.rowOf(picture);
    if (row !== null && state.viewport.shows(state.points.place(row), 0)) showPoint(row);
    else hideTooltip();
  }

  function selectPicture(picture) {
    if (picture === null) return; // a point that only the other map has
    const row = state.points.rowOf(picture);
    if (row === null) return unselect();
    const [x, y] = state.points.place(row);
    if (!state.viewport.shows([x, y], EDGE)) camera.moveTo(state.viewport.at({ x, y }));
    select(row);
  }

  function showTitle() {
    const title = find("-title");
    title.textContent = props.title ?? "";
    title.hidden = !props.title;
    root.setAttribute("aria-label", ["Map of the latents", props.title].filter(Boolean).join(": "));
    root.classList.toggle("is-beside", Boolean(props.title));
    if (isReady()) link.tell("ask");
  }

  // ---- The selected point ----

  function select(index) {
    state.selected = index;
    drawOverlay();
    announce(`Selected: ${state.points.describe(index)}`);
    keep("point", index);
    tell("select", { index });
    link.tell("select", state.points.pictureOf(index));
    tools.followSelection();
  }

  function unselect() {
    state.selected = null;
    drawOverlay();
    keep("point", null);
    tools.followSelection();
  }

  function showSelected() {
    state.selected = props.selected ?? null;
    drawOverlay();
    if (!isReady() || !state.points.has(state.selected)) return;
    keep("point", state.selected);
    link.tell("select", state.points.pictureOf(state.selected));
    jumpTo(state.selected);
    tools.followSelection();
  }

  // ---- The marker: a person's picture ----

  function showMarker() {
    if (!isReady()) return;
    if (props.marker) unselect(); // what is known of the picture takes the place of what was known of a point
    drawOverlay();
    if (!props.marker) return;
    hideTooltip();
    const { x, y, neighbours } = props.marker;
    const bounds = boundsOfPlaces([[x, y], ...state.points.places(neighbours)]);
    camera.flyTo(state.viewport.framing(bounds, MARKER_MARGIN, MARKER_ZOOM));
  }

  // ---- What a person does ----

  function tap(place, radius) {
    aim(place, radius, tooltip.isUnderFinger);
    if (tooltip.index !== null) select(tooltip.index);
  }

  function drag(from, to, stretch) {
    hideTooltip();
    camera.moveTo(state.viewport.dragged(from, to, stretch));
  }

  function zoomByWheel(stretch, place) {
    const next = state.viewport.zoomed(stretch, place);
    if (next.scale === state.viewport.scale) return false;
    camera.stop();
    hideTooltip();
    camera.moveTo(next);
    return true;
  }

  function zoomBy(kind) {
    hideTooltip();
    camera.zoomBy(kind);
  }

  // From the point under the keys, or the one in the middle, to its neighbour in a direction.
  function goTowards(direction) {
    const { points, viewport, selected } = state;
    const from = tooltip.index ?? selected;
    const reach = Math.hypot(viewport.size.width, viewport.size.height) / viewport.scale;
    const next = points.has(from)
      ? points.grid.towards(points.place(from), direction, LEAST_STEP / viewport.scale, isShown)
      : points.grid.nearest([viewport.x, viewport.y], reach, isShown);
    if (next === null) return;
    camera.stop();
    const [x, y] = points.place(next);
    if (!viewport.shows([x, y], EDGE)) camera.moveTo(viewport.at({ x, y }));
    showPoint(next);
  }

  function enter(key) {
    const { index } = tooltip;
    if (index === null) return false;
    if (key === "Enter" && tools.tool === "path") tools.addCorner(state.points.place(index));
    else select(index);
    return true;
  }

  function cancel() {
    if (tools.stroke) tools.cancelStroke();
    else if (tools.isDrawing) tools.choose("walk");
    else if (tooltip.target) hideTooltip();
    else return false;
    return true;
  }

  // ---- Files ----

  function fileOf(kind, title, draw) {
    const makeFile = async () => ({ name: `${model} map`, content: await draw({ find, state, chart, palette }) });
    return { kind, title, make: makeFile };
  }

  const ofView = [
    fileOf("png", "The map as it is in view", pngOf),
    fileOf("svg", "The map as it is in view, to be enlarged at will", svgOf),
  ];
  const ofSelection = downloads(
    latentOffers(() => selectionOf(state, tools)),
    "Download what is selected",
  );
  ofSelection.hidden = true;
  find("-files").append(downloads(ofView), ofSelection);

  // ---- What is announced to those who do not see it ----

  const announce = debounce((words) => {
    live.textContent = words;
  }, ANNOUNCE_MS);

  function announceLayer(layer, isOn) {
    keep("layers", layers.shown);
    if (layer === "contours") announce(isOn ? "Lines of equal density shown" : "");
  }

  // ---- Listening ----

  new Pointers(view, {
    tools,
    isReady,
    onPress: () => camera.stop(),
    onHover: aim,
    onLeave: hideTooltip,
    onTap: tap,
    onDrag: drag,
  });
  listenToWheel(view, isReady, zoomByWheel);
  listenToKeys(view, isReady, { onArrow: goTowards, onZoom: zoomBy, onEnter: enter, onEscape: cancel });
  view.addEventListener("blur", hideTooltip);
  find("-zoom").addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (button && isReady()) zoomBy(button.dataset.zoom);
  });
  if (props.drop_target) passDropsOn(stage, props.drop_target, (file) => announce(`Placing ${file.name} on the map`));

  // Gradio's dark theme is a class on the body.
  const themes = new MutationObserver(recolour);
  themes.observe(document.body, { attributeFilter: ["class"] });
  onSeen(view, resize, () => {
    loads.drop();
    clear();
    chart.clear();
    themes.disconnect();
    link.close();
  });
  watch("value", load);
  watch("marker", showMarker);
  watch("selected", showSelected);
  watch("narrowed", narrow);
  watch("neighbours", drawOverlay);
  watch("title", showTitle);
  watch("empty_text", showEmptyText);
  root.classList.toggle("is-compact", Boolean(props.compact));
  showTitle();
  load();
}

function helpText({ count }) {
  return (
    `Map of ${count.toLocaleString()} pictures. Arrow keys move from point to point, Enter selects, ` +
    "plus and minus zoom, 0 shows the whole map."
  );
}

/** The middle and the zoom of a view; null where the text means none. */
function viewIn(text) {
  const [x, y, zoom] = numbersIn(text, { ...COORDINATES, least: 3 }) ?? [];
  return zoom > 0 ? [x, y, zoom] : null;
}

const sizeOf = ({ clientWidth, clientHeight }) => ({ width: clientWidth, height: clientHeight });
const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
