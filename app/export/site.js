// The page of one model without a server: the app's widgets, and what they would ask the server, done here.

import { besideModules } from "../web/beside.js";
import { fetchCodec } from "../web/browser_codecs.js";
import { decoder } from "../web/decoder.js";
import { say } from "../web/dom.js";
import { distance, isSpatial, latentSize, lerp, pack, unpack } from "../web/latents.js";
import { newest } from "../web/latest.js";
import { LIMITS } from "../web/limits.js";
import { pictureDistance, urlOf } from "../web/sheet.js";
import { mount as mountEditor } from "../widgets/latent_editor/main.js";
import { latentsFile } from "../widgets/latent_map/latents_file.js";
import { mount as mountMap } from "../widgets/latent_map/main.js";
import { latentsAt } from "../widgets/latent_map/places.js";
import { fetchPoints } from "../widgets/latent_map/points.js";
import { mix, placesAlong, weightsOf } from "../widgets/latent_map/shepard.js";
import { mount as mountGrid } from "../widgets/sample_grid/main.js";
import { mount as mountScrubber } from "../widgets/scrubber/main.js";
import { channelUrl, colourLimit } from "./channels.js";
import { fitted } from "./fit.js";
import { host } from "./host.js";
import { normalLatents } from "./noise.js";

const FOREVER = { isUrgent: true };
const find = (id) => document.getElementById(id);

const { model, map, samples } = await unpacked("model.bin");
const server = { decode: null, sample };
const { decode } = decoder(server);
const points = map && (await fetchPoints(map).catch(() => null)); // else the map's own place says so

// JSON, compressed with gzip, as not every host of files does it.
async function unpacked(path) {
  const { body } = await fetch(besideModules(path));
  return new Response(body.pipeThrough(new DecompressionStream("gzip"))).json();
}

// What was asked for may have been overtaken, or may fail: said in the one place for it.
const asked = newest();

async function answer(work) {
  const isNewest = asked.begin();
  say(find("message"), "");
  try {
    await work(isNewest);
  } catch (error) {
    if (isNewest()) say(find("message"), error.message);
  }
}

async function pictureOf(latent) {
  const { pictures, error } = await decode(model, [latent]);
  if (error) throw new Error(error);
  return pictures[0];
}

// ---- The latent that is looked at ----

const setEditor = host(find("editor"), mountEditor, { props: { value: null }, server });

const edit = (latent, title) => answer((isNewest) => show(latent, title, isNewest));

async function show(latent, title, isNewest, deviation = null) {
  const picture = await pictureOf(latent);
  if (!isNewest()) return picture.close();
  find("editor-title").textContent = title;
  setEditor({ value: editorValue(latent, deviation, urlOf(picture)) });
  picture.close();
}

function editorValue(latent, deviation, reconstruction) {
  const value = { model, latent: pack([latent], model), reconstruction };
  if (isSpatial(model)) return { ...value, ...spatialValue(latent) };
  const how = "Drag a bar, or choose a number.";
  const line =
    "each line is one standard deviation of the encoder's answer up and down: the longer, the less it knows.";
  const words = `${latent.length} numbers: each bar is one${deviation ? `; ${line}` : "."} ${how}`;
  return { ...value, words, deviation: deviation && pack([deviation], model) };
}

function spatialValue(latent) {
  const limit = colourLimit(latent);
  const channels = Array.from({ length: model.shape.at(-1) }, (_, channel) => {
    return { url: channelUrl(latent, model, channel, limit), caption: `Channel ${channel}` };
  });
  const words =
    `${model.shape.join(" x ")} numbers, a picture for each channel; blue is ${(-limit).toFixed(1)} and below, red ` +
    `${limit.toFixed(1)} and above. A slider multiplies its channel: 0 silences it, 2 doubles it.`;
  return { channels, words };
}

// ---- The map ----

const setScrubber = host(find("path"), mountScrubber, { props: { value: null }, server });
const mapProps = { value: map, marker: null, selected: null, drop_target: "own", address: null };

const setMap =
  map &&
  host(find("map"), mountMap, {
    props: mapProps,
    server,
    on: {
      select: ({ index }) =>
        answer(async (isNewest) => {
          const [latent] = await points.latents.latentsOf([index]);
          await show(latent, points.describe(index), isNewest);
        }),
      walk_path: ({ path }) =>
        answer(async (isNewest) => {
          const latents = await latentsAt(points, placesAlong(path, LIMITS.pathCount));
          if (isNewest()) walk(latents, "along a path", ["start", "end"]);
        }),
      compare_groups: compareGroups,
      clear_drawing: () => setScrubber({ value: null }),
    },
  });

function compareGroups({ a, b, point }) {
  return answer(async (isNewest) => {
    const [meanA, meanB] = await Promise.all([a, b].map(meanOf));
    if (!b.length) return show(meanA, `The mean of ${a.length.toLocaleString()} points`, isNewest);
    const [start] = point === null ? [meanA] : await points.latents.latentsOf([point]);
    const end = start.map((number, i) => number + meanB[i] - meanA[i]);
    const share = (k) => k / (LIMITS.pathCount - 1);
    const latents = Array.from({ length: LIMITS.pathCount }, (_, k) => lerp(start, end, share(k)));
    if (isNewest()) walk(latents, "from A to B", point === null ? ["A", "B"] : ["the point", "and A to B"]);
  });
}

