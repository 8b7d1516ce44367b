"""Figures that lie beside the pages are shown with the numbers that they stand on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from made import record, shown
from page_parts import Parts

from cxrbench.leaderboard.site import PAGE, pages, read_figures

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"/>'
RUNS = [record("a", 0.8), record("b", 0.7)]
IDS = [each.run_id for each in RUNS]


@pytest.fixture
def drawn(tmp_path):
    """Puts a figure into the folder of the pages."""
    folder = tmp_path / "figures"
    folder.mkdir()

    def draw(name, run_ids, files=("svg", "png"), listed=(), version=1) -> None:
        made = [f"{name}.{suffix}" for suffix in files]
        for file in made:
            (folder / file).write_text(SVG)
        about = {"schema_version": version, "title": [f"Figure {name}", "data"],
                 "caption": "A caption.", "run_ids": run_ids,
                 "files": [*made, *listed]}  # fmt: skip
        (folder / f"{name}.json").write_text(json.dumps(about))

    return draw


def paths(folder) -> list[str]:
    return [figure.path for figure in read_figures(folder, IDS)]


def test_a_figure_is_found_by_what_stands_beside_it(drawn, tmp_path):
    drawn("roc", [IDS[0]])
    drawn("dots", IDS, files=("pdf", "png"))
    dots, roc = read_figures(tmp_path, IDS)
    assert (roc.path, roc.title) == ("figures/roc.svg", "Figure roc – data")
    assert (roc.caption, roc.run_ids) == ("A caption.", (IDS[0],))
    assert dots.path == "figures/dots.png"


def test_what_is_out_of_date_or_unknown_is_passed_over(drawn, tmp_path):
    drawn("gone", [IDS[0], "a-run-that-is-gone"])
    drawn("paper-only", IDS, files=("pdf",))
    drawn("nothing", [])
    drawn("later", IDS, version=2)
    drawn("away", IDS, files=(), listed=["../secret.svg"])
    drawn("lost", IDS, files=(), listed=["lost.svg"])
    (tmp_path / "secret.svg").write_text(SVG)
    (tmp_path / "figures" / "broken.json").write_text("{")
    (tmp_path / "figures" / "list.json").write_text("[]")
    assert paths(tmp_path) == []
    assert paths(tmp_path / "nowhere") == []


def test_a_dialog_has_the_figures_of_its_runs_those_of_few_first(drawn, tmp_path):
    drawn("all", IDS)
    drawn("one", [IDS[0]])
    board = replace(shown(RUNS), figures=read_figures(tmp_path, IDS))
    data = Parts(pages(board)[PAGE]).data
    found = {
        runs["title"]: [
            image["path"]
            for place in runs["sections"]
            for image in data["sections"][place].get("images", [])
        ]
        for runs in data["runs"]
    }
    assert found == {"a": ["../figures/one.svg", "../figures/all.svg"],
                     "b": ["../figures/all.svg"]}  # fmt: skip


def test_a_figure_is_loaded_when_it_is_unfolded(drawn, tmp_path, chromium):
    drawn("one", [IDS[0]])
    board = replace(shown(RUNS), figures=read_figures(tmp_path, IDS))
    path = tmp_path / PAGE
    path.parent.mkdir()
    path.write_text(pages(board)[PAGE], encoding="utf-8")
    chromium.set_width(1280)
    chromium.open(path.as_uri())
    chromium.click(f"button[data-cell='{_cell_of(path)}']")
    picture = "document.querySelector('#record-body img')"
    chromium.wait(f"{picture} !== null")
    assert chromium.requests() == [path.as_uri()], "nothing is loaded before it is asked for"
    chromium.run(f"{picture}.closest('details').open = true")
    chromium.run(f"{picture}.scrollIntoView()")
    chromium.wait(f"{picture}.naturalWidth === 40")
    assert chromium.run(f"{picture}.alt").startswith("Figure one")
    assert chromium.complaints() == []


def _cell_of(path) -> str:
    data = Parts(path.read_text(encoding="utf-8")).data
    return next(name for name, cell in data["cells"].items()
                if data["runs"][cell["runs"]]["title"] == "a")  # fmt: skip
