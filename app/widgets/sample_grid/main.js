import { numbersIn, recall, remember } from "../../web/address.js";
import { asking } from "../../web/ask.js";
import { decoder } from "../../web/decoder.js";
import { followKey, make, say, setReachable, telling } from "../../web/dom.js";
import { downloads, latentOffers, NOT_ALL, sheetOffer } from "../../web/downloads.js";
import { labelInWords } from "../../web/labels.js";
import { pack, unpack } from "../../web/latents.js";
import { newest } from "../../web/latest.js";
import { LIMITS } from "../../web/limits.js";
import { urlOf } from "../../web/sheet.js";

const BROUGHT_BACK_MS = 3000; // in which samples that Back has brought back come

export function mount({ element, trigger, props, server, watch }) {
  const message = element.querySelector(".sample-grid-message");
  const board = element.querySelector(".sample-grid-panels");
  const tell = telling(trigger);
  const ask = asking(server);
  const { decode } = decoder(server);
  const loads = newest();
  let shown = null; // the value, and the `latents` of its panels once they are there
  let hasFailed = false;
  // [panel, index] of the sample that is to be chosen once the latents are there; null for none
  let wanted = pickIn(recall(props.address, bringBack));
  let wantedUntil = Number.POSITIVE_INFINITY;

  // ---- From a value to pictures ----

  async function load(value) {
    if (value && !hasFailed && JSON.stringify(value) === JSON.stringify(shown?.value)) return;
    const isNewest = loads.begin();
    hasFailed = false;
    say(message, "");
    shown = value && { ...value, value, latents: [] };
    if (!value) return board.replaceChildren();
    // Another seed or temperature: pictures stay, dimmed, until theirs comes.
    if (board.children.length !== value.panels.length) board.replaceChildren();
    fitPanels(value);
    const error = await fill(shown, () => isNewest() && element.isConnected);
    if (!error || !isNewest()) return;
    hasFailed = true;
    say(message, error);
  }

  // Other samples may be on their way too, with that of the seed: the choice waits for them.
  function bringBack(text) {
    [wanted, wantedUntil] = [pickIn(text), performance.now() + BROUGHT_BACK_MS];
    if (wanted) choose(wanted);
    else markSelected(null);
  }

  function choose([panel, index]) {
    const grid = board.children[panel] && tilesOf(board.children[panel]);
    if (shown?.latents[panel] && grid.children[index]) select(grid.children[index]);
  }

  async function fill(value, isWanted) {
    const { panels, count, temperature, seed } = value;
    const answers = await Promise.all(
      panels.map(({ model, distribution, label }) =>
        ask("sample", model.name, distribution, count, temperature, seed, label),
      ),
    );
    const refused = answers.find(({ error }) => error);
    if (refused || !isWanted()) return refused?.error;
    value.latents = answers.map(({ latents }, p) => unpack(latents, panels[p].model));
    const pick = performance.now() < wantedUntil ? wanted : null;
    wanted = null;
    if (pick) choose(pick);
    else remember(props.address, null);
    const done = await Promise.all(ofOneModel(panels).map((places) => fillPanels(value, places, isWanted)));
    return done.find(({ error }) => error)?.error;
  }

  /** The panels at these places, which are of one model. */
  function fillPanels({ panels, count, latents }, places, isWanted) {
    return decode(
      panels[places[0]].model,
      places.flatMap((p) => latents[p]),
      {
        order: interleaved(places.length, count),
        isWanted,
        onPictures(rows, pictures) {
          rows.forEach((row, k) => {
            const tiles = tilesOf(board.children[places[Math.floor(row / count)]]).children;
            fillTile(tiles[row % count], pictures[k]);
          });
        },
      },
    );
  }

  function fillTile(tile, picture) {
    const image = tile.firstChild ?? tile.appendChild(make("img", { alt: "" }));
    image.src = urlOf(picture);
    picture.close();
    tile.classList.remove("is-waiting");
  }

  // ---- Panels and tiles ----

  function fitPanels({ panels, count }) {
    panels.forEach(({ distribution, title }, p) => {
      const panel = board.children[p] ?? board.appendChild(newPanel(filesOf(p)));
      const [caption, grid] = panel.children;
      caption.textContent = title;
      caption.hidden = panels.length === 1;
      panel.setAttribute("aria-label", title);
      panel.dataset.distribution = distribution;
      while (grid.children.length > count) grid.lastChild.remove();
      while (grid.children.length < count) grid.append(newTile(grid.children.length));
      grid.style.setProperty("--columns", Math.ceil(Math.sqrt(count)));
      for (const tile of grid.children) tile.classList.add("is-waiting");
      setReachable(grid.children, 0);
    });
    markSelected(null);
    board.dataset.panels = panels.length;
  }

  function markSelected(selected) {
    for (const tile of board.querySelectorAll("button")) tile.setAttribute("aria-pressed", tile === selected);
  }

  function select(tile) {
    const grid = tile.parentElement;
    const panel = grid.parentElement;
    const index = [...grid.children].indexOf(tile);
    markSelected(tile);
    setReachable(grid.children, index);
    const { temperature, seed, latents } = shown;
    const number = [...board.children].indexOf(panel);
    const { model, distribution, label } = shown.panels[number];
    remember(props.address, `${number},${index}`);
    const latent = pack([latents[number][index]], model);
    const words = wordsOf({ distribution, temperature, seed, index, label });
    tell("select", { model: model.name, latent, words, distribution, temperature, seed, index });
  }

  // ---- Files ----

  /** The row that saves a panel: its pictures in a square, and their latents. */
  function filesOf(p) {
    function get() {
      const { panels, latents, temperature, seed } = shown;
      const tiles = [...tilesOf(board.children[p]).children];
      if (!latents[p] || tiles.some((tile) => tile.classList.contains("is-waiting"))) {
        throw new Error(NOT_ALL);
      }
      const { model, ...panel } = panels[p];
      const wordsAt = (index) => wordsOf({ ...panel, temperature, seed, index });
      return {
        model,
        latents: latents[p],
        pictures: tiles.map((tile) => tile.firstChild),
        columns: Math.ceil(Math.sqrt(tiles.length)),
        name: nameOf({ ...panel, temperature, seed }),
        names: ["sample"],
        facts: tiles.map((_, index) => [wordsAt(index)]),
      };
    }
    const pictures = async () => {
      const { pictures, ...found } = get();
      return { ...found, pictures: await Promise.all(pictures.map((image) => createImageBitmap(image))) };
    };
    return downloads([sheetOffer("All samples in one picture", pictures), ...latentOffers(async () => get())]);
  }

  // ---- Pointer and keys ----

  const tileOf = (event) => event.target.closest(".sample-grid-tiles button");

  board.addEventListener("click", (event) => {
    const tile = tileOf(event);
    if (!tile) return;
    const grid = tile.parentElement;
    const place = [[...board.children].indexOf(grid.parentElement), [...grid.children].indexOf(tile)];
    if (shown.latents[place[0]]) select(tile);
    else [wanted, wantedUntil] = [place, Number.POSITIVE_INFINITY]; // chosen before its latent is there
  });

  board.addEventListener("keydown", (event) => {
    const tile = tileOf(event);
    if (!tile) return;
    const tiles = [...tile.parentElement.children];
    followKey(event, tiles, columnsOf(tiles));
  });

  watch("value", () => load(props.value));
  load(props.value);
}

