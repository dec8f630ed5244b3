import { numbersIn, recall, remember, textOf } from "../../web/address.js";
import { asking } from "../../web/ask.js";
import { decoder } from "../../web/decoder.js";
import { make, onSeen, say, telling } from "../../web/dom.js";
import { downloads, latentOffers, pictureOffer } from "../../web/downloads.js";
import { moved, pack, unpack } from "../../web/latents.js";
import { newest, oneAtATime } from "../../web/latest.js";
import { LIMITS } from "../../web/limits.js";
import { stripOf, urlOf } from "../../web/sheet.js";
import { STRIP_COEFFICIENTS, STRIP_SIDE } from "../../web/strip.js";
import { DirectionRow, LabelMenus } from "./rows.js";

const MOST_ROWS = 32; // sliders that a link may set
const SMALL = 128; // pixels; up to this side, a picture is enlarged with its pixels as they are

export function mount({ element, trigger, props, server, watch }) {
  const find = (name) => element.querySelector(`.direction-${name}`);
  const message = find("message");
  const body = find("body");
  const picture = find("picture");

  const tell = telling(trigger);
  const ask = asking(server);
  const { decode } = decoder(server);
  const loads = newest();
  const labelings = newest();
  const commits = newest();
  const drawOnce = oneAtATime(drawPicture);
  // What a link or Back asks for, until a hand moves something: every start that comes until then is moved by it.
  let wanted = coefficientsIn(recall(props.address, bringBack));
  let between = recall(betweenKey(props), chooseLabels);
  let drawing = null; // promise of the picture of the sliders' place
  let shown = null; // the value that is on the page
  let hasFailed = false; // whether a question about it failed: opening the tab asks again
  let start = null; // its latent
  let builtFor = null; // the name of the model whose directions the rows are
  let rows = []; // DirectionRow, that of the labels last
  let menus = null; // LabelMenus; null where no labels are offered

  // ---- A start ----

  async function load() {
    const { value } = props;
    const isRetry = value === shown;
    if (!value || (isRetry && !hasFailed) || !element.offsetParent) return;
    const isNewest = loads.begin();
    hasFailed = false;
    shown = value;
    [start] = unpack(value.latent, value.model);
    find("start").textContent = `From: ${value.words}`;
    if (builtFor !== value.model.name && !(await build(value.model, isNewest))) return;
    say(message, "");
    body.hidden = false;
    if (!isRetry) place(wanted ?? []);
    follow();
    commit();
    for (const row of rows) {
      await drawing; // a moving slider goes first
      if (!isNewest()) return;
      if (row === labelRow()) await drawLabels();
      else await drawStrip(row, isNewest);
    }
  }

  /** Makes the rows of a model's directions; returns whether that worked. */
  async function build(model, isNewest) {
    [builtFor, rows, menus] = [null, [], null];
    body.hidden = true;
    say(message, "Finding the directions …");
    const answer = await ask("directions", model.name);
    if (!isNewest()) return false;
    if (answer.error) {
      fail(answer.error);
      return false;
    }
    builtFor = model.name;
    const onMove = () => {
      wanted = null;
      follow();
    };
    const handlers = { onMove, onRest: commit };
    rows = unpack(answer.directions, model).map((direction, k) => {
      const name = `Direction ${k + 1}`;
      const share = `${(100 * answer.shares[k]).toFixed(1)}% of the variance`;
      const row = new DirectionRow(name, make("strong", { textContent: name }), share, handlers);
      return Object.assign(row, { direction, deviation: answer.deviations[k] });
    });
    if (Object.keys(answer.labels).length) {
      menus = new LabelMenus(answer.labels, changeLabels);
      menus.choose(between);
      rows.push(new DirectionRow("Label direction", menus.element, "", handlers));
    }
    find("rows").replaceChildren(...rows.map((row) => row.element));
    return true;
  }

  function fail(error) {
    hasFailed = true;
    say(message, error);
  }

  // ---- Strips ----

  async function drawStrip({ strip, direction, deviation }, isWanted) {
    strip.classList.add("is-waiting");
    const latents = STRIP_COEFFICIENTS.map((c) => moved(start, [direction], [deviation], [c]));
    const { pictures, error } = await decode(shown.model, latents, { isWanted });
    if (error && isWanted()) fail(error);
    if (!pictures) return;
    strip.classList.remove("is-waiting");
    strip.src = stripOf(pictures, STRIP_SIDE);
    closeAll(pictures);
  }

  const labelRow = () => menus && rows.at(-1);

  /** Finds the direction that the menus name, and draws its strip. */
  async function drawLabels() {
    const isNewest = labelings.begin();
    const row = labelRow();
    row.direction = null;
    if (!menus.chosen) {
      row.strip.removeAttribute("src");
      row.remark.textContent = "Choose two different labels.";
      return;
    }
    const { model } = shown;
    const answer = await ask("label_direction", model.name, ...menus.chosen);
    if (!isNewest() || row !== labelRow()) return;
    if (answer.error) {
      hasFailed = true;
      row.remark.textContent = answer.error;
      return;
    }
    row.remark.textContent = `the two means are ${answer.apart.toFixed(1)} deviations apart`;
    [row.direction] = unpack(answer.direction, model);
    row.deviation = answer.deviation;
    await drawStrip(row, () => isNewest() && row === labelRow());
  }

  function changeLabels() {
    wanted = null;
    between = menus.text;
    remember(betweenKey(props), between);
    labelRow().reset();
    drawLabels();
    follow();
    commit();
  }

  // ---- What the address keeps ----

  /** Sets the sliders, without a word. */
  function place(coefficients) {
    rows.forEach((row, k) => {
      row.reset(coefficients[k]);
    });
  }

  function bringBack(text) {
    wanted = coefficientsIn(text) ?? [];
    if (body.hidden) return;
    place(wanted);
    follow();
    commit();
  }

  async function chooseLabels(text) {
    between = text;
    if (!menus) return;
    menus.choose(text);
    await drawLabels();
    follow();
    commit();
  }

  // ---- The picture ----

  function here() {
    const [directions, deviations, coefficients] = ["direction", "deviation", "coefficient"].map((name) =>
      rows.map((row) => row[name]),
    );
    return moved(start, directions, deviations, coefficients);
  }

  function follow() {
    drawing = drawOnce();
  }

  async function drawPicture() {
    const { model } = shown;
    const { pictures, error } = await decode(model, [here()], { isWanted: () => shown.model.name === model.name });
    if (body.hidden) return closeAll(pictures ?? []); // another model's directions are on their way
    if (error) fail(error);
    if (!pictures) return;
    say(message, "");
    picture.src = urlOf(pictures[0]);
    picture.classList.toggle("is-small", pictures[0].width <= SMALL);
    closeAll(pictures);
  }

  /** Remembers where the sliders have come to rest, and tells it once the picture is there. */
  async function commit() {
    const isNewest = commits.begin();
    const values = rows.map((row) => row.value);
    if (!wanted) remember(props.address, values.some(Boolean) ? textOf(values, 2) : null);
    await drawing;
    if (!isNewest()) return;
    const { model } = shown;
    tell("commit", { model: model.name, latent: pack([here()], model), words: "moved" });
  }

  function reset() {
    wanted = null;
    place([]);
    follow();
    commit();
  }

  async function whole() {
    await drawing;
    const latent = here();
    return { model: shown.model, latents: [latent], latent, picture: await createImageBitmap(picture), name: "moved" };
  }

  find("result").append(downloads([pictureOffer(whole), ...latentOffers(whole)]));
  find("reset").addEventListener("click", () => shown && reset());
  onSeen(element, ({ isOpened }) => isOpened && load());
  watch("value", load);
  load();
}

const betweenKey = ({ address }) => address && `${address}.between`;

const coefficientsIn = (text) =>
  numbersIn(text, { low: -LIMITS.maxDeviations, high: LIMITS.maxDeviations, most: MOST_ROWS });

function closeAll(pictures) {
  for (const picture of pictures) picture.close();
}
