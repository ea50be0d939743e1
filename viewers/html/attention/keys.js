// The keys of the page, their help, the controls at the top, and the tables, which are made when they are opened.

const KEYS = [
  [["/"], "find a token", () => find("find-text").focus()],
  [["[", "]"], "token before, next token", (key) => moveQuery(key === "[" ? -1 : 1)],
  [["<", ">"], "layer before, next layer", (key) => moveLayer(key === "<" ? -1 : 1)],
  [["0", "…", "9"], "that layer", (key) => Number(key) < about.layers && update({ layer: Number(key), cursor: null })],
  [["{", "}"], "head before, next head", (key) => moveHead(key === "{" ? -1 : 1)],
  [["s"], "follow this head alone, or the mean of its layer", () => solo(state.layer, state.head)],
  [["e"], "colour the text by something else", () => cycle("colouring")],
  [["-", "+"], "show more, or fewer, tokens in the map", (key) => zoom(key === "+" ? 1 : -1)],
  [["z"], "maximise the map", () => update({ maximised: !state.maximised })],
  [["t"], "light, dark, or as the system", nextTheme],
  [["?"], "this help", () => find("help").showModal()],
];

function cycle(id) {
  const list = find(id);
  list.selectedIndex = (list.selectedIndex + 1) % list.options.length;
  list.dispatchEvent(new Event("change"));
}

function zoom(by) {
  const list = find("view"), to = list.selectedIndex + by;
  if (to < 0 || to >= list.options.length) return;
  list.selectedIndex = to;
  list.dispatchEvent(new Event("change"));
}

function nextTheme() {
  const order = ["auto", "light", "dark"];
  update({ theme: order[(order.indexOf(state.theme) + 1) % 3] });
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || find("help").open) return;
  if (event.key === "Escape") return update({ cursor: null, maximised: false, isSolo: false });
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox") return;
  if (!find("single-keys").checked) return;
  const key = event.key === "=" ? "+" : event.key;
  const row = KEYS.find(([keys]) => keys.includes(key) || (keys.includes("9") && /^\d$/.test(key)));
  if (!row) return;
  event.preventDefault();
  row[2](key);
}

function startControls() {
  document.addEventListener("keydown", onKey);
  find("theme").addEventListener("click", nextTheme);
  find("help-open").addEventListener("click", () => find("help").showModal());
  find("maximise").addEventListener("click", () => update({ maximised: !state.maximised }));
  find("colouring").addEventListener("change", (event) => update({ colouring: event.target.value }));
  find("scope").addEventListener("change", (event) => update({ scope: event.target.value, isSolo: false }));
  find("view").addEventListener("change", (event) => update({ view: Number(event.target.value), cursor: null }));
  find("own").addEventListener("change", (event) => update({ own: event.target.checked }));
  find("entropy-rows").addEventListener("change", (event) => update({ rows: event.target.value }));
  systemDark.addEventListener("change", () => schedule(["theme"]));
  new ResizeObserver(() => update({ width: document.body.clientWidth })).observe(document.body);
  const arrows = [[["↑", "↓", "←", "→"], "in a panel: move; in the map PgUp PgDn Home End too"], [["Enter"], "take what the cursor is on"],
    [["Tab"], "next panel"], [["Esc"], "clear the cursor, close"]];
  const rows = [...arrows, ...KEYS].map(([keys, text]) => make("tr", [
    make("td", keys.map((key) => (key === "…" ? "… " : make("kbd", key)))), make("td", text)]));
  find("help-keys").replaceChildren(make("tbody", rows));
  for (const id of Object.keys(TABLES)) find(id).addEventListener("toggle", () => fillTable(id));
}

const TABLES = {
  "row-table": () => shareTable(true),
  "column-table": () => shareTable(false),
  "entropy-table": () => table("Entropy of attention in nats, by query and head.",
    [["query"], ...Array.from({ length: about.heads }, (_, head) => [`head ${head}`, "n"])],
    about.texts.map((_, token) => make("tr", [make("th", tokenButton(token), { scope: "row" }),
      ...Array.from({ length: about.heads }, (_, head) => make("td", fixed(entropyAt(state.layer, head, token), 4), { class: "n" }))]))),
  "token-table": () => table("Nats.", [["token"], ["id", "n"], ["log-probability", "n"], ["rank", "n"], ["entropy after it", "n"]],
    about.texts.map((_, token) => make("tr", [make("th", tokenButton(token), { scope: "row" }),
      make("td", String(about.ids[token]), { class: "n" }), make("td", fixed(numbers.logprobs[token], 5), { class: "n" }),
      make("td", String(numbers.ranks[token] || "—"), { class: "n" }), make("td", fixed(numbers.entropies[token], 5), { class: "n" })]))),
};

function shareTable(forward) {
  const rows = shares(state.query, forward).map((share, token) => share && make("tr", [
    make("th", tokenButton(token), { scope: "row" }), make("td", sharePieces(share.value, share.error), { class: "n" }), meter(share.value),
  ])).filter(Boolean);
  return table(`${followedText()}; shares of attention.`, [[forward ? "key" : "query"], ["share", "n"], [""]], rows);
}

function fillTable(id) {
  const details = find(id);
  details.lastElementChild.replaceChildren(...(details.open ? [TABLES[id]()] : []));
}

draws(["query", "layer", "head", "scope"], () => {
  find("row-table").firstElementChild.replaceChildren(`Where query ${state.query} `, ...quoted(state.query), " looks");
  find("column-table").firstElementChild.replaceChildren(`Who looks at key ${state.query} `, ...quoted(state.query));
  find("entropy-table").firstElementChild.textContent = `Entropy of layer ${state.layer}, token by token`;
  for (const id of ["row-table", "column-table", "entropy-table"]) fillTable(id);
});
draws(["scope", "colouring"], () => {
  find("scope").value = state.scope;
  find("colouring").value = state.colouring;
});
draws(["maximised"], () => {
  document.querySelector("main").classList.toggle("wide", state.maximised);
  find("maximise").setAttribute("aria-pressed", state.maximised);
});
