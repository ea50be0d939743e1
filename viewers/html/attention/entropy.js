// How widely each head looks: the mean of each head as a table, then every token as a picture.

const spread = { canvas: find("entropy"), cursor: null };
const entropyAt = (layer, head, token) => numbers.attention_entropies[(layer * about.heads + head) * count + token];
const addedAt = (layer, head, token) => numbers.contributions[(layer * about.heads + head) * count + token];

function meanEntropy(layer, head) {
  let sum = 0, size = 0;
  for (let token = 0; token < count; token++) {
    const value = entropyAt(layer, head, token);
    if (Number.isFinite(value)) { sum += value; size++; }
  }
  return size ? sum / size : NaN;
}

function buildEntropyHeads() {
  const corner = make("th", "layer ↓ head →", { scope: "col" });
  const top = Array.from({ length: about.heads }, (_, head) => make("th", String(head), { scope: "col" }));
  const rows = Array.from({ length: about.layers }, (_, layer) => make("tr", [
    make("th", String(layer), { scope: "row" }),
    ...Array.from({ length: about.heads }, (_, head) => make("td", make("button", fixed(meanEntropy(layer, head), 2), {
      type: "button", "data-layer": layer, "data-head": head, onclick: () => update({ layer, head, cursor: null }),
      "aria-label": `layer ${layer}, head ${head}: ${fixed(meanEntropy(layer, head), 2)} nats` }))),
  ]));
  find("entropy-heads").replaceChildren(make("table", [make("thead", make("tr", [corner, ...top])), make("tbody", rows)]));
}

// Rows of the picture as [layer, head].
function entropyRows() {
  const chosen = state.rows === "all" ? [...about.recorded.keys()] : [state.layer];
  return chosen.flatMap((layer) => Array.from({ length: about.heads }, (_, head) => [layer, head]));
}

function entropyTop() {
  return Math.max(0.01, Math.log(count));
}

function drawEntropy() {
  const rows = entropyRows(), width = find("entropy-box").clientWidth, ratio = devicePixelRatio;
  const left = 34, high = Math.max(4, Math.min(18, Math.floor(300 / rows.length)));
  const room = Math.max(60, Math.min(width - left - 2, count * 40));
  const pool = Math.max(1, Math.ceil(count / (room * ratio)));
  const columns = Math.ceil(count / pool);
  Object.assign(spread, { rows, left, high, side: room, pool, columns });
  const image = new ImageData(columns, rows.length), cells = new Uint32Array(image.data.buffer), colours = pixels();
  rows.forEach(([layer, head], r) => {
    for (let column = 0; column < columns; column++) {
      let most = -1;
      for (let token = column * pool; token < Math.min(count, (column + 1) * pool); token++) {
        most = Math.max(most, entropyAt(layer, head, token));
      }
      if (most >= 0) cells[r * columns + column] = colours[evenStep(most, entropyTop())];
    }
  });
  const picture = make("canvas", [], { width: columns, height: rows.length });
  picture.getContext("2d").putImageData(image, 0, 0);
  const canvas = spread.canvas, total = high * rows.length + 20;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${total}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(total * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = emptyColour();
  pen.fillRect(left, 0, room, high * rows.length);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(picture, left, 0, room, high * rows.length);
  drawEntropyAxes(pen);
}

function drawEntropyAxes(pen) {
  const { rows, left, high, side } = spread, unit = side / count;
  pen.font = labelFont();
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  const every = Math.ceil(11 / high);
  rows.forEach(([layer, head], r) => {
    const chosen = layer === state.layer && head === state.head;
    pen.fillStyle = inkOf(chosen ? document.body : find("rounding"));
    if (chosen || (r % every === 0 && Math.abs(r - rows.findIndex(([l, h]) => l === state.layer && h === state.head)) >= every)) {
      pen.fillText(state.rows === "all" ? `${layer}.${head}` : String(head), left - 5, (r + 0.5) * high);
    }
  });
  pen.fillStyle = inkOf(find("rounding"));
  pen.textAlign = "left";
  pen.fillText(`token 0 to ${count - 1}`, left, high * rows.length + 12);
  const at = spread.cursor || { row: rows.findIndex(([l, h]) => l === state.layer && h === state.head), token: state.query };
  pen.strokeStyle = inkOf(document.body);
  pen.strokeRect(left + at.token * unit + 0.5, 0.5, Math.max(unit, 3) - 1, high * rows.length - 1);
  if (at.row >= 0) pen.strokeRect(left + 0.5, at.row * high + 0.5, side - 1, high - 1);
}

function sayEntropy() {
  const rows = entropyRows();
  const here = { row: rows.findIndex(([l, h]) => l === state.layer && h === state.head), token: state.query };
  const { row, token } = spread.cursor || here;
  const [layer, head] = rows[row] || [state.layer, state.head];
  const value = entropyAt(layer, head, token), added = addedAt(layer, head, token);
  find("entropy-sentence").replaceChildren(`layer ${layer}, head ${head}, query ${token} `, ...quoted(token), ": ",
    make("strong", `${fixed(value, 4)} nats`), `, like ${fixed(Math.exp(value), 1)} tokens alike`,
    Number.isNaN(added) ? "" : `; it adds a vector of length ${number(added, 4)} to the residual stream`);
}

function entropyPlace(event) {
  if (!isReady || !spread.rows) return null;
  const box = spread.canvas.getBoundingClientRect();
  const token = Math.floor(((event.clientX - box.left - spread.left) / spread.side) * count);
  const row = Math.floor((event.clientY - box.top) / spread.high);
  return token >= 0 && token < count && row >= 0 && row < spread.rows.length ? { row, token } : null;
}

function pickEntropy({ row, token }) {
  const [layer, head] = spread.rows[row];
  update({ layer, head, query: token, cursor: null });
}

function startEntropy() {
  const point = (cell) => {
    if (!isReady) return;
    spread.cursor = cell;
    drawEntropy();
    sayEntropy();
  };
  spread.canvas.addEventListener("pointermove", (event) => point(entropyPlace(event)));
  spread.canvas.addEventListener("pointerleave", () => point(null));
  spread.canvas.addEventListener("click", (event) => { const cell = entropyPlace(event); if (cell) pickEntropy(cell); });
  spread.canvas.addEventListener("keydown", (event) => {
    if (!spread.rows) return;
    const here = spread.cursor || { row: Math.max(0, spread.rows.findIndex(([l, h]) => l === state.layer && h === state.head)),
      token: state.query };
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [0, -10],
      PageDown: [0, 10], Home: [0, -count], End: [0, count] }[event.key];
    if (event.key === "Enter") pickEntropy(here);
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    point({ row: Math.min(spread.rows.length - 1, Math.max(0, here.row + move[0])),
      token: Math.min(count - 1, Math.max(0, here.token + move[1])) });
  });
}

draws(["layer", "head", "query", "rows", "theme", "width"], () => { spread.cursor = null; drawEntropy(); sayEntropy(); });
draws(["layer", "head", "theme"], () => {
  for (const button of find("entropy-heads").querySelectorAll("button")) {
    const { layer, head } = button.dataset, value = meanEntropy(Number(layer), Number(head));
    paint(button, Number.isNaN(value) ? null : evenStep(value, entropyTop()));
    button.setAttribute("aria-pressed", Number(layer) === state.layer && Number(head) === state.head);
  }
});
draws(["theme", "width"], () => drawScale(find("entropy-scale"), `nats, 0 to ln(${count})`, entropyTop(), 1));
