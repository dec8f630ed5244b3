// The points that a person has singled out on the map, with what is known of them.

const MOST_NUMBERS = 8_000_000; // of latents in a file: 32 MB

/** Whether there is anything that `selectionOf` would resolve to. */
export const hasSelection = ({ points, matches, selected }, { groups }) =>
  Boolean(groups.a || matches?.includes(1) || points.has(selected));

/**
 * What is selected: the groups that were gathered; or the points that a search found, or that were chosen by how they are
 * drawn; or the selected point. Resolves to what `latentOffers` takes. Rejects with a sentence where there is nothing.
 */
export async function selectionOf({ points, matches, selected }, { groups }) {
  const members = rowsOf(points, matches, selected, groups);
  if (!members.length) {
    throw new Error("Nothing is selected. Click a point, search for a label, or gather points with Lasso.");
  }
  if (!points.latents) throw new Error("The latents of this map are too many to be sent.");
  const size = points.model.shape.reduce((product, side) => product * side, 1);
  if (members.length * size > MOST_NUMBERS) {
    throw new Error(`At most ${Math.floor(MOST_NUMBERS / size).toLocaleString()} points of this map fit a file.`);
  }
  const latents = await points.latents.latentsOf(members.map(({ row }) => row));
  const names = ["row", "group", "x", "y", ...points.columns.map(({ name }) => name)];
  const facts = members.map(({ row, group }) => {
    return [row, group, ...points.place(row), ...points.labels(row).map(([, label]) => label)];
  });
  return { model: points.model, latents, name: "map selection", names, facts };
}

function rowsOf(points, matches, selected, { a, b }) {
  const inGroup = (group, found) => (found?.rows ?? []).map((row) => ({ row, group }));
  if (a) return [...inGroup("A", a), ...inGroup("B", b)];
  const rows = matches ? [...matches.keys()].filter((row) => matches[row]) : [];
  if (rows.length) return rows.map((row) => ({ row, group: "" }));
  return points.has(selected) ? [{ row: selected, group: "" }] : [];
}
