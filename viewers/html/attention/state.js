// What is looked at, and who draws it again when it changes.

const state = {
  layer: 0, head: 0, query: count - 1, cursor: null, scope: "head", colouring: "looks",
  view: 0, own: false, theme: "auto", rows: "layer", maximised: false, isSolo: false, width: 0,
};
const painters = [];
let dirty = null;
let isReady = false; // nothing is drawn before the numbers are there

// Draw by `paint` whenever one of the named parts of the state has changed.
function draws(names, paint) {
  painters.push([new Set(names), paint]);
}

function update(changes) {
  const changed = Object.keys(changes).filter((name) => state[name] !== changes[name]);
  Object.assign(state, changes);
  if (changed.length) schedule(changed);
}

function schedule(changed) {
  if (!isReady) return;
  if (!dirty) requestAnimationFrame(() => flush().catch(damaged));
  dirty = new Set([...(dirty || []), ...changed]);
}

async function flush() {
  const changed = dirty;
  dirty = null;
  const wanted = state.scope === "all" ? [...layers.keys()] : [state.layer];
  const missing = wanted.filter((i) => about.recorded[i] && !layers[i]);
  if (missing.length) await Promise.all(missing.map(loadLayer));
  if (about.recorded[state.layer] && !layers[state.layer]) return schedule(changed); // another was chosen meanwhile
  for (const [names, paint] of painters) {
    if ([...changed].some((name) => names.has(name))) paint(changed);
  }
}

const shownLayer = () => layers[state.layer];

// What the lists and the coloured text follow: heads as [layer, head].
function followed() {
  if (state.scope === "head") return [[state.layer, state.head]];
  const chosen = state.scope === "all" ? [...layers.keys()] : [state.layer];
  return chosen.flatMap((i) => Array.from({ length: about.heads }, (_, head) => [i, head]));
}

function followedText() {
  if (state.scope === "head") return `layer ${state.layer}, head ${state.head}`;
  return state.scope === "layer" ? `mean of the ${about.heads} heads of layer ${state.layer}` : "mean of all heads";
}

// Where the query looks, or who looks at it: shares and their errors, by token; null where nothing can be seen.
function shares(query, forward) {
  const from = followed().filter(([i]) => layers[i]);
  const tokens = Array.from({ length: forward ? query + 1 : count - query }, (_, i) => (forward ? i : query + i));
  const result = new Array(count).fill(null);
  for (const token of tokens) {
    const [looking, key] = forward ? [query, token] : [token, query];
    const seeing = from.filter(([i]) => isSeen(i, looking, key));
    if (!seeing.length) continue;
    const found = { value: 0, error: 0 };
    for (const [i, head] of seeing) {
      found.value += layers[i].at(head, looking, key) / from.length;
      found.error += layers[i].error(head, looking) / from.length;
    }
    result[token] = found;
  }
  return result;
}

function moveLayer(by) {
  update({ layer: Math.min(about.layers - 1, Math.max(0, state.layer + by)), cursor: null });
}

function moveHead(by) {
  update({ head: Math.min(about.heads - 1, Math.max(0, state.head + by)), cursor: null });
}

function moveQuery(by) {
  update({ query: Math.min(count - 1, Math.max(0, state.query + by)), cursor: null });
}
