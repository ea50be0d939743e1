// All layers and heads as small pictures. Only those on screen are unpacked and drawn, a few per frame.

const thumbnails = [];
const waiting = new Set();
const onScreen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const thumbnail = thumbnails[entry.target.dataset.place];
    thumbnail.isVisible = entry.isIntersecting;
    want(thumbnail);
  }
}, { rootMargin: "120px" });

function buildHeads() {
  const top = [make("span", [], { class: "corner" })];
  for (let head = 0; head < about.heads; head++) top.push(make("span", String(head), { role: "columnheader" }));
  const rows = [make("div", top, { role: "row" })];
  for (let layer = 0; layer < about.layers; layer++) {
    const cells = Array.from({ length: about.heads }, (_, head) => thumbnailCell(layer, head));
    rows.push(make("div", [make("span", String(layer), { role: "rowheader" }), ...cells], { role: "row" }));
  }
  find("heads").replaceChildren(...rows);
  for (const thumbnail of thumbnails) onScreen.observe(thumbnail.cell);
}

function thumbnailCell(layer, head) {
  const canvas = make("canvas", [], { "aria-hidden": "true" });
  const cell = make("div", canvas, { role: "gridcell", tabindex: -1, "aria-label": `layer ${layer}, head ${head}`,
    title: `layer ${layer}, head ${head}`, "data-place": thumbnails.length });
  if (!about.recorded[layer]) cell.append(make("span", "not kept", { class: "none" }));
  cell.addEventListener("click", () => update({ layer, head, cursor: null }));
  cell.addEventListener("dblclick", () => solo(layer, head));
  cell.addEventListener("keydown", onHeadKey);
  thumbnails.push({ layer, head, cell, canvas, isVisible: false, drawn: "" });
  return cell;
}

function solo(layer, head) {
  const again = state.isSolo && state.layer === layer && state.head === head;
  update({ layer, head, isSolo: !again, scope: again ? "layer" : "head", cursor: null });
}

function onHeadKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const moves = {
    ArrowUp: () => moveLayer(-1), k: () => moveLayer(-1), ArrowDown: () => moveLayer(1), j: () => moveLayer(1),
    ArrowLeft: () => moveHead(-1), h: () => moveHead(-1), ArrowRight: () => moveHead(1), l: () => moveHead(1),
    Home: () => update({ head: 0 }), End: () => update({ head: about.heads - 1 }),
    Enter: () => solo(state.layer, state.head), " ": () => solo(state.layer, state.head),
  };
  if (!moves[event.key]) return;
  event.preventDefault();
  event.stopPropagation();
  moves[event.key]();
  requestAnimationFrame(() => chosenThumbnail().cell.focus());
}

const chosenThumbnail = () => thumbnails[state.layer * about.heads + state.head];

function want(thumbnail) {
  if (!thumbnail.isVisible || !about.recorded[thumbnail.layer]) return;
  if (!waiting.size) requestAnimationFrame(drawSome);
  waiting.add(thumbnail);
}

async function drawSome() {
  const until = performance.now() + 10;
  for (const thumbnail of waiting) {
    waiting.delete(thumbnail);
    if (!layers[thumbnail.layer]) {
      loadLayer(thumbnail.layer).then(() => want(thumbnail), damaged);
      continue;
    }
    drawThumbnail(thumbnail);
    if (performance.now() > until) break;
  }
  if (waiting.size) requestAnimationFrame(drawSome);
}

function drawThumbnail({ layer, head, canvas, cell }) {
  const room = Math.max(16, Math.round(cell.clientWidth * devicePixelRatio));
  const pooled = poolHead(layers[layer], head, [0, count], [0, count], room);
  putPooled(canvas, pooled, state.own ? layers[layer].largest(head) : 1);
  canvas.style.imageRendering = "pixelated";
  if (!performance.getEntriesByName("thumbnail").length) performance.mark("thumbnail");
}

// At most `room` cells a side. Where tokens share a cell it has the largest of their shares: a mean would hide the peaks.
function poolHead(layer, head, [q0, q1], [k0, k1], room) {
  const size = q1 - q0, cells = Math.min(size, room), reach = about.windows[layer.index];
  const best = new Float32Array(cells * cells).fill(-1);
  const columns = Uint16Array.from({ length: k1 - k0 }, (_, i) => Math.floor((i * cells) / size));
  for (let query = q0; query < q1; query++) {
    const row = layer.row(head, query);
    const line = Math.floor(((query - q0) * cells) / size) * cells;
    for (let key = Math.max(k0, reach === null ? 0 : query - reach + 1); key < k1 && key <= query; key++) {
      const place = line + columns[key - k0];
      if (row[key] > best[place]) best[place] = row[key];
    }
  }
  return { best, cells };
}

function putPooled(canvas, { best, cells }, top) {
  const colours = pixels(), image = new ImageData(cells, cells);
  const painted = new Uint32Array(image.data.buffer);
  for (let i = 0; i < best.length; i++) if (best[i] >= 0) painted[i] = colours[step(best[i], top)];
  canvas.width = canvas.height = cells;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

draws(["layer", "head", "isSolo"], () => {
  find("heads").classList.toggle("solo", state.isSolo);
  for (const { cell, layer, head } of thumbnails) {
    const chosen = layer === state.layer && head === state.head;
    cell.tabIndex = chosen ? 0 : -1;
    cell.setAttribute("aria-selected", chosen);
  }
  const box = find("heads"), cell = chosenThumbnail().cell;
  const top = cell.offsetTop - box.offsetTop, below = top + cell.offsetHeight - box.clientHeight;
  if (top < box.scrollTop || below > box.scrollTop) box.scrollTop = top - box.clientHeight / 2;
});
draws(["own", "theme", "width"], () => thumbnails.forEach(want));
