// The points in groups, one colour each: the categories of a column, as many as there are colours, or the points with a
// number and those without. Pure.

const COLOURS = 11; // as many as palette.js has
const OTHER = "other"; // and a grey
/** Of points, by Plotly's names: the second dozen of categories has the colours again in another shape, and so on. */
export const SHAPES = ["circle", "square", "diamond", "triangle-up"];
const MOST = COLOURS * SHAPES.length;
const FEWEST_ALIKE = 3; // points a category needs on average for its colour to say something

export class Grouping {
  /**
   * A group has a name, a slot: the number of its colour, or "other", and a shape: one of SHAPES. `groupOf` says for each
   * point which is its.
   */
  constructor(groups, groupOf, number = null) {
    const members = membersOf(groupOf, groups.length);
    this.groups = groups.map((group, g) => ({ shape: SHAPES[0], ...group, isVisible: true, members: members[g] }));
    this.groupOf = groupOf;
    this.number = number; // that the points are coloured by, if they are
  }

  groupAt(index) {
    return this.groups[this.groupOf[index]];
  }

  isShown(index) {
    return this.groupAt(index).isVisible;
  }

  isGrey(index) {
    return this.groupAt(index).slot === OTHER;
  }

  /** Those of these points that are shown, in the order to draw them in: the grey, which are many, under all colours. */
  toDraw(rows) {
    const shown = rows.filter((i) => this.isShown(i));
    const grey = this.groups.some(({ slot }) => slot === OTHER) ? shown.filter((i) => this.isGrey(i)) : [];
    if (!grey.length) return shown;
    const coloured = shown.filter((i) => !this.isGrey(i));
    shown.set(grey);
    shown.set(coloured, grey.length);
    return shown;
  }

  /** The number of a point, if the points are coloured by one and this point has it; or null. */
  numberAt(index) {
    const value = this.number?.values[index];
    return value === undefined || Number.isNaN(value) ? null : value;
  }

  /** Shows or hides one group. */
  toggle(group) {
    group.isVisible = !group.isVisible;
  }

  /** Hides all others; or shows them if they are hidden. */
  toggleAlone(group) {
    const isAlone = this.groups.every((other) => other.isVisible === (other === group));
    for (const other of this.groups) other.isVisible = isAlone || other === group;
  }
}

export function groupByNothing(points) {
  return new Grouping([{ name: "All", slot: 1 }], new Uint8Array(points.count));
}

export function groupByColumn({ categories, codes }) {
  const fits = categories.length <= MOST + 1; // the last may have the grey to itself
  const named = fits ? categories : categories.slice(0, MOST);
  const groups = named.map((name, k) => ({
    name: name || "no label",
    slot: k < MOST ? (k % COLOURS) + 1 : OTHER,
    shape: SHAPES[Math.floor(k / COLOURS) % SHAPES.length],
  }));
  if (!fits) groups.push({ name: `other (${(categories.length - MOST).toLocaleString()} more)`, slot: OTHER });
  // Codes count from the most frequent category on, so that all past the colours fall into the last group.
  return new Grouping(
    groups,
    Uint8Array.from(codes, (code) => Math.min(code, groups.length - 1)),
  );
}

export function groupByNumber(number) {
  const groups = [
    { name: number.name, slot: 1 },
    { name: "no number", slot: OTHER },
  ];
  return new Grouping(groups, Uint8Array.from(number.values, Number.isNaN), number);
}

/** Whether almost every point has a label of its own: good to search in; as colours they say nothing. */
export function isNearlyUnique({ categories: { length } }, { count }) {
  return length > COLOURS && length * FEWEST_ALIKE > count;
}

function membersOf(groupOf, count) {
  const sizes = new Uint32Array(count);
  for (const group of groupOf) sizes[group]++;
  const members = Array.from(sizes, (size) => new Uint32Array(size));
  const filled = new Uint32Array(count);
  for (let i = 0; i < groupOf.length; i++) members[groupOf[i]][filled[groupOf[i]]++] = i;
  return members;
}
