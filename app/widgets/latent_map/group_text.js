// Groups of points as a text of the address: pure. Of each group "o" and the corners of its outline, where that alone tells
// its points; or "r" and its rows, as runs: how many rows are left out before one, and how many more than one row it has, if
// any, in base 36. Then "f" where the direction between them is from the selected point.

import { numbersIn } from "../../web/address.js";
import { LIMITS } from "../../web/limits.js";
import { clamp } from "../../web/numbers.js";
import { extentOf, isInside, middleOf, thinOut } from "./geometry.js";

const CORNERS = 32; // at most, of an outline
const FINENESS = 500; // of its extent, what a coordinate is exact to
const COORDINATES = { low: -LIMITS.maxCoordinate, high: LIMITS.maxCoordinate };

/** A line around points as the outline of a group, which an address can hold: in few corners and few digits. */
export function outlineOf(line) {
  const corners = thinOut(line, CORNERS);
  const digits = clamp(Math.ceil(Math.log10(FINENESS / (extentOf(corners) || 1))), 0, 9);
  return corners.map((corner) => corner.map((number) => Number(number.toFixed(digits))));
}

/** The rows of the points within an outline. */
const rowsInside = (points, outline) => rowsFrom(points.count).filter((i) => isInside(points.place(i), outline));

/** Groups { a, b }, each of which may be null, as such a text; null for none. */
export function textOfGroups({ a, b }, points, isFromPoint) {
  const parts = [a, b].filter(Boolean).map((group) => outlineText(group, points) ?? rowsText(group));
  return parts.length ? [...parts, ...(isFromPoint ? ["f"] : [])].join("~") : null;
}

/** What such a text means on these points: { a, b, isFromPoint }; null where it means nothing. */
export function groupsIn(text, points) {
  const parts = (text ?? "").split("~");
  const isFromPoint = parts.at(-1) === "f";
  if (isFromPoint) parts.pop();
  const groups = parts.map((part) => groupIn(part, points));
  if (!groups.length || groups.length > 2 || groups.includes(null)) return null;
  return { a: groups[0], b: groups[1] ?? null, isFromPoint };
}

/** A group of these rows, with its outline. */
export const groupOf = (rows, outline, { x, y }) => ({ rows, outline, middle: middleOf(rows, x, y) });

function outlineText({ rows, outline }, points) {
  if (!outline.length) return null;
  const told = rowsInside(points, outline);
  return told.length === rows.length && told.every((row, k) => row === rows[k]) ? `o${outline.flat()}` : null;
}

function rowsText({ rows }) {
  const runs = []; // { gap, more }
  rows.forEach((row, k) => {
    const gap = k ? row - rows[k - 1] - 1 : row;
    if (k && gap === 0) runs.at(-1).more++;
    else runs.push({ gap, more: 0 });
  });
  return `r${runs.map(({ gap, more }) => gap.toString(36) + (more ? `-${more.toString(36)}` : "")).join(".")}`;
}

function groupIn(part, points) {
  const [kind, text] = [part[0], part.slice(1)];
  const outline = kind === "o" ? cornersIn(text) : [];
  const rows = kind === "o" ? rowsInside(points, outline) : kind === "r" ? rowsIn(text, points.count) : [];
  return rows.length ? groupOf(rows, outline, points) : null;
}

function cornersIn(text) {
  const numbers = numbersIn(text, { ...COORDINATES, least: 6, most: 2 * CORNERS }) ?? [];
  return Array.from({ length: numbers.length >> 1 }, (_, k) => numbers.slice(2 * k, 2 * k + 2));
}

function rowsIn(text, count) {
  const rows = [];
  let next = 0;
  for (const run of text.split(".")) {
    const [, gap, more] = run.match(/^([0-9a-z]{1,5})(?:-([0-9a-z]{1,5}))?$/) ?? [];
    const [first, last] = [
      next + Number.parseInt(gap, 36),
      next + Number.parseInt(gap, 36) + Number.parseInt(more ?? 0, 36),
    ];
    if (!(last < count)) return []; // also where it is no run
    for (let row = first; row <= last; row++) rows.push(row);
    next = last + 1;
  }
  return rows;
}

const rowsFrom = (count) => Array.from({ length: count }, (_, i) => i);
