"""Markdown, LaTeX and CSV: what a reader and a program get."""

from __future__ import annotations

import csv
import io
import re

import pytest
from made import failed, golden, many, paper, printed, quoted, record, shown
from reading import rows_of
from test_overview import ranked

from cxrbench.leaderboard import latex, markdown, tidy
from cxrbench.leaderboard.board import MARKS
from cxrbench.leaderboard.words import RULE

PAGE = "classification.md"


def page(records, *papers):
    return markdown.pages(shown(records, *papers))[PAGE]


# --- Markdown ------------------------------------------------------------------------------------


def test_measured_rows_stand_above_a_rule_and_published_ones_in_italics_below():
    text = page([record("a", 0.8, protocol="cogaze@1"), record("b", 0.9, protocol="cogaze@1")],
                quoted())  # fmt: skip
    rows = rows_of(text, "## cogaze@1: auroc-macro")
    names = [row[1] for row in rows[2:]]
    assert names == ["b", "a", "*floor (best constant)*", f"——— {RULE} ———",
                     "*Encoder A*", "*Other 50 %*"]  # fmt: skip
    assert [row[0] for row in rows[2:]] == ["1", "2", "", "", "", ""]
    assert rows[2][2] == "**90.0 (1)**"
    assert rows[3][2] == "<ins>80.0 (1)</ins>"
    assert rows[6][2:4] == ["*88.25 ± 0.50 (3)*", "*91.0 (3)*"]
    assert rows[7][2:4] == ["*80.5 (3)*", "–"]
    assert "CoGaze" not in text


def test_a_footnote_stands_once_at_the_end_and_only_where_it_is_used():
    text = markdown.pages(golden())[PAGE]
    tables, end = text.split("## How to read the tables\n")
    for mark, words in MARKS.items():
        assert text.count(words) == 1
        assert f"- {mark} {words}" in end
        assert mark in tables
    plain = page([record("a", 0.8)])
    assert not any(mark in plain for mark in MARKS)


def test_a_page_ends_with_counts_dates_commit_and_command():
    last = page([record("a", 0.8), record("a", 0.9, 1)]).splitlines()[-1]
    assert last == ("2 records, 2026-01-02, measured with cxrbench at 0123456789ab. "
                    "Made by `cxrbench leaderboard`.")  # fmt: skip


def test_failed_runs_are_named_with_their_type_alone():
    text = page([record("a", 0.8), failed("b")])
    assert f"- `{failed('b').run_id}`: RunError" in text
    assert "it broke" not in text, "a message may name folders"
    assert rows_of(text, "## strict@1")[3][1:3] == ["b", "failed"]


def test_the_command_adds_a_model_to_the_table():
    text = page([record("a", 0.8), record("a", 0.9, 1), record("a", 0.8, task="nih-10pct")],
                paper(printed(protocol="strict@1")))  # fmt: skip
    command = "cxrbench run --model MODEL --task nih-1pct,nih-10pct --protocol strict@1 --seeds 2"
    assert f"`{command}`" in text
    phantom = page([record("a", 0.8, dataset={"kind": "phantom"})])
    assert "--protocol strict@1 --demo`" in phantom
    assert "To add a model" not in page([], paper())


@pytest.mark.parametrize("content", markdown.pages(golden()).values())
def test_every_table_is_rectangular(content):
    blocks = re.findall(r"(?:^\|.*\|\n?)+", content, flags=re.MULTILINE)
    assert blocks
    for block in blocks:
        widths = {len(re.split(r"(?<!\\)\|", line)) for line in block.strip().splitlines()}
        assert len(widths) == 1


def test_links_lead_somewhere():
    found = markdown.pages(golden())
    for name, text in found.items():
        folder = name.rpartition("/")[0]
        for target in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text):
            where, anchor = target
            if where.startswith("https:"):
                continue
            file = "/".join(filter(None, (folder, where))) if where else name
            assert file in found, f"{name}: {target}"
            if anchor and where:
                assert f'<a id="{anchor}"></a>' in found[file]


