// Labels of a data set as people read them: pure. `app/words/labels.py` does the same on the server, and says more.

const NONE = "none";

/** A column's name, or a label where its column is named: "hair_colour" -> "hair colour". */
export const spaced = (name) => name.replaceAll("_", " ");

/** A label with its column: "hair colour: red"; and "glasses", not "glasses: glasses". */
export const labelInWords = (column, label) =>
  label === column ? spaced(label) : `${spaced(column)}: ${spaced(label)}`;

/** What a picture shows, by pairs of columns and labels: "micah, long, no glasses"; empty labels are left out. */
export const labelsInWords = (pairs) =>
  pairs
    .filter(([, label]) => label)
    .map(([column, label]) => (label === NONE ? `no ${spaced(column)}` : spaced(label)))
    .join(", ");
