// ---- Under and over the points: decoded pictures, the lattice, lines of density ----

const THUMBNAIL = 50; // CSS pixels, of a picture that stands for a point
const PICTURES_FROM = 2; // times the scale at which the whole map fits: nearer than this, pictures replace points
const CHOOSE_MS = 120; // between two choices of points while the view moves
const CELL = [44, 88]; // CSS pixels: a lattice cell is halved when it would be larger
const KEPT_THUMBNAILS = 1500;
const CHUNKS = [2, 32]; // pictures asked for at once
const CHUNK_MS = [90, 260]; // quicker: ask for more; slower: for fewer, so that the first ones come soon
const DENSITY_CELLS = 110; // along the longer side
const DENSITY_BLUR = 3; // cells
const DENSITY_SHARES = [0.95, 0.75, 0.5, 0.25, 0.1]; // of the points, inside each line

const picturesCanvas = find("-pictures");
const latticeCanvas = find("-lattice");
const contours = find("-contours");
const layers = { pictures: true, lattice: false, contours: false };
const thumbnails = createCache(KEPT_THUMBNAILS, (bitmap) => bitmap.close());
let chosen = []; // points that have a picture in their place
let cells = []; // of the lattice, in view: {key, ask, x, y, opacity}
let cellSide = 0; // map units
let wanted = []; // what to ask for, most wanted first: {key, ask}
let isFetching = false;
let chunk = CHUNKS[0];
let lastChoice = 0;

function toggleLayer(button) {
  const { layer } = button.dataset;
  layers[layer] = !layers[layer];
  button.setAttribute("aria-pressed", layers[layer]);
  root.classList.toggle("has-lattice", layers.lattice);
  if (layer === "contours") live.textContent = layers.contours ? "Lines of equal density shown" : "";
  lastChoice = 0;
  drawLayers();
}

function clearLayers() {
  thumbnails.clear();
  [chosen, cells, wanted, lastChoice] = [[], [], [], 0];
  for (const canvas of [picturesCanvas, latticeCanvas]) blank(canvas);
  contours.replaceChildren();
}

function resizeLayers() {
  for (const canvas of [picturesCanvas, latticeCanvas]) {
    canvas.width = Math.round(size.width * devicePixelRatio);
    canvas.height = Math.round(size.height * devicePixelRatio);
  }
}

// At every frame: what is chosen, at its place. What to choose is thought over a few times a second.
function drawLayers() {
  if (!isDrawn || !size.width) return;
  chooseWhenSettled();
  if (performance.now() - lastChoice > CHOOSE_MS) choosePictures();
  paintLayers();
}

const chooseWhenSettled = debounced(() => {
  if (!isDrawn || !size.width) return;
  choosePictures();
  paintLayers();
}, SETTLE_MS);

function choosePictures() {
  lastChoice = performance.now();
  cells = layers.lattice ? latticeCells() : [];
  chosen = layers.pictures && !layers.lattice && isNear() ? choosePoints() : [];
  wanted = [...cells.filter(({ opacity }) => opacity > 0), ...chosen.map((i) => ({ key: i, ask: i }))];
  if (server.thumbnails && !isFetching) fetchThumbnails();
}

const isNear = () => view.scale >= PICTURES_FROM * fittedView().scale;

// Greedily, no two overlapping; those that have a picture keep it, so that panning changes nothing.
function choosePoints() {
  const taken = new Map(); // screen cell -> pixels of the pictures in it; a picture overlaps those of 3 x 3 cells only
  const picked = [];
  const slot = (px, py) => Math.floor(px / THUMBNAIL) * 4096 + Math.floor(py / THUMBNAIL);
  const isFree = (px, py) => {
    for (let dx = -1; dx <= 1; dx++) {
      for (let dy = -1; dy <= 1; dy++) {
        const others = taken.get(slot(px + dx * THUMBNAIL, py + dy * THUMBNAIL)) ?? [];
        if (others.some(([ox, oy]) => Math.abs(ox - px) < THUMBNAIL && Math.abs(oy - py) < THUMBNAIL)) return false;
      }
    }
    return true;
  };
  const consider = (i) => {
    if (!isShown(i) || (matches && !matches[i])) return;
    const [px, py] = toPixels(cloud.x[i], cloud.y[i]);
    const edge = THUMBNAIL / 2;
    if (px < -edge || py < -edge || px > size.width + edge || py > size.height + edge || !isFree(px, py)) return;
    const key = slot(px, py);
    if (!taken.has(key)) taken.set(key, []);
    taken.get(key).push([px, py]);
    picked.push(i);
  };
  if (selected !== null && selected < cloud.count) consider(selected);
  chosen.forEach(consider);
  pointsInView(consider);
  return picked;
}

