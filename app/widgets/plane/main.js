// A latent space of two numbers, all of which is seen: a digit goes in on the left, its place is in the middle, and what
// the decoder draws there on the right; at any moment of the training, with or without the KL.

import { besideModules } from "../../web/beside.js";
import { make, makeSvg, onSeen, say } from "../../web/dom.js";
import { oneAtATime } from "../../web/latest.js";
import { clamp } from "../../web/numbers.js";
import { smooth } from "../../web/sheet.js";
import { inkCanvas } from "./draw.js";
import { startCodecs } from "./snapshots.js";
import { emptyCells, latticeOf, noisePairs, reachOf, SHARE, sampleOf, toDrawing, toLatent } from "./space.js";

const LATTICE = 13; // pictures along a side
const EMPTY_CELLS = 72; // along a side, of the part without pictures
const SAMPLES = { 2: 8, 3: 16 }; // in a row, by stage
const KEY_STEPS = 30; // along a side
const PLAY_MS = 220; // that each moment is shown
const COLOURS = "#332288 #88ccee #44aa99 #117733 #999933 #ddcc77 #cc6677 #882255 #aa4499 #555555".split(" "); // Tol's

export function mount({ element, props, watch }) {
  const find = (name) => element.querySelector(`.plane${name}`);
  const root = find("");
  const square = find("-square");
  const lattice = square.querySelector("canvas");
  const drawn = find("-drawn");
  const samples = find("-samples");
  const training = find("-training");
  const slider = training.querySelector("input");
  const spread = samples.querySelector("input");
  const playButton = find("-play");

  const { plane } = props;
  const draw = oneAtATime(drawAll);
  const ink = inkCanvas(find("-ink"), (picture) => see({ picture, place: null }));
  let codecs = null; // once the widget is seen
  let noise = noisePairs(SAMPLES[3]);
  let playing = 0; // timer
  const seen = { picture: null, place: null, run: "with", moment: plane.runs.with.length - 1 };
  const shown = { url: null, reach: 3 }; // the lattice that is on the page
  const dots = []; // of the data's pictures

  const stage = () => Number(props.value ?? 0);

  function see(changes) {
    Object.assign(seen, changes);
    draw().catch((error) => say(find("-message"), error.message));
  }

  // ---- From what is asked for to what is on the page ----

  async function drawAll() {
    if (!stage()) return;
    const { step, file } = plane.runs[seen.run][seen.moment];
    const snapshot = { architecture: plane.architecture, url: String(besideModules(file)) };
    const ask = (task, values) => codecs.ask(task, snapshot, values);
    if (snapshot.url !== shown.url) await drawSpace(ask, snapshot.url);
    training.querySelector("output").textContent =
      `step ${step.toLocaleString("en")} of ${plane.runs[seen.run].at(-1).step.toLocaleString("en")}`;
    const posterior = seen.picture && (await ask("encode", { picture: seen.picture }));
    const latent = seen.place ?? posterior?.mean ?? [0, 0];
    const picture = await ask("decode", { latents: [latent], columns: 1 });
    paintOver(drawn.querySelector("canvas"), await createImageBitmap(picture));
    drawn.querySelector("figcaption").textContent = inWords(latent, stage() > 1 && !seen.place && posterior?.logVar);
    mark(posterior, latent);
    await drawSamples(ask, posterior);
  }

  async function drawSpace(ask, url) {
    const { means, labels } = await ask("pictures");
    const reach = reachOf(means);
    const sheet = await ask("decode", { latents: latticeOf(LATTICE, reach), columns: LATTICE });
    Object.assign(lattice, { width: sheet.width, height: sheet.height });
    lattice.getContext("2d").putImageData(sheet, 0, 0);
    Object.assign(shown, { url, reach });
    find("-reach").textContent = `Both numbers from −${reach} to ${reach}`;
    means.forEach((mean, k) => {
      dots[k] ??= find("-pictures").appendChild(makeSvg("circle", { r: 0.8 }));
      const [x, y] = toDrawing(mean, reach);
      Object.assign(dots[k].style, { cx: `${x}px`, cy: `${y}px`, fill: COLOURS[labels[k] % COLOURS.length] });
    });
    const cell = SHARE / EMPTY_CELLS;
    const squares = emptyCells(means, EMPTY_CELLS, reach).map((place) => {
      const [x, y] = toDrawing(place, reach);
      return `M${x - cell / 2} ${y - cell / 2}h${cell}v${cell}h${-cell}z`;
    });
    find("-empty").setAttribute("d", squares.join(""));
    find("-prior").replaceChildren(
      ...[1, 2].map((radius) => makeSvg("circle", { cx: 50, cy: 50, r: (SHARE * radius) / (2 * reach) })),
    );
  }

  async function drawSamples(ask, posterior) {
    const count = SAMPLES[stage()];
    samples.hidden = !count || (stage() === 2 && !posterior);
    if (samples.hidden) return find("-sampled").replaceChildren();
    const latents = noise
      .slice(0, count)
      .map((pair) => (stage() === 2 ? sampleOf(posterior, pair, Number(spread.value)) : pair));
    const strip = samples.querySelector("canvas");
    const sheet = await ask("decode", { latents, columns: count });
    Object.assign(strip, { width: 2 * sheet.width, height: 2 * sheet.height });
    paintOver(strip, await createImageBitmap(sheet));
    const words =
      stage() === 2
        ? "Eight draws from the cloud of your digit, decoded"
        : "Sixteen draws from the round cloud, decoded";
    strip.setAttribute("aria-label", words);
    samples.querySelector("p").textContent = words;
    find("-sampled").replaceChildren(...latents.map((latent) => circleAt(latent, 0.9)));
  }

  function circleAt(latent, r) {
    const [cx, cy] = toDrawing(latent, shown.reach);
    return makeSvg("circle", { cx, cy, r });
  }

  function mark(posterior, latent) {
    const put = (node, [cx, cy]) => {
      node.setAttribute("cx", cx);
      node.setAttribute("cy", cy);
    };
    const cloud = find("-cloud");
    const mean = find("-mean");
    for (const node of [cloud, mean]) node.style.visibility = posterior ? "visible" : "hidden";
    if (posterior) {
      const [rx, ry] = Array.from(posterior.logVar, (v) => (SHARE * 2 * Math.exp(v / 2)) / (2 * shown.reach));
      cloud.setAttribute("rx", rx);
      cloud.setAttribute("ry", ry);
      put(cloud, toDrawing(posterior.mean, shown.reach));
      put(mean, toDrawing(posterior.mean, shown.reach));
    }
    const place = find("-place");
    place.style.visibility = seen.place ? "visible" : "hidden";
    put(place, toDrawing(latent, shown.reach));
    square.setAttribute(
      "aria-label",
      `The plane of both numbers; shown: ${Array.from(latent, (n) => n.toFixed(1)).join(", ")}. Arrow keys move.`,
    );
  }

  // ---- The training ----

  function setMoment(moment) {
    slider.value = moment;
    see({ moment });
  }

  function play() {
    stop();
    playButton.textContent = "Stop";
    let moment = Number(slider.value) >= Number(slider.max) ? 0 : Number(slider.value);
    const step = () => {
      if (moment > Number(slider.max) || !element.isConnected) return stop();
      setMoment(moment++);
      playing = setTimeout(step, PLAY_MS);
    };
    step();
  }

  function stop() {
    clearTimeout(playing);
    playing = 0;
    playButton.textContent = "Watch it learn";
  }

  // ---- Pointer and keys ----

  square.addEventListener("pointermove", (event) => {
    const box = square.getBoundingClientRect();
    const share = (part, whole) => clamp(part / whole, 0, 1);
    const across = share(event.clientX - box.left, box.width);
    see({ place: toLatent(across, share(event.clientY - box.top, box.height), shown.reach) });
  });
  square.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && see({ place: null }));
  square.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (event.key === "Escape") see({ place: null });
    if (!step) return;
    event.preventDefault();
    const from = seen.place ?? [0, 0];
    const size = (2 * shown.reach) / KEY_STEPS;
    see({ place: from.map((number, i) => clamp(number + step[i] * size, -shown.reach, shown.reach)) });
  });
  slider.addEventListener("input", () => {
    stop();
    see({ moment: Number(slider.value) });
  });
  playButton.addEventListener("click", () => (playing ? stop() : play()));
  find("-runs").addEventListener("change", (event) => see({ run: event.target.value }));
  find("-clear").addEventListener("click", () => {
    ink.clear();
    see({ picture: null });
  });
  find("-again").addEventListener("click", () => {
    noise = noisePairs(SAMPLES[3]);
    see({});
  });
  spread.addEventListener("input", () => {
    spread.nextElementSibling.textContent = `${Number(spread.value).toFixed(1)} ×`;
    see({});
  });
  find("-digits").append(
    ...plane.digits.map(({ name, url }) => {
      const picture = make("img", { src: url, alt: name });
      const button = make("button", { type: "button", title: name }, picture);
      button.addEventListener("click", () => ink.show(picture));
      return button;
    }),
  );
  find("-key").replaceChildren(
    ...COLOURS.map((colour, digit) => make("b", { textContent: digit, style: `--digit: ${colour}` })),
  );
  slider.max = plane.runs.with.length - 1;
  slider.value = slider.max;

  function load() {
    root.hidden = !stage();
    if (!stage()) return stop();
    if (stage() < 3) Object.assign(seen, { run: "with" });
    find("-runs").querySelector(`[value=${seen.run}]`).checked = true;
    root.dataset.stage = stage();
    begin();
  }

  async function begin() {
    const isFirst = !codecs;
    codecs ??= startCodecs();
    if (!isFirst) return see({});
    await ink.show(find("-digits").querySelector("img"));
    await draw();
    for (const { file } of Object.values(plane.runs).flat()) {
      codecs.ask("fetch", { url: String(besideModules(file)) }).catch(() => {});
    }
  }

  onSeen(
    element,
    () => {},
    () => {
      stop();
      codecs?.stop();
    },
  );
  watch("value", load);
  load();
}

/** A latent; and of a posterior's mean, the spread of its cloud around each number. */
function inWords(latent, logVar) {
  const spread = (i) => (logVar ? `, spread ${Math.exp(logVar[i] / 2).toFixed(3)}` : "");
  return Array.from(latent, (number, i) => `${number.toFixed(2)}${spread(i)}`).join("\n");
}

function paintOver(canvas, picture) {
  smooth(canvas).drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
}
