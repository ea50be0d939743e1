// The text, token by token, coloured by what is chosen; and the search in it.

const words = [];
const search = { hits: [], at: -1 };

function buildText() {
  const parts = about.texts.map((text, token) => {
    const word = make("span", text, { role: "option", tabindex: -1, class: token >= about.promptLength ? "made" : null });
    word.addEventListener("click", () => update({ query: token, cursor: null }));
    words.push(word);
    return [word, make(text.includes("↵") ? "br" : "wbr")]; // lines break between tokens
  });
  find("text").replaceChildren(...parts.flat());
  find("text").addEventListener("keydown", onTextKey);
}

function onTextKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const to = { ArrowLeft: state.query - 1, h: state.query - 1, ArrowUp: state.query - 1, ArrowRight: state.query + 1,
    l: state.query + 1, ArrowDown: state.query + 1, PageUp: state.query - 10, PageDown: state.query + 10,
    Home: 0, End: count - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  moveQuery(to - state.query);
  requestAnimationFrame(() => words[state.query].focus());
}

// For each token a level of the colour map or null, and what the map goes to.
function colouring() {
  if (state.colouring === "none") return null;
  if (state.colouring === "looks" || state.colouring === "looked") {
    const found = shares(state.query, state.colouring === "looks");
    const top = found.reduce((most, share) => (share && share.value > most ? share.value : most), 0) || 1;
    const title = state.colouring === "looks" ? "share of its attention" : "share of their attention";
    return { title: `${title}, √ scale: ${followedText()}`, top, power: 0.5,
      levels: found.map((share) => (share && !Number.isNaN(share.value) ? step(share.value, top) : null)) };
  }
  const isSurprise = state.colouring === "logprobs";
  const values = Array.from(numbers[state.colouring], (value) => (isSurprise ? -value : value));
  const top = Math.max(0, ...values.filter(Number.isFinite));
  return { title: isSurprise ? "surprise: −log-probability, nats" : "entropy of what follows, nats", top, power: 1,
    levels: values.map((value) => (Number.isFinite(value) ? evenStep(value, top) : null)) };
}

function colourText() {
  const colours = colouring();
  words.forEach((word, token) => paint(word, colours ? colours.levels[token] : null));
  find("text-scale").hidden = !colours;
  if (colours) drawScale(find("text-scale"), colours.title, colours.top, colours.power);
}

draws(["layer", "head", "scope", "query", "colouring", "theme"], colourText);
draws(["query"], () => {
  words.forEach((word, token) => {
    word.setAttribute("aria-selected", token === state.query);
    word.tabIndex = token === state.query ? 0 : -1;
  });
  const box = find("text"), word = words[state.query];
  const top = word.offsetTop - box.offsetTop;
  if (top < box.scrollTop || top + word.offsetHeight > box.scrollTop + box.clientHeight) {
    box.scrollTop = top - box.clientHeight / 2;
  }
});

// Tokens of which a part is in a match; a match may go over several tokens. `#12` is the token at that place.
function matches(wanted) {
  if (/^#\d+$/.test(wanted)) return Number(wanted.slice(1)) < count ? [[Number(wanted.slice(1))]] : [];
  const starts = [];
  let whole = "";
  for (const text of about.texts) { starts.push(whole.length); whole += text; }
  whole = whole.toLowerCase();
  const needle = wanted.toLowerCase().replaceAll(" ", "·");
  const found = [];
  for (let at = whole.indexOf(needle); needle && at >= 0; at = whole.indexOf(needle, at + 1)) {
    const hit = about.texts.map((_, token) => token)
      .filter((token) => starts[token] < at + needle.length && starts[token] + about.texts[token].length > at);
    if (hit.length) found.push(hit);
  }
  return found;
}

function showHit(by) {
  if (search.hits.length) {
    search.at = (search.at + by + search.hits.length) % search.hits.length;
    update({ query: search.hits[search.at][0], cursor: null });
  }
  const said = search.hits.length ? `${search.at + 1} of ${search.hits.length}` : "not found";
  find("find-count").textContent = find("find-text").value ? said : "";
}

function startSearch() {
  find("find-text").addEventListener("input", () => {
    search.hits = matches(find("find-text").value);
    search.at = -1;
    const hit = new Set(search.hits.flat());
    words.forEach((word, token) => word.classList.toggle("hit", hit.has(token)));
    showHit(1);
  });
  find("find").addEventListener("submit", (event) => { event.preventDefault(); showHit(1); });
  find("find-text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.shiftKey) { event.preventDefault(); showHit(-1); }
    if (event.key === "Escape") { event.stopPropagation(); words[state.query].focus(); }
  });
}