function pointsInView(visit) {
  const { cell, columns, rows, starts, order } = cloud.grid;
  const [[left, right], [bottom, top]] = ranges();
  const place = (value, from, count) => Math.min(count - 1, Math.max(0, Math.floor((value - from) / cell)));
  const [firstColumn, lastColumn] = [left, right].map((x) => place(x, cloud.bounds.left, columns));
  const [firstRow, lastRow] = [bottom, top].map((y) => place(y, cloud.bounds.bottom, rows));
  for (let row = firstRow; row <= lastRow; row++) {
    const end = starts[row * columns + lastColumn + 1];
    for (let k = starts[row * columns + firstColumn]; k < end; k++) visit(order[k]);
  }
}

// Fixed to the map, in sizes that halve: the same places come again, here and for other people.
function latticeCells() {
  const { left, right, bottom, top } = cloud.bounds;
  const extent = Math.max(right - left, top - bottom, 1e-9);
  cellSide = extent / 2 ** Math.floor(Math.log2((extent * view.scale) / CELL[0]));
  const [[viewLeft, viewRight], [viewBottom, viewTop]] = ranges();
  const found = [];
  for (let c = Math.floor((viewLeft - left) / cellSide); left + c * cellSide < viewRight; c++) {
    for (let r = Math.floor((viewBottom - bottom) / cellSide); bottom + r * cellSide < viewTop; r++) {
      const [x, y] = [left + (c + 0.5) * cellSide, bottom + (r + 0.5) * cellSide];
      const opacity = closeness(x, y);
      if (opacity > 0) found.push({ key: `${x} ${y}`, ask: [x, y], x, y, opacity });
    }
  }
  const distance = ({ x, y }) => (x - view.x) ** 2 + (y - view.y) ** 2;
  return found.sort((a, b) => distance(a) - distance(b));
}

// 1 among the points, 0 far from them.
function closeness(x, y) {
  const solid = Math.max(0.7 * cellSide, NEAR * cloud.spacing);
  const gone = Math.max(1.4 * cellSide, BETWEEN * cloud.spacing);
  const nearest = nearestPoint(x, y, gone);
  if (nearest === null) return 0;
  const distance = Math.hypot(cloud.x[nearest] - x, cloud.y[nearest] - y);
  return Math.min(1, Math.max(0, (gone - distance) / (gone - solid)));
}

// ---- Fetching: one request at a time, always for the newest view ----

async function fetchThumbnails() {
  isFetching = true;
  for (;;) {
    const batch = wanted.filter(({ key }) => !thumbnails.has(key)).slice(0, chunk);
    if (!batch.length) break;
    const [points, began] = [cloud, performance.now()];
    try {
      const answer = await server.thumbnails(points.model, batch.map(({ ask }) => ask));
      if (answer.error) throw new Error(answer.error);
      const bitmaps = await sliceStrip(answer, batch.length);
      if (points !== cloud) continue; // another model's map is up
      batch.forEach(({ key }, k) => thumbnails.set(key, bitmaps[k]));
    } catch (error) {
      console.error(error);
      if (points === cloud) break; // until the view changes
      continue;
    }
    adaptChunk(performance.now() - began);
    if (isDrawn && size.width) paintLayers();
  }
  isFetching = false;
}

function adaptChunk(milliseconds) {
  if (milliseconds < CHUNK_MS[0]) chunk = Math.min(CHUNKS[1], chunk * 2);
  if (milliseconds > CHUNK_MS[1]) chunk = Math.max(CHUNKS[0], Math.ceil(chunk / 2));
}

async function sliceStrip({ strip, side }, count) {
  const picture = new Image();
  picture.src = strip;
  await picture.decode();
  return Promise.all(Array.from({ length: count }, (_, k) => createImageBitmap(picture, k * side, 0, side, side)));
}

// ---- Painting ----

function paintLayers() {
  // Also for whoever wants to know what is there without looking at pixels.
  root.dataset.pictures = paintPictures().join(" ");
  root.dataset.cells = paintLattice();
  placeContours();
}

function blank(canvas) {
  const context = canvas.getContext("2d");
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.imageSmoothingQuality = "high";
  return context;
}

// Each in a frame of its group's colour. Returns the points that have one.
function paintPictures() {
  const context = blank(picturesCanvas);
  const colour = colours();
  const painted = chosen.filter((i) => thumbnails.has(i) && isShown(i));
  for (const i of painted) {
    const [px, py] = toPixels(cloud.x[i], cloud.y[i]);
    const [left, top] = [Math.round(px - THUMBNAIL / 2), Math.round(py - THUMBNAIL / 2)];
    context.fillStyle = colourOf(i, colour);
    context.fillRect(left + 1, top + 1, THUMBNAIL - 2, THUMBNAIL - 2);
    context.drawImage(thumbnails.get(i), left + 3, top + 3, THUMBNAIL - 6, THUMBNAIL - 6);
  }
  return painted;
}

