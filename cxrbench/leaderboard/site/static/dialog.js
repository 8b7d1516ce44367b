// The record behind a number. What is shown was put into words when the page was made; here it is
// only laid out. The browser's own dialog keeps the focus inside and gives it back.
function setUpDialog() {
  const dialog = document.getElementById("record");
  const data = JSON.parse(document.getElementById("data").textContent);
  const linkOf = (cell) => `${data.runs[cell.runs].link}~${cell.metric}`;

  function open(id) {
    const cell = data.cells[id];
    const runs = data.runs[cell.runs];
    document.getElementById("record-title").textContent = runs.title;
    document.getElementById("record-where").textContent = runs.where;
    const body = document.getElementById("record-body");
    const sections = runs.sections.map((place) => section(data.sections[place], cell.metric));
    body.replaceChildren(make("p", { className: "big" }, cell.value), facts(cell.facts), ...sections);
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    point(linkOf(cell));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-cell]");
    if (button) open(button.dataset.cell);
    else if (event.target === dialog) dialog.close(); // beside it
  });
  document.getElementById("record-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => point(""));
  const followLink = () => {
    const link = decoded(location.hash.slice(1));
    const found = link.includes("~") && Object.entries(data.cells).find(([, cell]) => linkOf(cell) === link);
    if (found) open(found[0]);
  };
  window.addEventListener("hashchange", followLink);
  followLink();
}

// The address of the open record, so that it can be sent to someone.
function point(link) {
  history.replaceState(null, "", link ? `#${encodeURIComponent(link)}` : location.pathname + location.search);
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // an address that was cut or mistyped
  }
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function facts(pairs) {
  const parts = pairs.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]);
  return make("dl", { className: "facts" }, ...parts);
}

function section(part, metric) {
  const content = [];
  if (part.text) content.push(make("p", {}, part.text));
  if (part.commands) content.push(...part.commands.map(command));
  if (part.facts) content.push(facts(part.facts));
  if (part.rows) content.push(sheet(part, metric));
  if (part.items) content.push(make("ul", {}, ...part.items.map((item) => make("li", {}, item))));
  if (part.images) content.push(...part.images.map(image));
  if (part.folded) {
    return make("details", {}, make("summary", {}, part.title), ...content);
  }
  return make("section", {}, make("h3", {}, part.title), ...content);
}

function sheet({ title, head, rows, keys, words }, metric) {
  const kind = (place) => ({ className: words.includes(place) ? "text" : "" });
  const line = (row, number) => {
    const cells = row.map((value, place) =>
      place ? make("td", kind(place), value) : make("th", { scope: "row", ...kind(place) }, value),
    );
    const made = make("tr", {}, ...cells);
    if (keys && keys[number] === metric) made.setAttribute("aria-current", "true");
    return made;
  };
  const headings = head.map((name, place) => make("th", { scope: "col", ...kind(place) }, name));
  const table = make(
    "table",
    {},
    make("caption", { className: "unseen" }, title),
    make("thead", {}, make("tr", {}, ...headings)),
    make("tbody", {}, ...rows.map(line)),
  );
  return make("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: title }, table);
}

function command({ what, line }) {
  const code = make("code", {}, line);
  const button = make("button", { type: "button", ariaLabel: `Copy: ${what}` }, "Copy");
  button.addEventListener("click", () => copy(line, code, button));
  return make(
    "div",
    {},
    make("p", { className: "quiet" }, what),
    make("div", { className: "command" }, make("pre", {}, code), button),
  );
}

async function copy(text, code, button) {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection().selectAllChildren(code); // without the right to: select it, and try the old way
    done = document.execCommand("copy");
  }
  button.textContent = done ? "Copied" : "Press Ctrl-C";
  document.getElementById("record-status").textContent = done ? "Copied" : "Selected: press Ctrl-C";
  setTimeout(() => (button.textContent = "Copy"), 2500);
}

// Loaded when its part is unfolded; a click shows it alone.
function image({ path, title, caption }) {
  const picture = make("img", { alt: title, loading: "lazy", src: path });
  return make(
    "figure",
    {},
    make("a", { href: path }, picture),
    make("figcaption", { className: "quiet" }, `${title}. ${caption}`),
  );
}
