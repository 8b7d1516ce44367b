"""The page in a browser, opened from the disk: by mouse and keyboard, by day and night."""

from __future__ import annotations

import json

import pytest

# The ranked table of the fixed records: with ties, missing values, a floor and published rows.
TABLE = "section.table:has(tbody.published):has(tbody.measured)"
CELL = f"{TABLE} tbody.measured td button.cell"


def rows(page, kind="measured", place=None) -> list[str]:
    """The rows of a part of the table: the model, or what stands in a column."""
    cell = "th" if place is None else f"td:nth-child({place + 1})"
    return page.run(
        f"[...document.querySelector('{TABLE}').querySelectorAll('tbody.{kind} > tr > {cell}')]"
        ".map(e => e.innerText.trim())"
    )


def shown(page, selector: str) -> int:
    """How many elements of a selector can be seen."""
    return page.run(
        f"[...document.querySelectorAll({json.dumps(selector)})]"
        ".filter(e => e.checkVisibility()).length"
    )


def search(page, words: str) -> None:
    page.click('input[name="words"]')
    page.run("document.activeElement.select()")
    page.type(words)


def focused(page, expression: str):
    return page.run(f"(e => {expression})(document.activeElement)")


# --- alone ---------------------------------------------------------------------------------------


def test_it_opens_from_the_disk_without_a_complaint_and_asks_for_nothing(page, url):
    assert page.run("document.title") == "cxrbench leaderboard"
    page.click(CELL)
    page.press("Escape")
    page.wait("!document.getElementById('record').open")
    assert page.complaints() == []
    assert page.requests() == [url]


@pytest.mark.parametrize(
    ("attempt", "directive"),
    [
        ("fetch('https://example.org/x')", "connect-src"),
        ("document.body.append(Object.assign(new Image(), {src: 'https://example.org/x.png'}))",
         "img-src"),
        ("document.body.append(Object.assign(document.createElement('script'), {text: 'no = 1'}))",
         "script-src-elem"),
        ("document.body.setAttribute('style', 'color: red')", "style-src-attr"),
    ],
)  # fmt: skip
def test_the_policy_holds(page, attempt, directive):
    blocked = page.run(
        "new Promise(done => { addEventListener('securitypolicyviolation',"
        " event => done(event.effectiveDirective), {once: true});"
        f" Promise.resolve({attempt}).catch(() => {{}}); setTimeout(() => done('not'), 5000); }})"
    )
    assert blocked == directive


def test_the_tables_are_there_without_script(page, url):
    page.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(url)
    finally:
        page.send("Emulation.setScriptExecutionDisabled", value=False)
    assert shown(page, "main table") > 3
    assert shown(page, "#filters, #theme") == 0


# --- sorting -------------------------------------------------------------------------------------


def test_a_heading_sorts_by_keyboard_best_first_then_worst_first(page):
    heading = f"{TABLE} th[data-sort=high]"
    place = int(page.run(f"document.querySelector('{heading}').dataset.place"))
    below = {kind: rows(page, kind) for kind in ("floor", "published")}
    page.run(f"document.querySelector('{heading} button').focus()")
    page.press("Enter")
    first = rows(page, place=place)
    numbers = [float(text.split()[0]) for text in first if text[0].isdigit()]
    assert len(numbers) > 5
    assert numbers == sorted(numbers, reverse=True)
    assert not any(text[0].isdigit() for text in first[len(numbers) :]), "what is missing is last"
    assert page.run(f"document.querySelector('{heading}').ariaSort") == "descending"
    assert "descending" in page.run("document.getElementById('status').textContent")
    page.press("Space")
    again = rows(page, place=place)
    assert [float(text.split()[0]) for text in again[: len(numbers)]] == sorted(numbers)
    assert not any(text[0].isdigit() for text in again[len(numbers) :]), "missing stays last"
    assert page.run(f"document.querySelector('{heading}').ariaSort") == "ascending"
    assert rows(page, "floor") == below["floor"]
    assert sorted(rows(page, "published")) == sorted(below["published"])
    assert shown(page, f"{TABLE} th[aria-sort]") == 1


def test_by_name_and_by_what_is_best_when_low(page):
    page.click(f"{TABLE} th.name button")
    names = rows(page)
    assert names == sorted(names)
    found = page.run(
        """(() => {
          const rows = (head) => [...head.closest("table").querySelectorAll("tbody.measured > tr")];
          const heads = [...document.querySelectorAll("details.more th[data-sort=low]")]
            .filter((head) => head.dataset.name.includes("brier"))
            .sort((a, b) => rows(b).length - rows(a).length);
          heads[0].querySelector("button").click();
          return rows(heads[0]).map((row) => row.cells[heads[0].dataset.place].dataset.value);
        })()"""
    )
    numbers = [float(value) for value in found if value is not None]
    assert len(numbers) > 3
    assert numbers == sorted(numbers), "the lowest is the best and comes first"
    assert None not in found[: len(numbers)]


