// How well the pictures of a data set are drawn. What is chosen here is asked of the server, and told to the map.

import { recall, remember } from "../../web/address.js";
import { asking } from "../../web/ask.js";
import { make, onFirstSight, placing, telling } from "../../web/dom.js";
import { downloads } from "../../web/downloads.js";
import { labelsInWords, spaced } from "../../web/labels.js";
import { newest } from "../../web/latest.js";
import { LIMITS } from "../../web/limits.js";
import { digits } from "../../web/numbers.js";
import { cut, urlOf } from "../../web/sheet.js";
import { pngOfSvg, textOfSvg } from "../../web/svg.js";
import { csvOf } from "../../web/tables.js";
import { figureOf } from "./figure.js";
import { Histogram } from "./histogram.js";
import { chosenIn, textOf, withRange } from "./ranges.js";

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
  let known = null; // the last answer
  let wanted = recall(props.address, bringBack); // what the page was opened with, until it is there

  // ---- A model ----

  function load() {
    questions.drop();
    pages.drop();
    // Another layout of the same map: what is chosen stays.
    if (value && value.model?.name === props.value?.model?.name) wanted ??= textOf(chosen, value.columns);
    value = props.value;
    chosen = none();
    known = null;
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
    columnBox.replaceChildren(...value.columns.map((name) => new Option(spaced(name), name)));
    chosen.column = columnBox.value;
    const opened = wanted && chosenIn(wanted, ...names());
    wanted = null;
    if (opened) take(opened);
    else keep();
    const mine = value;
    onFirstSight(element, () => mine === value && show());
  }

  const names = () => [value.measures.map(({ name }) => name), value.columns];

  // ---- What is chosen ----

  function update(change) {
    take(change);
    show();
  }

  function take(change) {
    Object.assign(chosen, change);
    const { ranges, column, label } = chosen;
    if (column) columnBox.value = column;
    tell("narrow", label || Object.keys(ranges).length ? { ranges, column, label } : {});
    keep();
  }

  function keep() {
    const text = textOf(chosen, value.columns);
    remember(props.address, text && text.length <= LIMITS.maxLinkedText ? text : null);
  }

  function bringBack(text) {
    if (!value?.measures?.length) {
      wanted = text;
      return;
    }
    const [column] = value.columns;
    update(chosenIn(text, ...names()) ?? { ...none(), column: column ?? "" });
  }

  async function show() {
    const { model } = value;
    const { ranges, column, label } = chosen;
    const isNewest = questions.begin();
    const answer = await ask("failures", model.name, ranges, column, label);
    if (!isNewest()) return;
    if (answer.error) return showMessage("error", answer.error);
    known = answer;
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
        const button = make("button", { type: "button", attributes }, make("span", {}, spaced(label)), figures);
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
    const words = labelsInWords(Object.entries(labels)) || `Point ${index}`;
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
    else {
      keep();
      show();
    }
  });

  // ---- Files ----

  function histogramRows() {
    return [...histograms.keys()].flatMap((name) => {
      const { edges, counts, chosen: among } = known.histograms[name];
      return counts.map((count, k) => [name, edges[k], edges[k + 1], count, among[k]]);
    });
  }

  const labelRows = () => known.labels.map(({ label, count, median }) => [chosen.column, label, count, median]);

  function table(title, name, head, rows) {
    const makeFile = async () => ({ name: `${value.model.name} ${name}`, content: csvOf([head, ...rows()]) });
    return { kind: "csv", title, make: makeFile };
  }

  function drawing() {
    const style = getComputedStyle(find(""));
    const [ground, accent] = ["--body-background-fill", "--color-accent"].map((name) => style.getPropertyValue(name));
    const shown = value.measures.map(({ name, title }) => ({ title, ...known.histograms[name] }));
    return figureOf(shown, { ground, accent, ink: style.color, font: style.fontFamily });
  }

  function picture(kind, contentOf) {
    const makeFile = async () => ({ name: `${value.model.name} histograms`, content: await contentOf(drawing()) });
    return { kind, title: "The histograms as a picture", make: makeFile };
  }

  const ofHistograms = ["measure", "from", "to", "pictures", "chosen"];
  const ofLabels = ["column", "label", "pictures", "median"];
  find("-histograms").after(
    downloads(
      [
        picture("png", pngOfSvg),
        picture("svg", textOfSvg),
        table("The histograms as a table, one bin a row", "histograms", ofHistograms, histogramRows),
      ],
      "Download the histograms",
    ),
  );
  list.after(downloads([table("The labels as a table", "labels", ofLabels, labelRows)], "Download the labels"));

  find("-all").addEventListener("click", () => update({ ranges: {}, label: "" }));
  before.addEventListener("click", () => turn(Math.max(0, page.first - tiles.children.length)));
  after.addEventListener("click", () => turn(page.first + tiles.children.length));
  watch("value", load);
  load();
}

const none = () => ({ ranges: {}, column: "", label: "" });
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
