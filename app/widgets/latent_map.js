"use strict";
// Gradio runs this file and those after it as the body of one function, once for each LatentMap on the page, with
// `element`, `trigger`, `props`, `server`, `upload` and `watch` in scope:
//   latent_map.js           the state; from the value to points and groups of them
//   latent_map_view.js      the points as Plotly draws them, the part of the map in view, rings and the marker
//   latent_map_card.js      which point is where; the picture beside the pointer
//   latent_map_hands.js     pointer, wheel, keys, files that are dropped
//   latent_map_pictures.js  what lies under and over the points: decoded pictures, the lattice, lines of density
//   latent_map_drawing.js   the tools that draw on the map: path and lasso
//   latent_map_page.js      switches, legend, search, states; starts it all
//
// Plotly draws the points, with WebGL. What it draws is a function of the state below (`cloud`, `grouping`, `matches`,
// `view`); panning, zooming and finding the point under the pointer are done here, since Plotly knows no pinch, and
// its own hover knows only points, not the places between them.

const COLOURS = 11; // as many as the style sheet defines
const GRID_CELLS = 160; // along the longer side

const find = (name) => element.querySelector(`.latent-map${name}`);
const root = find("");
const stage = find("-stage");
const viewport = find("-view");
const plot = find("-plot");
const overlay = find("-overlay");
const card = find("-card");
const cardPicture = card.querySelector("img");
const cardNearness = find("-nearness");
const cardLabels = card.querySelector("dl");
const message = find("-message");
const legend = find("-legend");
const colourSelect = find("-colour");
const searchBox = find("-search");
const found = find("-found");
const live = find("-live");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// What the events say; app/tabs/common.py tells why each says it in one object.
const told = { select: {}, walk_path: {}, compare_groups: {}, drop_picture: {} };

let Plotly = null;
let cloud = null; // the points; null until they are there
let grouping = null; // {groups, groupOf}: the points by the chosen column
let matches = null; // Uint8Array, 1 where a label holds the searched text; null without a search
let searchedFor = ""; // what `matches` answers
let matchAt = null; // which of the matches was jumped to last
let view = null; // {x, y, scale}: the map place in the middle, and CSS pixels per map unit
let size = { width: 0, height: 0 };
let isDrawn = false;
let isFirst = true; // no map has been drawn on this page
let drawnPointSize = 0;
let drawnView = null; // that Plotly drew last
let aimed = null; // {index, x, y}: what the card is about; index null for a place between points
let selected = null;
let loadCount = 0; // tells a value that is overtaken while it loads
let flight = 0; // tells a camera flight that is overtaken
let viewRequest = 0;

// ---- The value: from text to typed arrays ----

function decodeBase64(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes.buffer;
}

function readCloud({ model, count, x, y, columns, numbers, spacing }) {
  const floats = (text) => new Float32Array(decodeBase64(text));
  const points = { model, count, spacing, x: floats(x), y: floats(y) };
  points.columns = columns.map((column) => ({ ...column, codes: new Uint16Array(decodeBase64(column.codes)) }));
  points.numbers = numbers.map((number) => ({ ...number, values: floats(number.values) }));
  points.bounds = boundsOf(points.x, points.y);
  points.grid = buildGrid(points);
  return points;
}

function boundsOf(xs, ys) {
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < xs.length; i++) {
    left = Math.min(left, xs[i]);
    right = Math.max(right, xs[i]);
    bottom = Math.min(bottom, ys[i]);
    top = Math.max(top, ys[i]);
  }
  return { left, right, bottom, top };
}

// Points by square cell, so that the one under the pointer is found among dozens instead of all.
function buildGrid({ count, x, y, bounds }) {
  const cell = Math.max(bounds.right - bounds.left, bounds.top - bounds.bottom, 1e-9) / GRID_CELLS;
  const columns = Math.floor((bounds.right - bounds.left) / cell) + 1;
  const rows = Math.floor((bounds.top - bounds.bottom) / cell) + 1;
  const cellOf = (i) =>
    Math.floor((y[i] - bounds.bottom) / cell) * columns + Math.floor((x[i] - bounds.left) / cell);
  const starts = new Uint32Array(columns * rows + 1);
  for (let i = 0; i < count; i++) starts[cellOf(i) + 1]++;
  for (let c = 1; c < starts.length; c++) starts[c] += starts[c - 1];
  const free = starts.slice();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[free[cellOf(i)]++] = i;
  return { cell, columns, rows, starts, order };
}

function labelsOf(index) {
  return cloud.columns.map(({ name, categories, codes }) => [name, categories[codes[index]]]);
}

// The number that the points are coloured by, if they are.
function numberOf(index) {
  const { number } = grouping;
  return number && !Number.isNaN(number.values[index]) ? [[number.name, shortly(number.values[index])]] : [];
}

const shortly = (number) => String(Number(number.toPrecision(3)));

function describe(index) {
  const words = labelsOf(index).map(([, label]) => label).filter(Boolean);
  return words.join(", ") || `Point ${index}`;
}

// ---- Groups: the categories of a column, as many as there are colours; or the points with a number ----

function groupByNumber(number) {
  const groupOf = new Uint8Array(cloud.count);
  number.values.forEach((value, i) => (groupOf[i] = Number.isNaN(value) ? 1 : 0));
  const groups = [{ name: number.name, slot: 1, number }, { name: "no number", slot: "other" }];
  return { groupOf, groups: gather(groups, groupOf), number };
}

function groupBy(column) {
  const groupOf = new Uint8Array(cloud.count);
  const groups = column ? groupsOf(column) : [{ name: "All", slot: 1 }];
  // Codes count from the most frequent category on, so that all past the colours fall into the last group.
  if (column) for (let i = 0; i < cloud.count; i++) groupOf[i] = Math.min(column.codes[i], groups.length - 1);
  return { groupOf, groups: gather(groups, groupOf) };
}

function groupsOf({ categories }) {
  const fits = categories.length <= COLOURS + 1; // the last may have the grey to itself
  const named = fits ? categories : categories.slice(0, COLOURS);
  const groups = named.map((name, k) => ({ name: name || "no label", slot: k < COLOURS ? k + 1 : "other" }));
  if (!fits) groups.push({ name: `other (${(categories.length - COLOURS).toLocaleString()} more)`, slot: "other" });
  return groups;
}

function gather(groups, groupOf) {
  const sizes = new Uint32Array(groups.length);
  for (const group of groupOf) sizes[group]++;
  const members = groups.map((_, g) => new Uint32Array(sizes[g]));
  const filled = new Uint32Array(groups.length);
  groupOf.forEach((group, i) => (members[group][filled[group]++] = i));
  return groups.map((group, g) => ({ ...group, isVisible: true, members: members[g], ...positionsOf(members[g]) }));
}

function positionsOf(members) {
  return { x: Float32Array.from(members, (i) => cloud.x[i]), y: Float32Array.from(members, (i) => cloud.y[i]) };
}

const isShown = (index) => grouping.groups[grouping.groupOf[index]].isVisible;