# --- filters -------------------------------------------------------------------------------------


def test_words_find_models_and_tasks(page):
    everything = shown(page, "section.table")
    search(page, "encoder-c")
    assert rows(page)  # hidden ones too
    names = page.run(
        f"[...document.querySelector('{TABLE}').querySelectorAll('tbody.measured > tr')]"
        ".filter(r => r.checkVisibility()).map(r => r.querySelector('th').innerText.trim())"
    )
    assert names == ["encoder-c"]
    assert shown(page, "table.heat tbody > tr") == 1
    search(page, "pipes")
    assert 0 < shown(page, "section.table") < everything
    search(page, "no such thing")
    assert shown(page, "main section") == 0
    assert "Nothing fits" in page.run("document.getElementById('count').textContent")
    page.click("button[type=reset]")
    page.wait("document.querySelectorAll('section.table[hidden]').length === 0")
    assert shown(page, "section.table") == everything


def test_rows_of_one_state_alone(page):
    assert shown(page, "tr[data-state=published]") > 0
    assert shown(page, "#heat-unranked") == 1
    page.click("input[value=published]")
    assert shown(page, "tr[data-state=published]") == 0
    page.click("input[value=unranked]")
    assert shown(page, "tr[data-state=unranked], #heat-unranked, #best-unranked") == 0
    assert shown(page, "#heat-ranked") == 1
    page.click("input[value=ranked]")
    assert shown(page, "section.table") == 0


