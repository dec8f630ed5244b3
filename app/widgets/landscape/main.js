// What a visitor sees first: the whole map, and a walk over it that morphs one large picture until a hand takes over.

import { asking } from "../../web/ask.js";
import { fetchCodec } from "../../web/browser_codecs.js";
import { decoder } from "../../web/decoder.js";
import { onSeen } from "../../web/dom.js";
import { unpack } from "../../web/latents.js";
import { oneAtATime } from "../../web/latest.js";
import { blank, paint } from "../../web/sheet.js";
import { groupByColumn, groupByNothing } from "../latent_map/grouping.js";
import { Palette } from "../latent_map/palette.js";
import { Placement } from "../latent_map/placement.js";
import { Places } from "../latent_map/places.js";
import { fetchPoints } from "../latent_map/points.js";
import { Frame } from "./frame.js";
import { stopAt } from "./tour.js";

const LEG_MS = 2_600; // from a stop to the next
const WALK_MS = 60_000; // after which the walk stops by itself
const LONGEST_FRAME_MS = 100; // so that the walk goes on where a hidden page left it
const SERVER_MS = 250; // between two pictures, while the server draws them
const SERVER_SHARE = 0.25; // of the time, at most, that the server draws for one walk
const MARGIN = 16; // CSS pixels around the map
const LANDMARK = 36; // CSS pixels, of a picture that stands for a point
const CROWD = 5_000; // points, from which on each is smaller and fainter
const STEP = 12; // CSS pixels that an arrow key goes

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const WALKING = "Between two pictures of the data";
const POINTED = "What the decoder draws at this place";

