// Sorting: the button in a heading sorts the rows of each part of its table. Best first, then worst
// first. What has no value stays last either way; the floor and the published rows stay below.
function setUpSorting() {
  for (const button of document.querySelectorAll("th[data-sort] > button")) {
    button.addEventListener("click", () => sortBy(button.parentElement));
  }
}

function sortBy(heading) {
  const table = heading.closest("table");
  const lowFirst = heading.dataset.sort !== "high";
  const again = heading.hasAttribute("aria-sort");
  const ascending = again ? heading.getAttribute("aria-sort") !== "ascending" : lowFirst;
  for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const place = Number(heading.dataset.place);
  for (const body of table.tBodies) {
    const rows = [...body.rows].map((row) => ({ row, value: valueOf(row.cells[place]) }));
    rows.sort((a, b) => compare(a.value, b.value, ascending));
    body.append(...rows.map((each) => each.row));
  }
  const order = ascending ? "ascending" : "descending";
  say(`Sorted by ${heading.dataset.name}, ${order}`);
}

function valueOf(cell) {
  const { value } = cell.dataset;
  if (value === undefined) return cell.tagName === "TH" ? cell.textContent.trim() : null;
  return Number(value);
}

function compare(a, b, ascending) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
  return ascending ? order : -order;
}
