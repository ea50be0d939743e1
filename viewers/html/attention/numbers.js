// Quantities as people read them, and small pieces of markup. Text goes in as text, never as markup.

function make(tag, content = [], attributes = {}) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...[content].flat());
  return element;
}

const find = (id) => document.getElementById(id);

// With all digits that the error leaves, and the error rounded up, the rounding of this very text included.
function rounded(value, error) {
  if (Number.isNaN(value)) return { value: "not recorded", error: "" };
  if (error === 0) return { value: number(value, 6), error: "" };
  const digits = Math.min(12, Math.max(3, Math.ceil(-Math.log10(error)) + 1));
  const unit = 10 ** -digits;
  return { value: value.toFixed(digits), error: (Math.ceil(error / unit + 0.5) * unit).toFixed(digits) };
}

function sharePieces(value, error) {
  const text = rounded(value, error);
  return text.error ? [text.value, make("span", ` ± ${text.error}`, { class: "pm" })] : [text.value];
}

function shareText(value, error) {
  const text = rounded(value, error);
  return text.error ? `${text.value} ± ${text.error}` : text.value;
}

function number(value, digits = 3) {
  if (value === null || Number.isNaN(value)) return "—";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size < 0.0001 || size >= 1e7 ? value.toExponential(digits - 1) : value.toPrecision(digits);
  return (text.includes("e") ? text : String(Number(text))).replace("-", "−");
}

function fixed(value, digits) {
  if (value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits) return number(value, 2);
  return Number.isFinite(value) ? value.toFixed(digits).replace("-", "−") : "—";
}

function percent(logprob) {
  const share = 100 * Math.exp(logprob);
  return Number.isFinite(share) ? `${share >= 10 ? share.toFixed(1) : number(share, 2)}%` : "—";
}

function bytesText(size) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (size >= 1000 && unit < 3) { size /= 1024; unit++; }
  return `${unit === 0 || size >= 100 ? size.toFixed(0) : size.toFixed(1)} ${units[unit]}`;
}

function quoted(token) {
  return ["“", make("bdi", about.texts[token]), "”"];
}

function tokenButton(token) {
  const button = make("button", about.texts[token], { type: "button", class: "token", title: about.texts[token],
    onclick: () => update({ query: token, cursor: null }) });
  return [make("span", String(token), { class: "where" }), button];
}

function table(caption, head, rows) {
  const cells = head.map(([text, kind]) => make("th", text, { scope: "col", class: kind === "n" ? "n" : null }));
  return make("table", [make("caption", caption), make("thead", make("tr", cells)), make("tbody", rows)]);
}

function meter(share) {
  const bar = make("i");
  bar.style.width = `${Math.max(0, Math.min(1, share || 0)) * 100}%`;
  return make("td", bar, { class: "meter", "aria-hidden": "true" });
}