def test_one_protocol_alone_also_in_the_heat_map(page):
    columns = shown(page, "#heat-ranked thead th[data-words]")
    page.run(
        "(() => { const e = document.querySelector('select[name=protocol]');"
        "e.value = 'cogaze@1'; e.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    assert shown(page, "section.table[data-protocol='strict@1']") == 0
    assert shown(page, "section.table[data-protocol='cogaze@1']") > 0
    kept = shown(page, "#heat-ranked thead th[data-words]")
    assert 0 < kept < columns
    spans = page.run(
        "[...document.querySelectorAll('#heat-ranked thead th[data-first]')]"
        ".filter(e => e.checkVisibility()).reduce((sum, e) => sum + e.colSpan, 0)"
    )
    assert spans == kept
    assert shown(page, "#heat-ranked tfoot td") == kept


def test_intervals_are_shown_on_demand(page):
    assert shown(page, ".ci") == 0
    page.click("input[name=intervals]")
    assert shown(page, ".ci") > 3


# --- the dialog ----------------------------------------------------------------------------------


def test_a_number_opens_its_record_by_keyboard_and_has_the_focus_back(page):
    page.run(f"document.querySelector('{CELL}').focus()")
    name = focused(page, "e.ariaLabel")
    assert "encoder" in name
    assert "1 %" in name
    page.press("Enter")
    page.wait("document.getElementById('record').open")
    page.wait("document.activeElement.id === 'record-close'")
    inside = "e === document.body || document.getElementById('record').contains(e)"
    for shift in (False, True):
        for _ in range(30):
            page.press("Tab", shift=shift)
            assert focused(page, inside), "the focus has left the dialog"
    title = page.run("document.getElementById('record-title').textContent")
    assert name.startswith(title)
    page.press("Escape")
    page.wait("!document.getElementById('record').open")
    page.wait(f"document.activeElement.ariaLabel === {json.dumps(name)}")


def test_numbers_in_a_closed_part_are_named_as_those_in_sight(page):
    folded = "details.more:not([open]) button.cell"
    names = page.run(f"[...document.querySelectorAll({json.dumps(folded)})].map(e => e.ariaLabel)")
    assert names
    for name in names:
        model, *_, number = name.split(", ")
        assert model.startswith(("encoder", "failed"))
        assert number[:1].isdigit() or number[:1] in "–f"
        assert " to " not in number, "the interval is not asked for"


def test_the_dialog_shows_what_the_page_holds_of_it_and_marks_the_metric(page):
    page.click(CELL)
    shown_text = page.run("document.getElementById('record-body').innerText")
    data = json.loads(page.run("document.getElementById('data').textContent"))
    cell = data["cells"][page.run(f"document.querySelector('{CELL}').dataset.cell")]
    runs = data["runs"][cell["runs"]]
    assert cell["value"] in shown_text
    for fact in cell["facts"]:
        assert fact[1] in shown_text
    titles = page.run(
        "[...document.querySelectorAll('#record-body h3, #record-body summary')]"
        ".map(e => e.textContent)"
    )
    assert titles == [data["sections"][place]["title"] for place in runs["sections"]]
    marked = page.run("document.querySelector('#record-body tr[aria-current]').innerText")
    assert marked.startswith(cell["metric"])


def test_the_command_is_copied(page):
    page.run("navigator.clipboard.writeText = async text => { window.copied = text; }")
    page.click(CELL)
    page.click("#record-body .command button")
    line = page.run("document.querySelector('#record-body .command code').textContent")
    assert line.startswith("cxrbench run ")
    page.wait(f"window.copied === {json.dumps(line)}")
    page.wait("document.getElementById('record-status').textContent === 'Copied'")


def test_without_the_right_to_copy_the_command_is_selected(page):
    page.run("navigator.clipboard.writeText = async () => { throw new Error('no'); }")
    page.click(CELL)
    page.click("#record-body .command button")
    line = page.run("document.querySelector('#record-body .command code').textContent")
    page.wait(f"getSelection().toString() === {json.dumps(line)}")


def test_a_record_has_an_address(page, url):
    page.click(CELL)
    address = page.run("location.href")
    value = page.run("document.querySelector('#record-body .big').textContent")
    page.click("#record-close")
    page.wait(f"location.href === {json.dumps(url)}")
    page.open(address)
    assert page.run("document.querySelector('#record-body .big').textContent") == value
    assert page.complaints() == []


def test_an_address_of_nothing_opens_nothing(page, url):
    page.open(f"{url}#no~%such")
    assert not page.run("document.getElementById('record').open")
    assert page.complaints() == []


def test_a_click_beside_it_closes_it(page):
    page.click(CELL)
    page.send("Input.dispatchMouseEvent", type="mousePressed", x=3, y=3, button="left",
              clickCount=1)  # fmt: skip
    page.send("Input.dispatchMouseEvent", type="mouseReleased", x=3, y=3, button="left",
              clickCount=1)  # fmt: skip
    page.wait("!document.getElementById('record').open")


def test_arrows_go_from_number_to_number(page):
    page.run(f"document.querySelector('{CELL}').focus()")
    start = focused(page, "[e.closest('tr').rowIndex, e.closest('td').cellIndex]")
    page.press("ArrowDown")
    below = focused(page, "[e.closest('tr').rowIndex, e.closest('td').cellIndex]")
    assert below == [start[0] + 1, start[1]]
    page.press("ArrowUp")
    assert focused(page, "[e.closest('tr').rowIndex, e.closest('td').cellIndex]") == start


# --- colours, sizes, paper -----------------------------------------------------------------------


def ground(page) -> list[int]:
    return page.run("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")


def test_the_colours_are_those_of_the_system_until_one_chooses(page, url):
    assert min(ground(page)) > 200
    page.prefer("dark")
    assert max(ground(page)) < 60
    assert page.run("document.getElementById('theme').textContent") == "Colours: system"
    page.click("#theme")
    assert min(ground(page)) > 200, "light is chosen"
    page.open(url)
    assert min(ground(page)) > 200, "and stays"
    page.click("#theme")
    page.prefer("light")
    assert max(ground(page)) < 60, "dark is chosen"
    page.click("#theme")
    assert min(ground(page)) > 200


_CONTRAST = """
(() => {
  const light = (text) => {
    const parts = text.match(/[\\d.]+/g).slice(0, 3).map((c) => {
      c /= 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
  };
  const found = {};
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest(".unseen")) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found[`${e.tagName}.${e.className}: ${e.textContent}`] = ratio;
  }
  return found;
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(page, scheme):
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1."""
    page.prefer(scheme)
    page.run("document.querySelectorAll('details').forEach(e => e.open = true)")
    assert page.run(_CONTRAST) == {}
    page.click(CELL)
    assert page.run(_CONTRAST) == {}


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_only_tables_are_ever_wider_than_the_window(page, width):
    page.set_width(width)
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    page.click(CELL)
    assert page.run("document.getElementById('record').scrollWidth") <= width


def test_on_paper_there_are_tables_and_nothing_to_press(page):
    page.send("Emulation.setEmulatedMedia", media="print")
    try:
        assert shown(page, "#filters, .families, #theme") == 0
        assert shown(page, "main table") > 3
    finally:
        page.send("Emulation.setEmulatedMedia", media="")


# --- those who listen ----------------------------------------------------------------------------


def test_everything_to_press_has_a_name(page):
    page.click(CELL)
    nodes = page.send("Accessibility.getFullAXTree")["nodes"]
    page.press("Escape")
    nodes += page.send("Accessibility.getFullAXTree")["nodes"]
    roles = {}
    for node in nodes:
        role = node.get("role", {}).get("value")
        roles.setdefault(role, []).append(node.get("name", {}).get("value", ""))
    for role in ("button", "searchbox", "combobox", "checkbox", "link", "dialog", "region"):
        assert roles.get(role), role
        assert all(roles[role]), f"a {role} has no name"
    for role in ("table", "rowheader", "columnheader", "main", "navigation", "contentinfo"):
        assert roles.get(role), role


def test_the_first_stop_leads_past_the_filters(page):
    page.press("Tab")
    assert focused(page, "e.textContent") == "Skip to the tables"
    assert page.run("document.activeElement.getBoundingClientRect().width > 50"), "it is seen"
    page.press("Enter")
    page.press("Tab")
    assert focused(page, "document.getElementById('main').contains(e)")