@pytest.mark.parametrize("name", ["a|b", "a\nb", "*a*", "<b>a", "a_b_c", "`a`"])
def test_a_name_is_shown_as_it_is(name):
    quotes = paper(printed(protocol="strict@1", rows=[{"method": name, "values": [80]}]))
    rows = rows_of(page([record(name, 0.8)], quotes), "## strict@1: auroc-macro")
    assert len({len(row) for row in rows}) == 1
    for row in (rows[2], rows[-1]):
        bare = re.sub(r"\\(.)", "", row[1].strip("*") if row is rows[-1] else row[1])
        assert not set("|*<`_") & set(bare)


def test_a_column_says_data_set_and_metric_once():
    def of(*records):
        text = markdown.pages(shown(list(records)))["retrieval.md"]
        return text, rows_of(text, "## strict@1")[0]

    kind = {"record": {"task_type": "retrieval"}}
    text, header = of(ranked("a", 3.5, **kind))
    assert header[:3] == ["rank", "model", "NIH ChestX-ray14 1 % median-rank (rank) ↓"]
    assert "Numbers are in % where no unit stands." in text
    both = [ranked("a", 3.5, **kind), record("b", 0.8, **kind)]
    text, header = of(*both)
    assert "## strict@1, NIH ChestX-ray14 1 %\n" in text
    assert header[2:4] == ["auroc-macro", "median-rank (rank) ↓"]


# --- LaTeX ---------------------------------------------------------------------------------------


def tex(*args):
    return latex.pages(shown(*args))["latex/classification.tex"]


def unescaped(text, sign):
    return re.findall(rf"(?<!\\){re.escape(sign)}", text)


