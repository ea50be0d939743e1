// One token: what it is, where it looks, who looks at it, and what the model expected after it.

const LONGEST = 8;

function drawToken() {
  const token = state.query;
  find("token-title").replaceChildren(`Token ${token} `, ...quoted(token));
  const facts = [
    ["id", String(about.ids[token])],
    ["log-probability", `${fixed(numbers.logprobs[token], 3)} nats`],
    ["probability, rank", `${percent(numbers.logprobs[token])}, ${numbers.ranks[token] || "—"}`],
    ["entropy after it", `${fixed(numbers.entropies[token], 3)} nats`],
    ["", token < about.promptLength ? "given in the prompt" : "generated"],
  ];
  const first = Number.isNaN(numbers.logprobs[token]);
  const shown = facts.filter(([name]) => !(first && /prob/.test(name)));
  find("token-facts").replaceChildren(...shown.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
}

function drawShares() {
  for (const [id, forward, title] of [["looks", true, "Looks at"], ["looked", false, "Is looked at by"]]) {
    find(`${id}-title`).textContent = `${title} (${followedText()})`;
    const found = shares(state.query, forward).map((share, token) => ({ token, ...share }));
    const there = found.filter(({ value }) => value !== undefined && !Number.isNaN(value));
    const best = there.sort((a, b) => b.value - a.value || a.token - b.token).slice(0, LONGEST);
    const rows = best.map(({ token, value, error }) => make("tr", [
      make("th", tokenButton(token), { scope: "row" }), make("td", sharePieces(value, error), { class: "n" }), meter(value),
    ]));
    find(id).replaceChildren(rows.length ? make("table", make("tbody", rows)) : make("p", "nothing that was kept", { class: "note" }));
  }
}

function drawCandidates() {
  const size = about.candidates, start = state.query * size;
  const next = about.ids[state.query + 1];
  const rows = Array.from({ length: size }, (_, i) => {
    const id = numbers.candidate_ids[start + i], logprob = numbers.candidate_logprobs[start + i];
    const text = about.candidateTexts[id] ?? String(id);
    return make("tr", [
      make("th", [make("bdi", text), id === next ? " ← came" : ""], { scope: "row", title: `id ${id}` }),
      make("td", fixed(logprob, 3), { class: "n" }), make("td", percent(logprob), { class: "n" }), meter(Math.exp(logprob)),
    ], { class: id === next ? "actual" : null });
  });
  const head = [["token"], ["nats", "n"], ["probability", "n"], [""]];
  find("candidates").replaceChildren(rows.length && !Number.isNaN(numbers.candidate_logprobs[start])
    ? table("", head, rows) : make("p", "no logits were recorded", { class: "note" }));
}

draws(["query"], drawToken);
draws(["query"], drawCandidates);
draws(["query", "layer", "head", "scope"], drawShares);