function colourOf(index, colour) {
  const { number, groups, groupOf } = grouping;
  const value = number?.values[index];
  if (!number || Number.isNaN(value)) return colour(groups[groupOf[index]].slot);
  const steps = ramp();
  const [low, high] = number.range;
  const place = Math.round(((value - low) / (high - low || 1)) * (steps.length - 1));
  return steps[Math.min(steps.length - 1, Math.max(0, place))];
}

function paintLattice() {
  const context = blank(latticeCanvas);
  const side = cellSide * view.scale;
  let count = 0;
  for (const { key, x, y, opacity } of cells) {
    const bitmap = thumbnails.get(key);
    if (!bitmap) continue;
    const [px, py] = toPixels(x, y);
    // To whole pixels, edge to edge with the neighbours.
    const [left, top] = [Math.round(px - side / 2), Math.round(py - side / 2)];
    context.globalAlpha = opacity;
    context.drawImage(bitmap, left, top, Math.round(px + side / 2) - left, Math.round(py + side / 2) - top);
    count++;
  }
  context.globalAlpha = 1;
  return count;
}

// The point whose picture is at these pixels, or null. The last painted is on top; none overlap once the view rests.
function pictureAt(px, py) {
  const half = THUMBNAIL / 2;
  const covers = (i) => {
    const [x, y] = toPixels(cloud.x[i], cloud.y[i]);
    return Math.abs(x - px) <= half && Math.abs(y - py) <= half && thumbnails.has(i) && isShown(i);
  };
  return chosen.findLast(covers) ?? null;
}

// ---- Lines of equal density ----

// A kernel density estimate on a grid (three box blurs are nearly a Gaussian), cut at the heights that hold the given
// shares of the points: highest-density regions (Hyndman 1996). One path, in map units; the view only moves it.
function buildContours() {
  contours.replaceChildren();
  if (cloud.count < 20) return;
  const { left, right, bottom, top } = cloud.bounds;
  const step = Math.max(right - left, top - bottom, 1e-9) / DENSITY_CELLS;
  const margin = 3 * DENSITY_BLUR;
  const columns = Math.ceil((right - left) / step) + 2 * margin + 1;
  const rows = Math.ceil((top - bottom) / step) + 2 * margin + 1;
  const cellOf = (i) =>
    (Math.round((cloud.y[i] - bottom) / step) + margin) * columns + Math.round((cloud.x[i] - left) / step) + margin;
  let density = new Float32Array(columns * rows);
  for (let i = 0; i < cloud.count; i++) density[cellOf(i)]++;
  for (let pass = 0; pass < 3; pass++) density = blur(blur(density, columns, rows, 1), columns, rows, columns);
  const heights = Float32Array.from({ length: cloud.count }, (_, i) => density[cellOf(i)]).sort();
  for (const share of DENSITY_SHARES) {
    const height = heights[Math.floor((1 - share) * (heights.length - 1))];
    const place = (c, r) => `${(left + (c - margin) * step).toFixed(3)} ${(bottom + (r - margin) * step).toFixed(3)}`;
    contours.append(shape("path", { d: outline(density, columns, rows, height, place) }));
  }
}

function blur(values, columns, rows, stride) {
  const blurred = new Float32Array(values.length);
  const [length, lines, across] = stride === 1 ? [columns, rows, columns] : [rows, columns, 1];
  for (let line = 0; line < lines; line++) {
    const start = line * across;
    for (let k = 0; k < length; k++) {
      let sum = 0;
      for (let d = -1; d <= 1; d++) sum += values[start + Math.min(length - 1, Math.max(0, k + d)) * stride];
      blurred[start + k * stride] = sum / 3;
    }
  }
  return blurred;
}

// Marching squares: each square of the grid has none, one or two pieces of the line.
function outline(values, columns, rows, height, place) {
  const pieces = [];
  for (let r = 0; r + 1 < rows; r++) {
    for (let c = 0; c + 1 < columns; c++) {
      const corners = [[c, r], [c + 1, r], [c + 1, r + 1], [c, r + 1]];
      const above = corners.map(([x, y]) => values[y * columns + x] - height);
      const crossings = [];
      for (let k = 0; k < 4; k++) {
        const [from, to] = [above[k], above[(k + 1) % 4]];
        if (from > 0 === to > 0) continue;
        const share = from / (from - to);
        const [[x, y], [toX, toY]] = [corners[k], corners[(k + 1) % 4]];
        crossings.push(place(x + (toX - x) * share, y + (toY - y) * share));
      }
      for (let k = 0; k + 1 < crossings.length; k += 2) pieces.push(`M${crossings[k]}L${crossings[k + 1]}`);
    }
  }
  return pieces.join("");
}

function placeContours() {
  contours.toggleAttribute("hidden", !layers.contours);
  if (!layers.contours) return;
  const [x, y] = toPixels(0, 0);
  const matrix = `matrix(${view.scale} 0 0 ${-view.scale} ${x} ${y})`;
  for (const line of contours.children) line.setAttribute("transform", matrix);
}