export function mount({ element, props, server }) {
  const find = (name) => element.querySelector(`.landscape${name}`);
  const [view, pointsCanvas, marksCanvas, picture] = ["-view", "-points", "-marks", "-picture"].map(find);
  const [button, caption] = [find("-walk"), element.querySelector("figcaption")];
  const palette = new Palette(find(""));
  const places = new Places(server);
  const { decode, drawsHere } = decoder(server);
  const ask = asking(server);
  const colourOf = (name) => getComputedStyle(view).getPropertyValue(name);

  let model = null; // its card
  let stops = null; // of the walk: { rows, latents }
  let landmarks = null; // { rows, latents, pictures }; only this browser draws these pictures
  let points = null; // once they have come
  let grouping = null;
  let frame = null;
  let placed = []; // positions of the landmarks that have room
  let here = null; // where the marker is, in map coordinates
  let isAsked = false;
  let drawn = null; // the large picture
  const walk = { isOn: false, legs: 0, left: WALK_MS, at: 0, askedAt: 0, took: 0 };

  // ---- The map ----

  async function open() {
    if (isAsked) return resize();
    isAsked = true;
    const [walked, all] = ["walk", "points"].map((question) => ask(question, props.model));
    if (!(await takeWalk(await walked)) || !(await takePoints(await all))) return;
    button.hidden = false;
    caption.textContent = "What the decoder draws at the marker";
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) start();
    await fetchCodec(model);
    await drawLandmarks();
  }

  async function takeWalk({ error, ...answer }) {
    if (error) return complain(error);
    model = answer.model;
    const known = ({ rows, latents }) => ({ rows, latents: unpack(latents, model), pictures: [] });
    [stops, landmarks] = [known(answer.tour), known(answer.landmarks)];
    await draw({ latents: [stops.latents[0]] });
    return true;
  }

  async function takePoints({ error, ...answer }) {
    if (error) return complain(error);
    try {
      points = await fetchPoints(answer);
    } catch (failure) {
      return complain(`The map could not be drawn: ${failure.message}. Reload the page to try again.`);
    }
    find("-waiting").hidden = true;
    const [column] = points.columns;
    grouping = column ? groupByColumn(column) : groupByNothing(points);
    for (const known of [stops, landmarks]) known.places = points.places(known.rows);
    here = stops.places[0];
    resize();
    return true;
  }

  function complain(sentence) {
    caption.textContent = sentence;
    return false;
  }

  function resize() {
    if (!points || !view.clientWidth) return;
    const [width, height] = [view.clientWidth, view.clientHeight];
    frame = new Frame(points.bounds, { width, height }, MARGIN);
    const placement = new Placement(LANDMARK + 2, frame);
    landmarks.places.forEach((place, k) => {
      placement.offer(k, frame.toPixels(place));
    });
    placed = placement.ids;
    for (const canvas of [pointsCanvas, marksCanvas]) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
    paintAll();
    drawLandmarks();
  }

  function paintAll() {
    if (!frame) return;
    paintPoints();
    paintMarks();
    paint(picture, drawn);
  }

  function paintPoints() {
    const context = blank(pointsCanvas);
    const [side, opacity] = points.count > CROWD ? [1.6, 0.45] : [2.4, 0.7];
    context.globalAlpha = opacity;
    for (const i of points.shuffled) {
      const [px, py] = frame.toPixels(points.place(i));
      context.fillStyle = palette.of(grouping, i);
      context.fillRect(px - side / 2, py - side / 2, side, side);
    }
    context.globalAlpha = 1;
    for (const k of placed) paintLandmark(context, k);
  }

  function paintLandmark(context, k) {
    if (!landmarks.pictures[k]) return;
    const [left, top] = frame.toPixels(landmarks.places[k]).map((at) => at - LANDMARK / 2);
    context.drawImage(landmarks.pictures[k], left, top, LANDMARK, LANDMARK);
  }

  function paintMarks() {
    const context = blank(marksCanvas);
    context.strokeStyle = colourOf("--body-text-color");
    context.globalAlpha = 0.3;
    context.lineWidth = 1.2;
    context.beginPath();
    for (const place of [...stops.places, stops.places[0]]) context.lineTo(...frame.toPixels(place));
    context.stroke();
    context.globalAlpha = 1;
    const [x, y] = frame.toPixels(here);
    ring(context, [x, y], 9, colourOf("--background-fill-primary"), 6);
    ring(context, [x, y], 9, colourOf("--body-text-color"), 3);
  }

  // One by one, so that the large picture never waits long.
  const drawLandmarks = oneAtATime(async () => {
    for (const k of placed) {
      if (landmarks.pictures[k]) continue;
      if (!drawsHere(model) || !view.isConnected) return;
      const { pictures } = await decode(model, [landmarks.latents[k]]);
      if (!pictures) return;
      [landmarks.pictures[k]] = pictures;
      paintLandmark(pointsCanvas.getContext("2d"), k);
    }
  });

  // ---- The picture ----

  const draw = oneAtATime(async ({ latents, place }) => {
    const begun = performance.now();
    const { pictures, error } = latents
      ? await decode(model, latents)
      : await places.one(points, { index: null, x: place[0], y: place[1] });
    walk.took = performance.now() - begun;
    if (error) complain(error);
    if (!pictures) return;
    drawn?.close();
    [drawn] = pictures;
    paint(picture, drawn);
  });

  // ---- The walk ----

  function start() {
    Object.assign(walk, { isOn: true, left: WALK_MS, at: performance.now() });
    button.textContent = "Stop";
    caption.textContent = WALKING;
    requestAnimationFrame(step);
  }

  function stop() {
    walk.isOn = false;
    button.textContent = "Walk";
  }

  // A hidden page has no frames: nothing is asked for it.
  function step(now) {
    if (!walk.isOn) return;
    if (walk.left <= 0 || !view.isConnected || view.offsetParent === null) return stop();
    const passed = Math.min(LONGEST_FRAME_MS, Math.max(0, now - walk.at));
    Object.assign(walk, { at: now, left: walk.left - passed, legs: walk.legs + passed / LEG_MS });
    here = stopAt(stops.places, walk.legs);
    paintMarks();
    if (drawsHere(model) || now - walk.askedAt > Math.max(SERVER_MS, walk.took / SERVER_SHARE)) {
      walk.askedAt = now;
      draw({ latents: [stopAt(stops.latents, walk.legs)] });
    }
    requestAnimationFrame(step);
  }

  // ---- Hands ----

  function goTo(pixels) {
    stop();
    caption.textContent = POINTED;
    here = frame.toMap(pixels);
    paintMarks();
    draw({ place: here });
  }

  const placeOf = ({ clientX, clientY }) => {
    const { left, top } = view.getBoundingClientRect();
    return [clientX - left, clientY - top];
  };

  view.addEventListener("pointerdown", (event) => {
    if (!frame || event.button !== 0) return;
    view.setPointerCapture(event.pointerId);
    goTo(placeOf(event));
  });
  view.addEventListener("pointermove", (event) => {
    if (view.hasPointerCapture(event.pointerId)) goTo(placeOf(event));
  });
  view.addEventListener("keydown", (event) => {
    if (!frame || !(event.key in ARROWS) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    goTo(frame.toPixels(here).map((at, axis) => at + STEP * ARROWS[event.key][axis]));
  });
  button.addEventListener("click", () => (walk.isOn ? stop() : start()));

  const stopAtATouch = ({ target, key }) => {
    const isOnButton = button.contains(target) && (key ?? "Enter").match(/^(Enter| )$/);
    if (walk.isOn && !isOnButton) stop();
  };
  const touches = ["pointerdown", "keydown"];
  for (const touch of touches) window.addEventListener(touch, stopAtATouch, { capture: true });

  // Gradio's dark theme is a class on the body.
  const themes = new MutationObserver(paintAll);
  themes.observe(document.body, { attributeFilter: ["class"] });
  onSeen(view, open, () => {
    stop();
    themes.disconnect();
    for (const touch of touches) window.removeEventListener(touch, stopAtATouch, { capture: true });
  });
}

function ring(context, [x, y], radius, colour, width) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}