def test_every_tabular_is_rectangular_and_ruled():
    text = latex.pages(golden())["latex/classification.tex"]
    tables = text.split("\\begin{table}")[1:]
    assert len(tables) == len(golden().families[0].tables)
    for each in tables:
        spec = re.search(r"\\begin\{tabular\}\{([rlc]+)\}", each)[1]
        body = each.split("\\toprule\n")[1].split("\n\\bottomrule")[0]
        for line in body.splitlines():
            if line == "\\midrule" or line.startswith("\\cmidrule"):
                continue
            assert line.endswith(" \\\\")
            cells = len(unescaped(line, "&")) + 1
            spans = [int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", line)]
            assert cells + sum(spans) == len(spec)
        for first, last in re.findall(r"\\cmidrule\(lr\)\{(\d+)-(\d+)\}", body):
            assert 1 <= int(first) <= int(last) <= len(spec)


def test_environments_and_braces_are_balanced():
    for text in latex.pages(golden()).values():
        assert len(unescaped(text, "{")) == len(unescaped(text, "}"))
        opened = re.findall(r"\\begin\{(\w+)\}", text)
        assert sorted(opened) == sorted(re.findall(r"\\end\{(\w+)\}", text))
        assert opened
        for line in text.splitlines():
            assert not unescaped(line, "#")
            assert "$" not in re.sub(r"\$\\\w+\$|\\\$", "", line)
            comment = unescaped(line, "%")
            assert not comment or line.startswith("%") or line.endswith("{%")


def test_what_is_printed_in_latex_is_ascii_or_a_letter():
    for text in latex.pages(golden()).values():
        assert not set("±–—…“”†‡§¶↓×") & set(text)


def test_measured_and_published_are_two_parts_with_a_rule_between():
    text = tex([record("a", 0.8, protocol="cogaze@1"), record("b", 0.9, protocol="cogaze@1")],
               quoted())  # fmt: skip
    (each,) = (part for part in text.split("\\begin{table}") if "{cogaze@1: auroc-macro." in part)
    measured, rest = each.split("\n\\midrule\n")[1:]
    assert "1 & b & \\textbf{90.0 (1)}" in measured
    assert "2 & a & \\underline{80.0 (1)}" in measured
    assert "\\textit{Encoder A} & \\textit{88.25 $\\pm$ 0.50 (3)}" in rest
    assert "\\textbf" not in rest


def test_what_latex_would_take_for_a_command_is_escaped():
    name = r"50% of #1_{x} & $y$ ^~ \z"
    assert latex.escaped(name) == (
        r"50\% of \#1\_\{x\} \& \$y\$ \textasciicircum{}\textasciitilde{} \textbackslash{}z"
    )
    assert latex.prose("As `a_b` is, so is `c`.") == r"As \texttt{a\_b} is, so is \texttt{c}."
    assert r"\texttt{auroc-macro}" in tex([], paper())


# --- CSV -----------------------------------------------------------------------------------------


def lines(board):
    return list(csv.DictReader(io.StringIO(tidy.pages(board)["leaderboard.csv"])))


def test_every_number_is_a_line_at_full_precision():
    values = (0.8123456789012345, 0.83)
    found = lines(shown([record("a", value, seed) for seed, value in enumerate(values)], quoted()))
    (line,) = (x for x in found if x["kind"] == "measured" and x["metric"] == "auroc-macro")
    assert float(line["value"]) == pytest.approx(sum(values) / 2, abs=1e-16)
    assert (line["seeds"], line["rank"], line["ranked"]) == ("2", "1", "true")
    assert float(line["ci95_low"]) == values[0] - 0.02
    assert len(line["run_ids"].split()) == 2
    metrics = {x["metric"] for x in found if x["kind"] == "measured"}
    assert metrics == {"auroc-macro", "brier-macro"}
    floors = {x["metric"]: x["value"] for x in found if x["kind"] == "floor"}
    assert floors == {"auroc-macro": "0.5", "brier-macro": "0.06"}


def test_no_number_is_a_line_twice():
    records = [record("a", 0.8), record("a", 0.7, task="nih-10pct",
                                        record={"context_used": False})]  # fmt: skip
    for made in (shown(records), golden()):
        found = [(x["run_ids"], x["metric"]) for x in lines(made) if x["kind"] == "measured"]
        assert len(found) == len(set(found)) > 3


def test_published_numbers_say_where_each_is_from():
    found = [x for x in lines(shown([], quoted())) if x["kind"] == "published"]
    told = {(x["name"], x["metric"], x["task"], x["protocol"]): x for x in found}
    assert len(told) == len(found) == 8
    first = told["Encoder A", "auroc-macro", "nih-10pct", "cogaze@1"]
    assert (first["value"], first["sd"], first["seeds"]) == ("0.91", "", "3")
    assert (first["paper"], first["paper_table"]) == ("Some (2026)", "Table 3, p. 7")
    assert (first["origin"], first["printed_as"], first["rank"]) == ("authors", "AUROC", "")
    twice = told["Encoder A", "auroc-macro", "nih-1pct", "cogaze@1"]
    assert twice["paper_table"] == "Table 3, p. 7; Table A1"
    assert told["Another", "", "Elsewhere", ""]["value"] == "0.597"
    split = [x for x in found if x["protocol"] == "strict@1"]
    assert {x["marks"] for x in split} == {"§"}


def test_a_number_in_a_printed_table_and_below_others_is_one_line():
    twice = paper(printed(), printed(table="9", alone=True))
    found = [x for x in lines(shown([], twice)) if x["kind"] == "published"]
    assert [x["paper_table"] for x in found] == ["Table 3", "Table 9"]


def test_failed_runs_and_unranked_ones_are_told():
    found = lines(shown([*many(), failed("b")]))
    assert {x["failed"] for x in found} == {"true", "false"}
    assert any(x["ranked"] == "false" and x["data"].startswith("phantom") for x in found)
    assert all(x["rank"] == "" for x in found if x["ranked"] == "false")
