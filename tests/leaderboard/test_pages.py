"""The files: golden, the same bytes every time, checked and repaired."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from made import GOLDEN, golden, many, paper, printed, quoted, shown

from cxrbench.leaderboard.build import board
from cxrbench.leaderboard.collect import SHARED
from cxrbench.leaderboard.formats import FORMATS, render
from cxrbench.leaderboard.pages import differences, remove_stale, write_pages

PAGES = GOLDEN / "leaderboard"
TEXTS = ("md", "latex", "csv")


def pages(records, formats=("md",)):
    return render(shown(records), formats)


# --- bytes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["README.md", "classification.md", "details/nih.md", "details/pipes.md",
     "latex/classification.tex", "leaderboard.csv"],
)  # fmt: skip
def test_the_pages_of_fixed_records_are_the_golden_ones(name):
    assert render(golden(), TEXTS)[name].encode() == (PAGES / name).read_bytes()


def test_there_is_a_page_for_each_kind_of_task_and_each_data_set_and_an_index():
    found = pages(many())
    assert set(found) == {"README.md", "classification.md", "details/nih.md", "details/pipes.md"}


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_records_and_papers_means_nothing(seed):
    records, papers = many(), [quoted(), paper(id="other", name="Other")]
    expected = render(shown(records, *papers), TEXTS)
    random.Random(seed).shuffle(records)
    random.Random(seed).shuffle(papers)
    assert render(shown(records, *papers), TEXTS) == expected


def test_no_records_no_tables():
    assert "No records yet" in pages([])["README.md"]
    assert set(pages([])) == {"README.md"}


@pytest.mark.parametrize("name", ["md", "latex", "csv"])
def test_every_format_of_text_ends_its_lines_as_unix_does(name):
    for text in render(golden(), [name]).values():
        assert "\r" not in text
        assert text.endswith("\n")
        assert not text.endswith("\n\n")


# --- checking ------------------------------------------------------------------------------------


def test_pages_that_are_as_they_should_be(tmp_path):
    content = render(golden(), TEXTS)
    written = write_pages(tmp_path, content)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in written) == sorted(content)
    assert differences(tmp_path, content, TEXTS) == []


def test_writing_again_touches_nothing(tmp_path):
    content = pages(many())
    paths = write_pages(tmp_path, content)
    before = [(path.stat().st_mtime_ns, path.stat().st_ino) for path in paths]
    assert write_pages(tmp_path, content) == paths
    assert [(path.stat().st_mtime_ns, path.stat().st_ino) for path in paths] == before


def edit(folder: Path) -> None:
    path = folder / "classification.md"
    path.write_text(path.read_text().replace("85.0", "95.0", 1))


def crlf(folder: Path) -> None:
    path = folder / "classification.md"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def stale(folder: Path) -> None:
    """A page of a data set whose records are gone."""
    (folder / "details" / "x.md").write_text(pages(many())["details/pipes.md"])


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (edit, "classification.md differs from what the records say"),
        (crlf, "classification.md differs from what the records say"),
        (lambda folder: (folder / "details" / "pipes.md").unlink(), "details/pipes.md is missing"),
        (stale, "details/x.md has no record behind it"),
    ],
)
def test_every_difference_is_told(tmp_path, damage, line):
    content = pages(many())
    write_pages(tmp_path, content)
    damage(tmp_path)
    assert differences(tmp_path, content) == [line]


def test_pages_of_the_former_layout_are_stale(tmp_path):
    content = pages(many())
    write_pages(tmp_path, content)
    (tmp_path / "nih.md").write_text(content["details/nih.md"])
    assert differences(tmp_path, content) == ["nih.md has no record behind it"]


def test_what_people_wrote_beside_the_pages_stays(tmp_path):
    content = pages(many())
    (tmp_path / "notes.md").write_text("# Our notes\n")
    write_pages(tmp_path, content)
    stale(tmp_path)
    assert remove_stale(tmp_path, content) == [tmp_path / "details" / "x.md"]
    assert differences(tmp_path, content) == []
    assert (tmp_path / "notes.md").read_text() == "# Our notes\n"


def test_one_format_leaves_those_of_another_alone(tmp_path):
    old = render(shown([*many()], paper(printed(family="extra"))), ["latex"])
    write_pages(tmp_path, old)
    assert "latex/extra.tex" in old
    new = pages(many())
    assert remove_stale(tmp_path, new, ["md"]) == []
    latex = render(shown(many()), ["latex"])
    assert remove_stale(tmp_path, latex, ["latex"]) == [tmp_path / "latex" / "extra.tex"]


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def out(tmp_path):
    """A folder of pages with records and a paper, and no pages yet."""
    folder = tmp_path / "pages"
    (folder / SHARED).mkdir(parents=True)
    (folder / "published").mkdir()
    for number, each in enumerate(many()):
        (folder / SHARED / f"{number}.json").write_text(each.model_dump_json())
    content = {**paper().model_dump(mode="json"), "tables": [printed()]}
    (folder / "published" / "some.yaml").write_text(json.dumps(content))
    return folder


def test_the_command_checks_and_repairs(cli, out):
    command = ("leaderboard", "--out", out, "--format", "md")
    assert cli(*command, "--check").code == 1, "nothing is written yet"
    assert not (out / "classification.md").exists(), "checking writes nothing"
    assert cli(*command).code == 0
    assert "Encoder A" in (out / "classification.md").read_text()
    assert cli(*command, "--check").code == 0
    for damage in (edit, stale):
        damage(out)
        found = cli(*command, "--check")
        assert found.code == 1
        assert ".md" in found.err
        assert cli(*command).code == 0
        assert cli(*command, "--check").code == 0, "the advice of --check works"
    assert not (out / "details" / "x.md").exists()


def test_a_deleted_record_is_gone_from_the_pages(cli, out):
    command = ("leaderboard", "--out", out, "--format", "md,csv")
    assert cli(*command).code == 0
    (gone,) = (
        path for path in (out / SHARED).iterdir() if '"model":"encoder-g"' in path.read_text()
    )
    gone.unlink()
    assert cli(*command, "--check").code == 1
    assert cli(*command).code == 0
    assert not (out / "details" / "pipes.md").exists(), "its data set has no other record"
    texts = [path.read_text() for path in out.rglob("*") if path.suffix in {".md", ".csv"}]
    assert not any("encoder-g" in text for text in texts)


def test_what_is_not_ranked_is_shown_when_asked_for(cli, out):
    command = ("leaderboard", "--out", out, "--format", "md")
    done = cli(*command)
    page = (out / "classification.md").read_text()
    assert "not ranked," not in page.lower()
    assert "phantom" not in page
    assert "4 of 21 records are not ranked and not shown" in done.err
    assert "4 records are not ranked and not shown" in (out / "README.md").read_text()
    assert cli(*command, "--include", "unranked").code == 0
    assert "phantom data" in (out / "classification.md").read_text()
    assert cli(*command, "--check").code == 1
    assert cli(*command, "--check", "--include", "unranked").code == 0


def test_formats_are_a_list_or_repeated_and_known(cli, out):
    assert cli("leaderboard", "--out", out, "--format", "latex,csv").code == 0
    assert not (out / "README.md").exists()
    assert (out / "latex" / "classification.tex").exists()
    assert (out / "leaderboard.csv").exists()
    assert cli("leaderboard", "--out", out, "--format", "md", "--format", "csv").code == 0
    assert (out / "README.md").exists()
    wrong = cli("leaderboard", "--out", out, "--format", "latx")
    assert wrong.code == 2
    assert "latex" in wrong.err
    assert cli("leaderboard", "--out", out, "--include", "everything").code == 2


def test_all_formats_have_a_renderer():
    assert set(FORMATS) == {"md", "html", "latex", "csv"}
    content = render(golden(), FORMATS)
    assert {Path(name).suffix for name in content} >= {".md", ".html", ".tex", ".csv"}


def test_two_runs_of_the_command_write_the_same_bytes(cli, out, tmp_path):
    copies = []
    for name in ("a", "b"):
        there = tmp_path / name
        there.mkdir()
        for part in (SHARED, "published"):
            (there / part).symlink_to(out / part)
        assert cli("leaderboard", "--out", there, "--format", "md,latex,csv").code == 0
        copies.append({path.relative_to(there): path.read_bytes()
                       for path in there.rglob("*")
                       if path.suffix in {".md", ".tex", ".csv"}})  # fmt: skip
    assert copies[0] == copies[1]
    assert len(copies[0]) > 3


def test_the_board_of_nothing_has_nothing():
    made = board([])
    assert (made.families, made.runs, made.best) == ((), {}, ())
