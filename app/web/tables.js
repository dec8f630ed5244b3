// Latents as files for other programs: a table, or an array of NumPy. Pure.

// Also behind what is not seen, and in full width.
const FORMULA = /^(?:[\s\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[=+\-@\uff0b\uff0d\uff1d\uff20]|[\t\r\n])/;

/**
 * Rows as CSV (RFC 4180): the first names the columns. A text that a spreadsheet would run as a formula gets an apostrophe
 * before it (OWASP, "CSV injection").
 */
export const csvOf = (rows) => rows.map((row) => `${row.map(field).join(",")}\r\n`).join("");

function field(value) {
  const isFormula = FORMULA.test(value) && Number.isNaN(Number(value));
  const text = isFormula ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Latents as a table, one a row, its numbers in the columns z0, z1, ... in the order of the latent's shape. `facts` has
 * for each the values of the columns before these, and `names` what those are called.
 */
export function latentTable(latents, names, facts) {
  const numbers = Array.from(latents[0], (_, i) => `z${i}`);
  return csvOf([[...names, ...numbers], ...latents.map((latent, k) => [...facts[k], ...Array.from(latent, shortest)])]);
}

/** In as many digits as tell a float32 from all others. */
const shortest = (number) => Number(number.toPrecision(9));

/** Latents of a model (a card) as a file of NumPy: float32, (count, ...shape). */
export function npyOf(latents, { shape }) {
  const sides = [latents.length, ...shape].join(", ");
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${sides}), }`;
  const length = Math.ceil((10 + header.length + 1) / 64) * 64; // the numbers begin at a multiple of 64
  const size = latents[0].length;
  const bytes = new Uint8Array(length + 4 * size * latents.length);
  bytes.set(Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, (length - 10) & 0xff, (length - 10) >> 8));
  bytes.set(new TextEncoder().encode(`${header.padEnd(length - 11)}\n`), 10);
  const numbers = new Float32Array(bytes.buffer, length);
  latents.forEach((latent, k) => {
    numbers.set(latent, k * size);
  });
  return bytes;
}
