// How well the pictures of a data set are drawn. What is chosen here is asked of the server, and told to the map.

import { asking } from "../../web/ask.js";
import { make, onFirstSight, placing, telling } from "../../web/dom.js";
import { newest } from "../../web/latest.js";
import { digits } from "../../web/numbers.js";
import { cut, urlOf } from "../../web/sheet.js";
import { Histogram } from "./histogram.js";
import { withRange } from "./ranges.js";

export function mount({ element, trigger, props, server, watch }) {
  const find = (name) => element.querySelector(`.failures${name}`);
  const [columnBox, list, tiles, before, after] = ["-column", "-list", "-tiles", "-before", "-after"].map(find);
  const { showMessage, showBody } = placing(
    { root: find(""), message: find("-message"), body: find("-body") },
    { props, watch },
  );
  const tell = telling(trigger);
  const ask = asking(server);
  const questions = newest();
  const pages = newest();
  let value = null; // what is on the page
  let histograms = new Map(); // by measure
  let chosen = none(); // what a person chose: ranges, and a label of the column
  let page = { first: 0, count: 0 }; // how many worse ones are left out, of how many

  // ---- A model ----

  function load() {
    questions.drop();
    pages.drop();
    value = props.value;
    chosen = none();
    if (!value?.measures?.length) return showMessage("empty", "");
    showMessage("waiting", "Sorting the pictures …");
    histograms = new Map(
      value.measures.map((measure) => {
        const choose = (range) => update({ ranges: withRange(chosen.ranges, measure.name, range) });
        return [measure.name, new Histogram(measure, choose)];
      }),
    );
    find("-histograms").replaceChildren(...[...histograms.values()].map(({ element }) => element));
    find("-labels").hidden = !value.columns.length;
    columnBox.replaceChildren(...value.columns.map((name) => new Option(name.replaceAll("_", " "), name)));
    chosen.column = columnBox.value;
    const mine = value;
    onFirstSight(element, () => mine === value && show());
  }

  // ---- What is chosen ----

  function update(change) {
    Object.assign(chosen, change);
    const { ranges, column, label } = chosen;
    tell("narrow", label || Object.keys(ranges).length ? { ranges, column, label } : {});
    show();
  }

  async function show() {
    const { model } = value;
    const { ranges, column, label } = chosen;
    const isNewest = questions.begin();
    const answer = await ask("failures", model.name, ranges, column, label);
    if (!isNewest()) return;
    if (answer.error) return showMessage("error", answer.error);
    showBody();
    for (const [name, histogram] of histograms) histogram.draw(answer.histograms[name], ranges[name]);
    drawLabels(answer.labels);
    const total = sum(Object.values(answer.histograms)[0].counts);
    const isAll = !label && !Object.keys(ranges).length;
    find("-count").textContent = isAll
      ? `All ${total.toLocaleString()} pictures. Drag across a histogram, or click it, to choose some. The map shows your choice too.`
      : `${answer.count.toLocaleString()} of ${total.toLocaleString()} pictures, here and on the map.`;
    find("-all").disabled = isAll;
    page = { first: 0, count: answer.count };
    await turn(0);
  }

  function drawLabels(labels) {
    const most = Math.max(...labels.map(({ median }) => median));
    list.replaceChildren(
      ...labels.map(({ label, count, median }) => {
        const attributes = { "aria-pressed": label === chosen.label, style: `--share: ${median / most}` };
        const figures = make("small", {}, `${digits(median)} · ${count.toLocaleString()}`);
        const button = make("button", { type: "button", attributes }, make("span", {}, label), figures);
        button.addEventListener("click", () => update({ label: label === chosen.label ? "" : label }));
        return button;
      }),
    );
  }

  // ---- The worst ----

  async function turn(first) {
    const { model } = value;
    const isNewest = pages.begin();
    tiles.classList.add("is-waiting");
    const answer = await ask("worst", model.name, chosen.ranges, chosen.column, chosen.label, first);
    const error = answer.error ?? (isNewest() && (await fill(answer, isNewest)));
    if (!isNewest()) return;
    tiles.classList.remove("is-waiting");
    if (error) return showMessage("error", error);
    page.first = first;
    const last = first + tiles.children.length;
    before.disabled = first === 0;
    after.disabled = last >= page.count;
    const { title } = value.measures[0];
    const kept = answer.originals ? "the original beside what the model draws" : "as the model draws it";
    find("-words").textContent = last
      ? `Worst first, by ${title}: ${first + 1} to ${last} of ${page.count.toLocaleString()}, ${kept}.`
      : "No picture fits this choice.";
  }

  async function fill({ points, originals, reconstructions }, isWanted) {
    try {
      const [kept, drawn] = await Promise.all([originals, reconstructions].map((sheet) => (sheet ? cut(sheet) : [])));
      if (isWanted()) tiles.replaceChildren(...points.map((point, k) => newTile(point, kept, drawn[k])));
      for (const picture of [...kept, ...drawn]) picture.close();
      return null;
    } catch (error) {
      console.error(error);
      return "These pictures did not arrive completely. Reload the page.";
    }
  }

  function newTile({ index, labels, numbers, is_kept }, kept, drawn) {
    const [{ name }] = value.measures;
    const words = Object.values(labels).filter(Boolean).join(", ") || `Point ${index}`;
    const pictures = is_kept ? [make("img", { src: urlOf(kept.shift()), alt: "original" })] : [];
    pictures.push(make("img", { src: urlOf(drawn), alt: "drawn" }));
    const button = make(
      "button",
      { type: "button", title: `${words}: show on the map` },
      make("span", {}, ...pictures),
      make("small", {}, `${digits(numbers[name])} · ${words}`),
    );
    button.addEventListener("click", () => tell("choose", { index }));
    return button;
  }

  // ---- Controls ----

  columnBox.addEventListener("change", () => {
    const hadLabel = chosen.label !== "";
    Object.assign(chosen, { column: columnBox.value, label: "" });
    if (hadLabel) update({});
    else show();
  });
  find("-all").addEventListener("click", () => update({ ranges: {}, label: "" }));
  before.addEventListener("click", () => turn(Math.max(0, page.first - tiles.children.length)));
  after.addEventListener("click", () => turn(page.first + tiles.children.length));
  watch("value", load);
  load();
}

const none = () => ({ ranges: {}, column: "", label: "" });
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