async function meanOf(rows) {
  if (!rows.length) return null;
  const latents = await points.latents.latentsOf(rows);
  return mix(latents, new Array(rows.length).fill(1 / rows.length));
}

function walk(latents, words, captions) {
  setScrubber({ value: { model, latents: pack(latents, model), plot: false, words, captions, t: 0 } });
}

// ---- A picture of one's own ----

const own = find("own");

function take(file) {
  if (!file) return;
  answer(async (isNewest) => {
    const codec = await fetchCodec(model, FOREVER);
    if (!codec) throw new Error("This browser cannot encode pictures. Open the page in another one.");
    const given = await fitted(file, model.size).catch(() => {
      throw new Error("This file is not a picture that the browser can read.");
    });
    const { mean, logVar } = await codec.encode(given);
    const redrawn = await pictureOf(mean);
    if (!isNewest()) return redrawn.close();
    compare(await createImageBitmap(given), redrawn);
    await show(
      mean,
      "Your picture",
      isNewest,
      logVar.map((number) => Math.exp(number / 2)),
    );
    if (points && !isSpatial(model)) setMap({ marker: await markerOf(mean) });
  });
}

// Closes both.
function compare(given, redrawn) {
  for (const [id, picture] of [
    ["own-given", given],
    ["own-redrawn", redrawn],
  ]) {
    find(id).src = urlOf(picture);
  }
  const psnr = -20 * Math.log10(Math.max(pictureDistance(given, redrawn), 1e-5));
  find("own-words").textContent =
    `Your picture at ${model.size} x ${model.size} pixels, and as the model draws it: ${psnr.toFixed(1)} dB PSNR.`;
  find("own-result").hidden = false;
  given.close();
  redrawn.close();
}

// Its place is the mean of those of its nearest latents, as vae/atlas.py has it.
async function markerOf(latent) {
  const all = await points.latents.latentsOf([...points.x.keys()]);
  const apart = Float64Array.from(all, (other) => distance(other, latent));
  const neighbours = [...apart.keys()].sort((i, k) => apart[i] - apart[k]).slice(0, LIMITS.neighbours);
  const weights = weightsOf(
    neighbours.map((row) => apart[row]),
    1,
  );
  const [x, y] = mix(points.places(neighbours), weights);
  return { x, y, neighbours, label: "Your picture" };
}

find("own-file").addEventListener("change", ({ target }) => take(target.files[0]));
own.addEventListener("dragover", (event) => event.preventDefault());
own.addEventListener("drop", (event) => {
  event.preventDefault();
  take(event.dataTransfer.files[0]);
});

// ---- Samples ----

let seed = 0;
const [distribution, temperature] = ["distribution", "temperature"].map(find);
distribution.replaceChildren(...samples.distributions.map(({ name, title }) => new Option(title, name)));
distribution.value = samples.opening;

// N(0, I) is drawn here; of the others, some samples were drawn when this page was made.
async function sample(_name, from, count, scale, seed) {
  const latents =
    from === "prior" ? normalLatents(seed, count, latentSize(model), scale) : await keptSamples(from, count, seed);
  return { latents: pack(latents, model) };
}

function keptSamples(from, count, seed) {
  const { distributions, pages, file } = samples;
  const kept = distributions.filter(({ name }) => name !== "prior").findIndex(({ name }) => name === from);
  const first = (kept * pages + (seed % pages)) * count;
  return latentsFile(file, model).latentsOf(Array.from({ length: count }, (_, k) => first + k));
}

function gridValue() {
  const { value, text } = distribution.selectedOptions[0];
  const panels = [{ model, distribution: value, title: text, label: {} }];
  return { panels, count: samples.count, temperature: Number(temperature.value), seed };
}

const setGrid = host(find("samples"), mountGrid, {
  props: { value: gridValue() },
  server,
  on: {
    select: ({ latent, words }) => {
      edit(unpack(latent, model)[0], words);
      find("editor-heading").scrollIntoView({ block: "nearest" });
    },
  },
});

function drawSamples() {
  find("temperature-label").hidden = distribution.value !== "prior";
  setGrid({ value: gridValue() });
}

find("another").addEventListener("click", () => {
  seed++;
  drawSamples();
});
distribution.addEventListener("change", drawSamples);
temperature.addEventListener("change", drawSamples);
temperature.addEventListener("input", () => {
  find("temperature-words").textContent = Number(temperature.value).toFixed(2);
});
find("temperature-label").hidden = distribution.value !== "prior";

// ---- At first ----

answer(async (isNewest) => {
  if (points) return show((await points.latents.latentsOf([0]))[0], points.describe(0), isNewest);
  return show(normalLatents(seed, 1, latentSize(model), 1)[0], "a sample", isNewest);
});
