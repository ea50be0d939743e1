// One head, large: tokens at both sides, the cell under the cursor in words. Long texts: the whole, or a part of it.

const map = { canvas: find("map"), picture: document.createElement("canvas"), made: "", pooled: null, left: 0, side: 0 };
const VIEWS = [16, 32, 64, 128, 256];
const LABEL = 76, SMALLEST = 10;

function buildViews() {
  const all = make("option", `all ${count} tokens`, { value: 0 });
  const some = VIEWS.filter((size) => size < count).map((size) => make("option", `${size} around the query`, { value: size }));
  find("view").replaceChildren(all, ...some.reverse());
}

// Which queries and keys are drawn. The keys follow the cursor where it leaves the picture.
function shownRanges() {
  if (!state.view) return { queries: [0, count], keys: [0, count] };
  const around = (token) => {
    const first = Math.min(count - state.view, Math.max(0, token - Math.floor(state.view / 2)));
    return [first, first + state.view];
  };
  const queries = around(state.query);
  const key = state.cursor ? state.cursor.key : state.query;
  return { queries, keys: key >= queries[0] && key < queries[1] ? queries : around(key) };
}

function drawMap() {
  const canvas = map.canvas, layer = shownLayer();
  const width = find("map-box").clientWidth, ratio = devicePixelRatio;
  const { queries, keys } = shownRanges();
  const size = queries[1] - queries[0];
  const left = 26 + labelWidth(queries), below = 24 + labelWidth(keys);
  const room = Math.max(120, Math.min(width - left - 2, Math.max(300, innerHeight - 170 - below), size * 54));
  const whole = Math.floor((room * ratio) / size); // device pixels a cell; small cells may differ by one
  const side = whole >= 5 ? (whole * size) / ratio : Math.floor(room * ratio) / ratio;
  const cells = Math.min(size, Math.floor(room * ratio));
  Object.assign(map, { left, side, queries, keys, cells, size, unit: side / size, top: 7 });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${side + below + 8}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round((side + below + 8) * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = emptyColour();
  pen.fillRect(left, map.top, side, side);
  if (layer) drawCells(pen, layer);
  else note(pen, "the attention of this layer is not in the file");
  drawAxes(pen);
  drawCross(pen);
  showSentence();
}

function drawCells(pen, layer) {
  const name = [state.layer, state.head, map.queries, map.keys, map.cells, state.own, isDark()].join();
  if (map.made !== name) {
    map.pooled = poolHead(layer, state.head, map.queries, map.keys, map.cells);
    putPooled(map.picture, map.pooled, scaleTop());
    map.made = name;
  }
  pen.imageSmoothingEnabled = false;
  pen.drawImage(map.picture, map.left, map.top, map.side, map.side);
}

const scaleTop = () => (state.own && shownLayer() ? shownLayer().largest(state.head) : 1);
const emptyColour = () => (isDark() ? "#202227" : "#fafaf7");

function note(pen, text) {
  pen.fillStyle = inkOf(document.body);
  pen.font = labelFont();
  pen.fillText(text, map.left + 12, 30);
}

const labelFont = () => `11px ${getComputedStyle(document.body).fontFamily}`;

const widths = new Map();
function labelWidth([first, last]) {
  const name = `${first} ${last}`;
  if (!widths.has(name)) widths.set(name, measuredWidth(first, last));
  return widths.get(name);
}

function measuredWidth(first, last) {
  const pen = map.canvas.getContext("2d");
  pen.font = labelFont();
  let widest = 0;
  for (let token = first; token < last; token++) widest = Math.max(widest, Math.min(pen.measureText(label(token)).width, LABEL));
  return Math.ceil(widest) + 6;
}

const label = (token) => isolated(about.texts[token].slice(0, 24), ` ${token}`);
const isolated = (text, rest) => `\u2068${text}\u2069${rest}`; // so that a script written from the right stays in its place

function drawAxes(pen) {
  const { unit } = map;
  const every = Math.max(1, Math.ceil((SMALLEST + 1) / unit));
  const marked = (first, token) => (token - first) % every === 0;
  pen.font = labelFont();
  pen.textBaseline = "middle";
  pen.direction = "ltr";
  const strong = inkOf(document.body), faint = inkOf(find("rounding"));
  const cursor = state.cursor || { query: state.query, key: null };
  const near = (token, other) => other !== null && token !== other && Math.abs(token - other) * unit < SMALLEST + 2;
  pen.textAlign = "right";
  for (let q = map.queries[0]; q < map.queries[1]; q++) {
    if (q !== cursor.query && (!marked(map.queries[0], q) || near(q, cursor.query))) continue;
    pen.fillStyle = q === cursor.query ? strong : faint;
    fitted(pen, label(q), map.left - 5, map.top + (q - map.queries[0] + 0.5) * unit);
  }
  for (let k = map.keys[0]; k < map.keys[1]; k++) {
    if (k !== cursor.key && (!marked(map.keys[0], k) || near(k, cursor.key))) continue;
    pen.fillStyle = k === cursor.key ? strong : faint;
    pen.save();
    pen.translate(map.left + (k - map.keys[0] + 0.5) * unit, map.top + map.side + 5);
    pen.rotate(-Math.PI / 2);
    fitted(pen, label(k), 0, 0);
    pen.restore();
  }
  pen.fillStyle = faint;
  pen.textAlign = "center";
  pen.fillText("key (looked at)", map.left + map.side / 2, map.top + map.side + labelWidth(map.keys) + 12);
  pen.save();
  pen.translate(8, map.top + map.side / 2);
  pen.rotate(-Math.PI / 2);
  pen.fillText("query (looking)", 0, 0);
  pen.restore();
}

function fitted(pen, text, x, y) {
  const cut = text.lastIndexOf(" "), rest = text.slice(cut);
  let token = text.slice(1, cut - 1), shown = text;
  while (token && pen.measureText(shown).width > LABEL) {
    token = [...token].slice(0, -1).join("");
    shown = isolated(`${token}…`, rest);
  }
  pen.fillText(shown, x, y);
}

function drawCross(pen) {
  const { unit } = map;
  const at = state.cursor || { query: state.query, key: null };
  const y = map.top + (at.query - map.queries[0]) * unit, thick = Math.max(unit, 3);
  pen.save();
  pen.beginPath();
  pen.rect(map.left, map.top, map.side, map.side);
  pen.clip();
  pen.strokeStyle = inkOf(find("map-title"));
  pen.globalAlpha = 0.75;
  pen.lineWidth = 1;
  pen.strokeRect(map.left + 0.5, y + 0.5, map.side - 1, thick - 1);
  if (at.key !== null) pen.strokeRect(map.left + (at.key - map.keys[0]) * unit + 0.5, map.top + 0.5, thick - 1, map.side - 1);
  pen.restore();
}

// The cell at a place of the canvas; where several share one, that with the largest share.
function cellAt(x, y) {
  if (!map.size) return null; // not drawn yet
  const { size, cells, queries, keys } = map;
  const row = Math.floor(((y - map.top) / map.side) * cells), column = Math.floor(((x - map.left) / map.side) * cells);
  if (row < 0 || column < 0 || row >= cells || column >= cells) return null;
  const of = (first, place) => [first + Math.ceil((place * size) / cells), first + Math.ceil(((place + 1) * size) / cells)];
  const [q0, q1] = of(queries[0], row), [k0, k1] = of(keys[0], column);
  let best = { query: q0, key: k0 }, largest = -1;
  for (let query = q0; query < q1; query++) {
    for (let key = k0; key < k1 && shownLayer(); key++) {
      const share = isSeen(state.layer, query, key) ? shownLayer().at(state.head, query, key) : -0.5;
      if (share > largest) [best, largest] = [{ query, key }, share];
    }
  }
  return { ...best, block: [q1 - q0, k1 - k0] };
}

function sentence({ query, key, block = [1, 1] }) {
  const words = ["query ", String(query), " ", ...quoted(query), " → key ", String(key), " ", ...quoted(key), ": "];
  if (!shownLayer()) return [...words, "not in the file"];
  if (!isSeen(state.layer, query, key)) return [...words, "not seen"];
  const said = shareText(shownLayer().at(state.head, query, key), shownLayer().error(state.head, query));
  const pooled = block[0] * block[1] > 1 ? `, the largest of ${block[0]} × ${block[1]} cells` : "";
  return [...words, make("strong", said), pooled];
}

function showSentence() {
  find("sentence").replaceChildren(...(state.cursor ? sentence(state.cursor)
    : ["query ", String(state.query), " ", ...quoted(state.query), ": point at a cell, or use the arrow keys"]));
}

function onMapKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const at = state.cursor || { query: state.query, key: state.query };
  const far = { PageUp: [-10, 0], PageDown: [10, 0], Home: [0, -count], End: [0, count] };
  const near = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
    k: [-1, 0], j: [1, 0], h: [0, -1], l: [0, 1] };
  const move = { ...far, ...near }[event.key];
  if (!move && event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  event.stopPropagation();
  if (!move) return update({ query: at.query, cursor: { ...at } });
  const query = Math.min(count - 1, Math.max(0, at.query + move[0]));
  const key = Math.min(query, Math.max(0, at.key + move[1]));
  update(state.view ? { query, cursor: { query, key } } : { cursor: { query, key } });
}