const pickIn = (text) => numbersIn(text, { low: 0, high: LIMITS.maxCount - 1, least: 2 });

function newPanel(files) {
  const tiles = make("div", { className: "sample-grid-tiles" });
  return make("div", { attributes: { role: "group" } }, make("h4"), tiles, files);
}

const tilesOf = (panel) => panel.querySelector(".sample-grid-tiles");
const columnsOf = (tiles) => tiles.filter((other) => other.offsetTop === tiles[0].offsetTop).length;

function newTile(index) {
  const attributes = { "aria-label": `Sample ${index + 1}`, "aria-pressed": false };
  return make("button", { type: "button", className: "is-waiting", attributes });
}

/** The places of the panels, those of one model together. */
function ofOneModel(panels) {
  const names = panels.map(({ model }) => model.name);
  return [...new Set(names)].map((name) => [...names.keys()].filter((p) => names[p] === name));
}

/** The first of each panel, then the second of each, and so on. */
const interleaved = (panels, count) =>
  Array.from({ length: panels * count }, (_, k) => (k % panels) * count + Math.floor(k / panels));

/** What a sample is, such as "mixture sample 3 of seed 7 at temperature 0.5". */
const wordsOf = ({ index, ...asked }) => inWords(`sample ${index + 1}`, asked);

/** And all of them. */
const nameOf = (asked) => inWords("samples", asked);

function inWords(what, { distribution, temperature, seed, label }) {
  const from = distribution === "prior" ? "" : `${distribution} `;
  const at = temperature === 1 ? "" : ` at temperature ${temperature}`;
  const asked = Object.entries(label).map(([column, value]) => `, ${labelInWords(column, value)}`);
  return `${from}${what} of seed ${seed}${at}${asked.join("")}`;
}
