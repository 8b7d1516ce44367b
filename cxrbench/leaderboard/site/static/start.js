// A line for those who listen to the page.
function say(text) {
  document.getElementById("status").textContent = text;
}

// A number alone says little to those who go from button to button: they hear its row and column.
// What a closed part holds has no innerText, so the marked parts of a name are put together here.
function wordsOf(element, without = "") {
  const parts = [...element.childNodes].filter((part) => !(without && part.matches?.(without)));
  return parts.map((part) => part.textContent).join(" ").replace(/\s+/g, " ").trim();
}

function nameCells() {
  for (const table of document.querySelectorAll("main table")) {
    const columns = new Map();
    for (const head of table.querySelectorAll("th[data-place]")) {
      columns.set(Number(head.dataset.place), head.dataset.name);
    }
    for (const button of table.querySelectorAll("button.cell")) {
      const row = wordsOf(button.closest("tr").querySelector("th"));
      const column = columns.get(button.closest("td").cellIndex);
      button.ariaLabel = [row, column, wordsOf(button, ".ci")].filter(Boolean).join(", ");
    }
  }
}

// Arrow keys go to the next number in their direction, so that nobody has to pass all in between.
function moveByArrows(event) {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  const cell = event.target.closest?.("button.cell")?.closest("td");
  if (!step || !cell || event.ctrlKey || event.altKey || event.metaKey) return;
  const rows = [...cell.closest("table").querySelectorAll("tbody > tr:not([hidden])")];
  let row = rows.indexOf(cell.parentElement);
  let place = cell.cellIndex;
  for (;;) {
    row += step[0];
    place += step[1];
    const next = rows[row]?.cells[place];
    if (!next) return;
    const button = next.hidden ? null : next.querySelector("button.cell");
    if (!button) continue;
    event.preventDefault();
    button.focus();
    return;
  }
}

setUpTheme();
setUpSorting();
setUpDialog();
setUpFilters();
nameCells();
document.addEventListener("keydown", moveByArrows);
