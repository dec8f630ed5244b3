// ---- Finding points ----

// In units of the distance between neighbouring points, as the server's answer is. UMAP packs points tightly: on the
// fruit map, half of the empty area is within 100 of them.
const NEAR = 20;
const BETWEEN = 100;
const REMEMBERED_PICTURES = 400;
const MATCH_ZOOM = 4; // at least, where a search jumps to
const ANNOUNCE_DELAY_MS = 250;

function pointAt(px, py, radius) {
  const [x, y] = toMap(px, py);
  return nearestPoint(x, y, radius / view.scale);
}

// The nearest of the points that are shown, within reach; or null.
function nearestPoint(x, y, reach) {
  const { cell, columns, rows, starts, order } = cloud.grid;
  const { left, bottom } = cloud.bounds;
  const span = (from, count) => [
    Math.max(0, Math.floor((from - reach) / cell)),
    Math.min(count - 1, Math.floor((from + reach) / cell)),
  ];
  const [firstColumn, lastColumn] = span(x - left, columns);
  const [firstRow, lastRow] = span(y - bottom, rows);
  let [best, bestDistance] = [null, reach * reach];
  for (let row = firstRow; row <= lastRow; row++) {
    const end = starts[row * columns + lastColumn + 1];
    for (let k = starts[row * columns + firstColumn]; k < end; k++) {
      const i = order[k];
      const distance = (cloud.x[i] - x) ** 2 + (cloud.y[i] - y) ** 2;
      if (distance <= bestDistance && isShown(i)) [best, bestDistance] = [i, distance];
    }
  }
  return best;
}

// The nearest point within 45 degrees of a direction, straight ahead preferred.
function pointTowards(from, dx, dy) {
  const leastStep = 4 / view.scale; // pixels: a step that one can see
  let [best, bestCost] = [null, Infinity];
  for (let i = 0; i < cloud.count; i++) {
    const [offsetX, offsetY] = [cloud.x[i] - from.x, cloud.y[i] - from.y];
    const ahead = offsetX * dx + offsetY * dy;
    const aside = Math.abs(offsetX * dy - offsetY * dx);
    const cost = ahead + 2 * aside;
    if (ahead > leastStep && aside <= ahead && cost < bestCost && isShown(i)) [best, bestCost] = [i, cost];
  }
  return best;
}

function pointNearMiddle() {
  return pointAt(size.width / 2, size.height / 2, Math.hypot(size.width, size.height));
}

function findMatches(text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return null;
  const hits = new Uint8Array(cloud.count);
  for (const { categories, codes } of cloud.columns) {
    const isHit = categories.map((name) => name.toLowerCase().includes(wanted));
    if (isHit.includes(true)) codes.forEach((code, i) => (hits[i] |= isHit[code]));
  }
  return hits;
}

function search() {
  matches = findMatches(searchBox.value);
  matchAt = null;
  searchedFor = searchBox.value;
  const count = matchCount();
  found.textContent = matches ? (count ? `${count.toLocaleString()} found` : "no such label") : "";
  if (!count) matches = null; // dimming all of the map would help nobody
}

const matchCount = () => matches?.reduce((sum, hit) => sum + hit, 0) ?? 0;

// The next or previous match, in the order of the data set, around from the last to the first.
function jumpToMatch(step) {
  const hits = [];
  if (isDrawn && matches) for (let i = 0; i < cloud.count; i++) if (matches[i] && isShown(i)) hits.push(i);
  if (!hits.length) return;
  const first = step > 0 ? 0 : hits.length - 1;
  matchAt = matchAt === null ? first : (matchAt + step + hits.length) % hits.length;
  const index = hits[matchAt];
  found.textContent = `${(matchAt + 1).toLocaleString()} of ${hits.length.toLocaleString()}`;
  const scale = Math.max(view.scale, MATCH_ZOOM * fittedView().scale);
  flyTo({ x: cloud.x[index], y: cloud.y[index], scale }, () => {
    aimAtPoint(index, ...toPixels(cloud.x[index], cloud.y[index]));
  });
}

// ---- The card: a picture and what is known of it ----

const pictures = createCache(REMEMBERED_PICTURES); // of points; places between them rarely come twice
let isAsking = false;
let waiting = null; // the newest place to ask about, while the server decodes an older one

