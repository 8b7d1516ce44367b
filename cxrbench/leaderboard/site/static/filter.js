// Search and filters: rows, tables, whole families, and rows and columns of the heat map.
function setUpFilters() {
  const form = document.getElementById("filters");
  form.hidden = false;
  form.addEventListener("input", () => filter(form));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => filter(form)));
  filter(form); // a browser may keep what was filled in before a reload
}

function filter(form) {
  const asked = new FormData(form);
  const want = {
    words: asked.get("words").toLowerCase().split(/\s+/).filter(Boolean),
    family: asked.get("family"),
    protocol: asked.get("protocol"),
    states: asked.getAll("state"),
  };
  document.documentElement.classList.toggle("with-intervals", asked.has("intervals"));
  const tables = [...document.querySelectorAll("section.table")];
  const shown = tables.filter((table) => filterTable(table, want)).length;
  for (const part of document.querySelectorAll("section.family, details.more")) {
    part.hidden = part.querySelector("section.table:not([hidden])") === null;
  }
  filterList(want);
  filterHeat(want);
  const nothing = shown ? "" : " Nothing fits: clear the filters to see everything.";
  document.getElementById("count").textContent = `${shown} of ${tables.length} tables shown.${nothing}`;
}

// Whether a thing is of the family, the protocol and the state that are wanted.
function isAsked({ family, protocol, state }, want) {
  return (
    (!want.family || family === want.family) &&
    (!want.protocol || protocol === want.protocol) &&
    (!state || want.states.includes(state))
  );
}

function holdsAll(words, text) {
  return words.every((word) => text.includes(word));
}

function filterTable(table, want) {
  const { family, protocol, words } = table.dataset;
  let any = false;
  for (const row of table.querySelectorAll("tbody > tr[data-state]")) {
    const asked = isAsked({ family, protocol, state: row.dataset.state }, want);
    row.hidden = !(asked && holdsAll(want.words, `${words} ${row.dataset.words}`));
    any ||= !row.hidden;
  }
  table.hidden = !any;
  return any;
}

function filterList(want) {
  for (const list of document.querySelectorAll("section.list")) {
    const rows = [...list.querySelectorAll("tbody > tr")];
    for (const row of rows) {
      row.hidden = !(isAsked(row.dataset, want) && holdsAll(want.words, row.dataset.words));
    }
    list.hidden = rows.every((row) => row.hidden);
  }
}

function filterHeat(want) {
  for (const table of document.querySelectorAll("table.heat")) {
    const columns = [...table.querySelectorAll("thead th[data-words]")];
    const rows = [...table.querySelectorAll("tbody > tr")];
    const fits = (row, column) =>
      isAsked(column.dataset, want) && holdsAll(want.words, `${column.dataset.words} ${row.dataset.words}`);
    const kept = columns.map((column) => rows.some((row) => fits(row, column)));
    for (const row of rows) row.hidden = !columns.some((column) => fits(row, column));
    for (const row of [...rows, ...table.querySelectorAll("tfoot > tr")]) {
      kept.forEach((keep, place) => (row.cells[place + 1].hidden = !keep));
    }
    columns.forEach((column, place) => (column.hidden = !kept[place]));
    for (const group of table.querySelectorAll("thead th[data-first]")) {
      const first = Number(group.dataset.first);
      const span = kept.slice(first, first + Number(group.dataset.count)).filter(Boolean).length;
      group.hidden = span === 0;
      group.colSpan = Math.max(1, span);
    }
    table.closest("section").hidden = !kept.some(Boolean);
  }
}
