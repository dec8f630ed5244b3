// What is known of the units of a latent (its dimensions; of a spatial latent its channels), by what they can be shown
// and sorted: pure. `found` is the server's answer: app/kit/questions.py says what is in it.

import { spaced } from "../../web/labels.js";
import { digits, largestFirst } from "../../web/numbers.js";

export const EFFECT = "effect"; // which has to be worked out first, by decoding

/** What the bars can show: `{ id, name, unit, values }`; those of the effect are null until they are known. */
export function measuresOf({ kl, deviation, factors, shares }) {
  const measures = [
    { id: "deviation", name: "spread of the means", unit: "standard deviation", values: deviation },
    { id: EFFECT, name: "effect on the picture", unit: "of 255 levels", values: null },
    ...factors.map((factor, f) => ({
      id: `factor ${f}`,
      name: `what it says about ${spaced(factor)}`,
      unit: `% of the entropy of ${spaced(factor)}`,
      values: shares.map((row) => 100 * row[f]),
    })),
  ];
  if (kl) measures.unshift({ id: "kl", name: "KL", unit: "nats per picture", values: kl });
  return measures;
}

/** Units in the order in which their bars stand. */
export const orderOf = (values, order) => (order === "size" ? largestFirst(values) : [...values.keys()]);

/** The rows of the table, by how much a unit knows of a factor; or of null, the best of each factor first, in turn. */
export function rowsBy(shares, factor) {
  const best = shares[0].map((_, f) => largestFirst(shares.map((row) => row[f])));
  if (factor !== null) return best[factor];
  const rows = new Set();
  for (let turn = 0; rows.size < shares.length; turn++) {
    rows.add(best[turn % best.length].find((unit) => !rows.has(unit)));
  }
  return [...rows];
}

/** The direction of one unit of a latent of so many numbers: a channel has every so manieth. */
export function directionOf(unit, units, size) {
  return Float32Array.from({ length: size }, (_, i) => Number(i % units === unit));
}

/** Whether all of a unit has collapsed. */
export const isCollapsed = ({ active }, unit) => active[unit] === 0;

/** What the bars say together, in a sentence or two. */
export function summary({ id, name, unit, values }, { active, places, telling }, unitName) {
  const collapsed = active.filter((count) => count === 0).length;
  const grey = collapsed ? ` Grey: ${collapsed} that have collapsed.` : "";
  if (id === "kl") {
    const total = values.reduce((sum, value) => sum + value, 0);
    const size = (values.length * places).toLocaleString();
    const said = ` Of ${size} numbers, ${telling.toLocaleString()} say at least half a bit (0.35 nats) about a picture.`;
    return `How much each ${unitName} says about a picture, in nats (1.44 bits): ${digits(total)} in all.${said}${grey}`;
  }
  if (id === EFFECT) {
    const idle = values.filter((value) => value < 1).length;
    return (
      `How much the mean picture changes when one ${unitName} is raised by its standard deviation over the data; ` +
      `${idle} of ${values.length} change it by less than one level of 255.${grey}`
    );
  }
  if (id === "deviation") return `How widely the encoder's means spread over the data; collapsed below 0.1.${grey}`;
  return `${name[0].toUpperCase()}${name.slice(1)}, in ${unit}.${grey}`;
}

/** What is known of one unit, in a line. */
export function factsOf({ kl, deviation, active, places, factors, shares }, unit, effect) {
  const state = places > 1 ? `${active[unit]} of ${places} places active` : active[unit] ? "active" : "collapsed";
  const facts = [state, `spread ${digits(deviation[unit])}`];
  if (kl) facts.unshift(`KL ${digits(kl[unit])} nats`);
  if (effect !== undefined) facts.push(`changes the picture by ${digits(effect)} levels`);
  const known = largestFirst(shares[unit] ?? [])
    .slice(0, 2)
    .map((f) => `${percent(shares[unit][f])} of ${spaced(factors[f])}`);
  if (known.length) facts.push(`says ${known.join(", ")}`);
  return facts.join(" · ");
}

/** A share of 1 as a percentage. */
export const percent = (share) => `${(100 * share).toFixed(share < 0.095 ? 1 : 0)}%`;