function createCache(limit, drop = () => {}) {
  const entries = new Map();
  return {
    get(key) {
      const entry = entries.get(key);
      if (entries.delete(key)) entries.set(key, entry); // now the youngest
      return entry;
    },
    set(key, entry) {
      entries.set(key, entry);
      if (entries.size <= limit) return;
      const [oldest, dropped] = entries.entries().next().value;
      entries.delete(oldest);
      drop(dropped);
    },
    has: (key) => entries.has(key),
    clear() {
      entries.forEach(drop);
      entries.clear();
    },
  };
}

function aimAtPoint(index, px, py) {
  if (aimed?.index !== index) {
    aimed = { index, x: cloud.x[index], y: cloud.y[index] };
    fillCard([...labelsOf(index), ...numberOf(index)]);
    announce(describe(index));
    wantPicture(aimed);
    drawOverlay();
  }
  placeCard(px, py);
}

function aimAtPlace(x, y, px, py) {
  const wasPlace = aimed !== null && aimed.index === null;
  aimed = { index: null, x, y };
  if (!wasPlace) {
    fillCard([]);
    drawOverlay();
  }
  wantPicture(aimed);
  placeCard(px, py);
}

function fillCard(labels) {
  cardNearness.hidden = true;
  const rows = labels.filter(([, label]) => label).map(([name, label]) => {
    const [row, term, definition] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
    term.textContent = name;
    definition.textContent = label;
    row.append(term, definition);
    return row;
  });
  cardLabels.replaceChildren(...rows);
  card.classList.add("is-waiting");
}

function wantPicture(place) {
  const known = place.index === null ? undefined : pictures.get(place.index);
  if (known) {
    waiting = null;
    showPicture(place, known);
  } else if (server.decode_place) {
    waiting = place;
    if (!isAsking) ask();
  } else {
    card.classList.remove("is-waiting");
  }
}

async function ask() {
  isAsking = true;
  while (waiting) {
    const [place, points] = [waiting, cloud];
    waiting = null;
    let answer = null;
    try {
      answer = await server.decode_place(points.model, place.index, place.x, place.y);
    } catch (error) {
      console.error(error);
    }
    if (points !== cloud) continue; // another model's map is up
    if (answer?.error) answer = null;
    if (answer && place.index !== null) pictures.set(place.index, answer);
    if (isStillWanted(place)) showPicture(place, answer);
  }
  isAsking = false;
}

// Between points a picture that is a little late still shows the way the pointer went; on a point it would be wrong.
function isStillWanted(place) {
  return aimed === place || (aimed !== null && aimed.index === null && place.index === null);
}

function showPicture(place, answer) {
  card.classList.remove("is-waiting");
  card.classList.toggle("is-broken", !answer);
  if (!answer) {
    cardNearness.textContent = "This place could not be decoded.";
    cardNearness.hidden = false;
    return;
  }
  cardPicture.src = answer.picture;
  cardPicture.alt = place.index === null ? "Decoded from this place" : `Decoded: ${describe(place.index)}`;
  if (place.index !== null) return;
  const [key, words] = nearness(answer.distance);
  cardNearness.dataset.nearness = key;
  cardNearness.textContent = words;
  cardNearness.hidden = false;
}

function nearness(distance) {
  if (distance <= NEAR) return ["near", "near data"];
  if (distance <= BETWEEN) return ["between", "between points"];
  return ["far", "far from data"];
}

function placeCard(px, py) {
  card.hidden = false;
  const gap = 16;
  const { offsetWidth: width, offsetHeight: height } = card;
  const left = px + gap + width <= size.width ? px + gap : px - gap - width;
  const top = Math.min(size.height - height - 4, Math.max(4, py - height / 2));
  const clampedLeft = Math.min(size.width - width - 4, Math.max(4, left));
  card.style.transform = `translate(${Math.round(clampedLeft)}px, ${Math.round(top)}px)`;
}

function hideCard() {
  if (!aimed) return;
  aimed = null;
  waiting = null;
  card.hidden = true;
  drawOverlay();
}

const announce = debounced((text) => (live.textContent = text), ANNOUNCE_DELAY_MS);
