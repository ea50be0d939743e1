// The two colour maps, one for each theme, and the bars that say what their colours mean.

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (state.theme === "auto" ? systemDark.matches : state.theme === "dark");
const ramps = {};

// 256 colours as [r, g, b], the first for 0.
function ramp() {
  const name = isDark() ? "dark" : "light";
  if (!ramps[name]) {
    const anchors = about.palettes[name];
    ramps[name] = Array.from({ length: 256 }, (_, i) => {
      const place = (i / 255) * (anchors.length - 1);
      const at = Math.min(Math.floor(place), anchors.length - 2);
      return anchors[at].map((c, j) => Math.round(c + (anchors[at + 1][j] - c) * (place - at)));
    });
  }
  return ramps[name];
}

// The same as 32-bit pixels in the order of canvas memory.
function pixels() {
  return Uint32Array.from(ramp(), ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0);
}

const step = (share, top = 1) => Math.round(255 * Math.sqrt(Math.min(1, Math.max(0, share / (top || 1)))));
const evenStep = (value, top) => Math.round(255 * Math.min(1, Math.max(0, value / (top || 1))));

function paint(element, level) {
  if (level === null) {
    element.style.backgroundColor = "";
    element.style.color = "";
    return;
  }
  const [r, g, b] = ramp()[level];
  element.style.backgroundColor = `rgb(${r} ${g} ${b})`;
  element.style.color = luminance(r, g, b) > 0.18 ? "#000" : "#fff";
}

function luminance(...colour) {
  const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// A bar of all colours with numbers below; `power` 0.5 gives small numbers most of the colours.
function drawScale(box, title, top, power) {
  const bar = make("canvas", [], { width: 256, height: 1, "aria-hidden": "true" });
  const image = new ImageData(256, 1);
  new Uint32Array(image.data.buffer).set(pixels());
  bar.getContext("2d").putImageData(image, 0, 0);
  const room = Math.min(0.4, 34 / (box.clientWidth || 300));
  const shares = [1];
  for (const share of power === 0.5 ? [0.5, 0.25, 0.1, 0.05, 0.01, 0] : [0.75, 0.5, 0.25, 0]) {
    if (shares.at(-1) ** power - share ** power > room) shares.push(share);
  }
  if (shares.at(-1) !== 0) shares[shares.length - 1] = 0;
  const ticks = shares.reverse().map((share, i) => {
    const tick = make("span", number(share * top, 2), { class: i === shares.length - 1 ? "last" : null });
    tick.style.left = `${100 * share ** power}%`;
    return tick;
  });
  box.replaceChildren(make("em", title), make("div", [bar, ...ticks], { class: "ticks" }));
}

const inkOf = (element) => getComputedStyle(element).color;