function startMap() {
  const place = (event) => {
    const box = map.canvas.getBoundingClientRect();
    return cellAt(event.clientX - box.left, event.clientY - box.top);
  };
  const same = (a, b) => (a && b ? a.query === b.query && a.key === b.key : a === b);
  map.canvas.addEventListener("pointermove", (event) => {
    const cell = place(event);
    if (!same(cell, state.cursor)) update({ cursor: cell });
  });
  map.canvas.addEventListener("pointerleave", () => update({ cursor: null }));
  map.canvas.addEventListener("click", (event) => {
    const cell = place(event);
    if (cell) update({ query: cell.query, cursor: state.view ? null : cell });
  });
  map.canvas.addEventListener("keydown", onMapKey);
}

draws(["layer", "head", "query", "cursor", "view", "own", "theme", "width", "maximised"], drawMap);
draws(["layer", "head"], () => {
  const reach = about.windows[state.layer];
  find("map-title").textContent = `Layer ${state.layer}, head ${state.head}` + (reach === null ? "" : ` · sees ${reach} tokens`);
});
draws(["layer", "head", "own", "theme", "width"], () => {
  drawScale(find("map-scale"), state.own ? "share of the query's attention, √ scale to this head's largest"
    : "share of the query's attention, √ scale", scaleTop(), 0.5);
});
