// Some pictures of the data set on the map, at any moment of the training; between two moments they are on the way.

import { make, onSeen } from "../../web/dom.js";
import { clamp } from "../../web/numbers.js";
import { boundsOf } from "../latent_map/geometry.js";
import { groupByColumn } from "../latent_map/grouping.js";
import { Palette } from "../latent_map/palette.js";
import { floats } from "../latent_map/points.js";
import { Viewport } from "../latent_map/view.js";
import { placesAt } from "./places.js";

const MOMENT_MS = 500; // from one to the next, as it plays
const RADIUS = 3; // CSS pixels, of a point
const KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }; // and how many moments they go

export function mount({ element, props, watch }) {
  const root = element.querySelector(".training-map");
  const [canvas, slider, button, output, list] = ["canvas", "input", "button", "output", "ul"].map((name) =>
    root.querySelector(name),
  );
  const palette = new Palette(root);
  let moved = null; // { steps, places, bounds, grouping }
  let playing = 0; // the frame that is asked for

  function load() {
    pause();
    root.hidden = !props.value;
    moved = null;
    if (!props.value) return;
    const { steps, labels, codes, places } = props.value;
    const all = floats(places);
    const [x, y] = [0, 1].map((axis) => all.filter((_, k) => k % 2 === axis));
    const grouping = groupByColumn({ categories: labels, codes: Uint16Array.from(codes) });
    moved = { steps, places: all, bounds: boundsOf(x, y), grouping };
    slider.max = steps.length - 1;
    slider.value = slider.max;
    draw();
  }

  function draw() {
    if (!moved || !canvas.clientWidth) return;
    const { steps, places, bounds, grouping } = moved;
    const [step, last] = [steps[Math.round(slider.value)], steps.at(-1)].map((one) => one.toLocaleString("en"));
    output.textContent = `step ${step} of ${last}`;
    slider.setAttribute("aria-valuetext", output.textContent);
    const size = { width: canvas.clientWidth, height: canvas.clientHeight };
    Object.assign(canvas, { width: size.width * devicePixelRatio, height: size.height * devicePixelRatio });
    const viewport = new Viewport(bounds, size);
    const context = canvas.getContext("2d");
    context.scale(devicePixelRatio, devicePixelRatio);
    context.globalAlpha = 0.8;
    const at = placesAt(places, steps.length, Number(slider.value));
    for (let i = 0; i < at.length / 2; i++) {
      const [x, y] = viewport.toPixels([at[2 * i], at[2 * i + 1]]);
      context.fillStyle = palette.of(grouping, i);
      context.beginPath();
      context.arc(x, y, RADIUS, 0, 2 * Math.PI);
      context.fill();
    }
    const used = grouping.groups.filter(({ members }) => members.length);
    const entries = used.length > 1 ? used : []; // one colour means nothing
    list.replaceChildren(
      ...entries.map(({ name, slot }) => {
        const entry = make("li", {}, name);
        entry.style.setProperty("--colour", palette.slot(slot));
        return entry;
      }),
    );
  }

  function play() {
    if (Number(slider.value) >= Number(slider.max)) slider.value = 0;
    button.setAttribute("aria-pressed", "true");
    let last = performance.now();
    const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let along = Number(slider.value);
    const step = (now) => {
      along = clamp(along + (now - last) / MOMENT_MS, 0, Number(slider.max));
      last = now;
      slider.value = reduced ? Math.floor(along) : along;
      draw();
      if (along < Number(slider.max)) playing = requestAnimationFrame(step);
      else pause();
    };
    playing = requestAnimationFrame(step);
  }

  function pause() {
    cancelAnimationFrame(playing);
    playing = 0;
    button.setAttribute("aria-pressed", "false");
  }

  button.addEventListener("click", () => (playing ? pause() : play()));
  slider.addEventListener("input", () => {
    pause();
    draw();
  });
  slider.addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || event.altKey || event.metaKey) return; // these are the browser's, as for Back
    event.preventDefault(); // by itself it goes a hundredth of a moment
    pause();
    slider.value = Math.round(slider.value) + KEYS[event.key];
    draw();
  });
  const themes = new MutationObserver(draw); // Gradio's dark theme is a class on the body
  themes.observe(document.body, { attributeFilter: ["class"] });
  onSeen(canvas, draw, () => {
    pause();
    themes.disconnect();
  });
  watch("value", load);
  load();
}
