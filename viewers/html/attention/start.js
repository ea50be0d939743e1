// The page begins: names, panels, the numbers, the first layer.

draws(["theme"], () => {
  if (state.theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = state.theme;
  find("theme").textContent = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" }[state.theme];
});
painters.unshift(painters.pop()); // the theme is set before anything is drawn in it

function trouble(text) {
  find("trouble").textContent = text;
  find("trouble").hidden = false;
}

function damaged(error) {
  trouble(`This file is damaged: ${error.message}`);
}

async function start() {
  document.querySelector("h1").textContent = `Attention · ${about.name}`;
  find("subject").textContent = `${about.line} · ${count} tokens · settings ${about.settings}`;
  find("rounding").textContent = about.exact
    ? "Attention is held in full (float32), and so are log-probabilities and entropies; shown to the digits that stand here."
    : "Attention is held in 256 steps of each query's largest share: every value stands with the most it can be off. "
      + "Log-probabilities and entropies are held in full (float32).";
  if (typeof DecompressionStream === "undefined") return trouble("This browser cannot unpack the numbers: it is from before 2023.");
  buildHeads();
  buildViews();
  buildText();
  startMap();
  startSearch();
  startEntropy();
  startControls();
  const first = Math.max(0, about.recorded.indexOf(true));
  await Promise.all([loadNumbers(), loadLayer(first)]);
  buildEntropyHeads();
  buildMemory();
  isReady = true;
  Object.assign(state, { layer: first, width: document.body.clientWidth });
  schedule(Object.keys(state));
}

start().catch(damaged);
