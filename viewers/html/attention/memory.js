// Where the bytes are: per block as bars and numbers, per operation as a curve and a table.

const PARTS = [["weights", "weights first read here"], ["needed", "activations needed at most"], ["made", "activations made in all"]];

function buildMemory() {
  const { places, lines } = about.memory;
  if (!lines.length) {
    find("memory-places").replaceChildren(make("p", "This trace holds no list of operations.", { class: "note" }));
    find("memory").hidden = find("memory-lines").hidden = true;
    return;
  }
  const most = Math.max(...places.map(([, ...sizes]) => Math.max(...sizes)), 1);
  const legend = make("div", PARTS.map(([kind, text]) => make("span", [make("i", [], { class: kind }), text])), { class: "legend" });
  const rows = places.map(([name, ...sizes]) => make("tr", [
    make("th", name, { scope: "row" }),
    ...sizes.map((size) => make("td", bytesText(size), { class: "n" })),
    make("td", sizes.map((size, i) => {
      const bar = make("i", [], { class: PARTS[i][0] });
      bar.style.width = `${(100 * size) / most}%`;
      return make("div", bar, { class: "bars" });
    }), { class: "meter", "aria-hidden": "true" }),
  ]));
  const head = [["place"], ["weights", "n"], ["needed", "n"], ["made", "n"], ["", ""]];
  find("memory-places").replaceChildren(legend, table("", head, rows));
  find("memory-lines").addEventListener("toggle", () => {
    const body = lines.map(([address, op, needed, made, weights]) => make("tr", [
      make("th", address, { scope: "row" }), make("td", op),
      ...[needed, made, weights].map((size) => make("td", bytesText(size), { class: "n" })),
    ]));
    const columns = [["address"], ["operation"], ["needed", "n"], ["made", "n"], ["weights", "n"]];
    find("memory-lines").lastElementChild.replaceChildren(table("", columns, body));
  }, { once: true });
}

function drawMemory() {
  const { lines } = about.memory;
  if (!lines.length) return;
  const canvas = find("memory"), width = canvas.parentElement.clientWidth, ratio = devicePixelRatio, high = 120;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${high}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = high * ratio;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const peak = Math.max(...lines.map((line) => line[2]), 1), peakLine = lines.findIndex((line) => line[2] === peak);
  const unit = width / lines.length;
  pen.fillStyle = getComputedStyle(document.querySelector(".legend .needed") || document.body).backgroundColor;
  lines.forEach((line, i) => {
    const top = ((high - 2) * line[2]) / peak;
    pen.fillRect(i * unit, high - top, Math.max(unit - (unit > 3 ? 1 : 0), 0.7), top);
  });
  find("memory-caption").textContent = `Activations that a run without stepping needs at each of the ${lines.length} operations, `
    + `in order; the most is ${bytesText(peak)}, at ${lines[peakLine][0]}.`;
}

draws(["theme", "width"], drawMemory);
