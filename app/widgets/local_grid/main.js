import { numbersIn, recall, remember } from "../../web/address.js";
import { asking } from "../../web/ask.js";
import { decoder } from "../../web/decoder.js";
import { make, onSeen, say, setReachable, telling } from "../../web/dom.js";
import { downloads, latentOffers, NOT_ALL, sheetOffer } from "../../web/downloads.js";
import { moved, pack, unpack } from "../../web/latents.js";
import { newest } from "../../web/latest.js";
import { LIMITS } from "../../web/limits.js";
import { urlOf } from "../../web/sheet.js";

const REACH = LIMITS.localReach;
const MOST_STEPS = 32; // that a link may ask for
const WIDTH = 2 * REACH + 1;
const MIDDLE = (WIDTH ** 2 - 1) / 2;

export function mount({ element, trigger, props, server, watch }) {
  const find = (name) => element.querySelector(`.local-grid-${name}`);
  const message = find("message");
  const backButton = find("back");
  const tiles = PLACES.map(newTile);
  find("tiles").append(...tiles);

  const tell = telling(trigger);
  const ask = asking(server);
  const { decode } = decoder(server);
  const loads = newest();
  let shown = null; // the value that is on the page
  let hasFailed = false; // whether its last question failed: opening the tab asks again
  let path = []; // the middles, from the start to the present one
  let steps = []; // the tiles that led from each to the next
  let wanted = stepsIn(recall(props.address, bringBack)); // by a link, from every start until a hand takes a step
  let latents = []; // of the tiles; none while they are not known

  function load() {
    const { value } = props;
    if (!value || (value === shown && !hasFailed) || !element.offsetParent) return;
    if (shown?.model.name !== value.model.name) for (const tile of tiles) tile.firstChild.removeAttribute("src");
    if (value !== shown) [path, steps] = [unpack(value.latent, value.model), []];
    shown = value;
    if (wanted) retrace(wanted);
    else draw();
  }

  // As far as the server answers.
  async function retrace(target) {
    const common = steps.findIndex((step, k) => step !== target[k]);
    const kept = common < 0 ? Math.min(steps.length, target.length) : common;
    [path, steps] = [path.slice(0, kept + 1), steps.slice(0, kept)];
    const origin = shown;
    for (;;) {
      await draw();
      const step = target[steps.length];
      if (step === undefined || shown !== origin || !latents[step]) return;
      goTo(step);
    }
  }

  function goTo(place) {
    path.push(latents[place]);
    steps.push(place);
  }

  function bringBack(text) {
    wanted = null;
    if (shown) retrace(stepsIn(text) ?? []);
  }

  async function draw() {
    const isNewest = loads.begin();
    const { model, words } = shown;
    const middle = path.at(-1);
    const count = steps.length;
    if (!wanted) remember(props.address, count ? steps.join(",") : null);
    latents = [];
    hasFailed = false;
    say(message, "");
    backButton.disabled = !count;
    find("steps").textContent = count ? `${count} step${count > 1 ? "s" : ""} from: ${words}` : words;
    for (const tile of tiles) tile.classList.add("is-waiting");
    tell("commit", {
      model: model.name,
      latent: pack([middle], model),
      words: count ? `around step ${count}` : words,
    });
    const error = await fill(middle, model, () => isNewest() && element.isConnected);
    if (error && isNewest()) refuse(error);
  }

  async function fill(middle, model, isWanted) {
    const answer = await ask("local_directions", model.name, pack([middle], model));
    if (answer.error || !isWanted()) return answer.error;
    const directions = unpack(answer.directions, model);
    latents = PLACES.map((place) => moved(middle, directions, answer.deviations, place));
    find("body").hidden = false;
    const { error } = await decode(model, latents, {
      order: ORDER,
      isWanted,
      onPictures(places, pictures) {
        places.forEach((place, k) => {
          tiles[place].firstChild.src = urlOf(pictures[k]);
          tiles[place].classList.remove("is-waiting");
          pictures[k].close();
        });
      },
    });
    return error;
  }

  function refuse(error) {
    hasFailed = true;
    find("body").hidden = !tiles.some((tile) => tile.firstChild.src); // nothing to walk on
    say(message, error);
  }

  function walk(place) {
    if (!latents[place] || place === MIDDLE) return;
    goTo(place);
    wanted = null;
    setReachable(tiles, MIDDLE);
    draw();
  }

  // ---- Files ----

  async function whole() {
    if (!latents.length || tiles.some((tile) => tile.classList.contains("is-waiting"))) {
      throw new Error(NOT_ALL);
    }
    const pictures = await Promise.all(tiles.map((tile) => createImageBitmap(tile.firstChild)));
    const names = ["steps to the right", "steps down"];
    return { model: shown.model, latents, pictures, columns: WIDTH, name: "around", names, facts: PLACES };
  }

  find("body").append(downloads([sheetOffer("All of these in one picture", whole), ...latentOffers(whole)]));

  // ---- Pointer and keys ----

  find("tiles").addEventListener("click", (event) => walk(tiles.indexOf(event.target.closest("button"))));

  find("tiles").addEventListener("keydown", (event) => {
    const place = tiles.indexOf(event.target.closest("button"));
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (place < 0 || !step) return;
    event.preventDefault();
    const [x, y] = [(place % WIDTH) + step[0], Math.floor(place / WIDTH) + step[1]];
    if (x < 0 || y < 0 || x >= WIDTH || y >= WIDTH) return;
    setReachable(tiles, y * WIDTH + x);
    tiles[y * WIDTH + x].focus();
  });

  backButton.addEventListener("click", () => {
    path.pop();
    steps.pop();
    wanted = null;
    draw();
  });

  onSeen(element, ({ isOpened }) => isOpened && load());
  watch("value", load);
  load();
}

function stepsIn(text) {
  const found = numbersIn(text, { low: 0, high: WIDTH ** 2 - 1, most: MOST_STEPS });
  return found?.every((step) => Number.isInteger(step) && step !== MIDDLE) ? found : null;
}

/** Of each tile, row by row, how many steps it is to the right of the middle, and below it. */
const PLACES = Array.from({ length: WIDTH ** 2 }, (_, k) => [(k % WIDTH) - REACH, Math.floor(k / WIDTH) - REACH]);

/** The tiles from the middle's row outwards. */
const ORDER = [...PLACES.keys()].sort((a, b) => Math.abs(PLACES[a][1]) - Math.abs(PLACES[b][1]) || a - b);

function newTile([x, y], place) {
  const words = (steps, less, more) => (steps ? `${Math.abs(steps)} ${steps < 0 ? less : more}` : "");
  const where = [words(x, "left", "right"), words(y, "up", "down")].filter(Boolean).join(", ");
  const isMiddle = place === MIDDLE;
  const attributes = { "aria-label": where || "The centre" };
  if (isMiddle) attributes["aria-current"] = true;
  return make("button", { type: "button", tabIndex: isMiddle ? 0 : -1, attributes }, make("img", { alt: "" }));
}
