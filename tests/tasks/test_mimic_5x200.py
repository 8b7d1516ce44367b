"""MIMIC-5x200: the images drawn, against the rule applied by hand to the raw tables."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import zipfile

import numpy as np
import pytest
from cxrbench_tasks import mimic_5x200
from cxrbench_tasks.phantoms.mimic_5x200 import write

from cxrbench.data.open import open_lists
from cxrbench.data.sections import parse_report
from cxrbench.errors import BadRequest, DataError
from cxrbench.registry import Registry

PATIENTS, SEED, SIZE = 150, 3, 32
FIVE = ["Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion"]
IDS = "mimic_5x200_ids.csv"
META, SPLIT, CHEXPERT = (
    f"mimic-cxr-2.0.0-{name}.csv.gz" for name in ("metadata", "split", "chexpert")
)


@pytest.fixture(scope="module")
def card():
    return Registry.discover().datasets.get("mimic-5x200").card


@pytest.fixture(scope="module", params=["drawn", "ids"])
def form(request):
    return request.param


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """Both forms of one world."""
    found = {}
    for form in ("drawn", "ids"):
        found[form] = tmp_path_factory.mktemp("5x200") / form
        write(found[form], patients=PATIENTS, seed=SEED, size=SIZE, form=form)
    return found


@pytest.fixture
def drawn(roots, tmp_path):
    return shutil.copytree(roots["drawn"], tmp_path / "drawn")


@pytest.fixture
def listed(roots, tmp_path):
    return shutil.copytree(roots["ids"], tmp_path / "ids")


def opened(root, card):
    """As a user with a folder of MIMIC-CXR has it."""
    return open_lists(
        card,
        {"mimic-cxr": root},
        {"test": "listed" if (root / "mimic_5x200_ids.csv").exists() else "test"},
        card.labels,
    )


def rows_of(path):
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return list(csv.DictReader(text.splitlines()))


def rewrite(path, how):
    packed = path.suffix == ".gz"
    lines = (
        (gzip.decompress(path.read_bytes()) if packed else path.read_bytes()).decode().splitlines()
    )
    how(lines)
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content) if packed else content)


def candidates(root):
    """Class to image ids, by the rule, from the raw files."""
    test = {r["dicom_id"] for r in rows_of(root / SPLIT) if r["split"] == "test"}
    frontal = {}
    for row in rows_of(root / META):
        if row["dicom_id"] in test and row["ViewPosition"] in ("AP", "PA"):
            key = row["study_id"]
            frontal[key] = min(frontal.get(key, row["dicom_id"]), row["dicom_id"])
    with zipfile.ZipFile(root / "mimic-cxr-reports.zip") as archive:
        texts = {
            name.split("/s")[-1][:-4]: parse_report(archive.read(name).decode())
            for name in archive.namelist()
        }
    found = {name: [] for name in FIVE}
    for row in rows_of(root / CHEXPERT):
        cells = [row[name] for name in FIVE]
        report = texts.get(row["study_id"])
        told = report is not None and (report.findings or report.impression)
        if cells.count("1.0") == 1 and "-1.0" not in cells and row["study_id"] in frontal and told:
            found[FIVE[cells.index("1.0")]].append(frontal[row["study_id"]])
    return {name: sorted(ids) for name, ids in found.items()}


def test_the_images_are_those_of_the_rule(roots, card):
    split = opened(roots["drawn"], card).splits["test"]
    pools = candidates(roots["drawn"])
    count = min(map(len, pools.values()))
    assert 0 < count < max(map(len, pools.values()))
    wanted = {}
    for name, pool in pools.items():
        order = np.random.default_rng(0).permutation(len(pool))[:count]
        wanted.update({pool[at]: name for at in order})
    assert set(split.ids) == set(wanted)
    for sample, values in zip(split.samples, split.labels, strict=True):
        assert values.tolist() == [float(name == wanted[sample.id]) for name in FIVE]
        assert sample.view in ("AP", "PA")
        assert sample.image.is_file()
        assert sample.report.findings
    assert len({sample.study for sample in split.samples}) == len(split)


def test_every_class_is_as_frequent_and_the_phantom_knows_how(roots, form, card):
    split = opened(roots[form], card).splits["test"]
    mark = json.loads((roots[form] / "PHANTOM.json").read_text())
    assert mark["splits"]["test" if form == "drawn" else "listed"]["n"] == mark["rows"]
    assert mark["rows"] == len(split)
    assert split.counts.tolist() == [len(split) // 5] * 5
    assert (split.labels.sum(axis=1) == 1).all()
    assert not np.isnan(split.labels).any()


def test_no_more_than_the_number_of_each_class_are_drawn(roots, card, monkeypatch):
    everything = set(opened(roots["drawn"], card).splits["test"].ids)
    monkeypatch.setattr(mimic_5x200, "PER_CLASS", 1)
    split = opened(roots["drawn"], card).splits["test"]
    assert split.counts.tolist() == [1] * 5
    assert set(split.ids) < everything


def test_the_card_asks_for_a_thousand(card):
    assert card.splits["test"].n == mimic_5x200.PER_CLASS * len(card.labels) == 1000
    assert card.labels == FIVE
    assert card.access == "credentialed"


def test_the_impression_stands_in_for_findings(roots, card):
    split = opened(roots["drawn"], card).splits["test"]
    with zipfile.ZipFile(roots["drawn"] / "mimic-cxr-reports.zip") as archive:
        kinds = set()
        for sample in split.samples:
            member = f"files/p90/p{sample.patient}/s{sample.study}.txt"
            report = parse_report(archive.read(member).decode())
            assert sample.report.findings == (report.findings or report.impression)
            assert sample.report.impression == report.impression
            kinds.add(bool(report.findings))
    assert kinds == {True, False}


def test_the_list_is_read_in_its_order(listed, card):
    rewrite(listed / IDS, lambda lines: lines.__setitem__(slice(1, None), lines[:0:-1]))
    wanted = [row["dicom_id"] for row in rows_of(listed / IDS)]
    split = opened(listed, card).splits["test"]
    assert split.ids == wanted
    states = {row["study_id"]: row for row in rows_of(listed / CHEXPERT)}
    for sample, values in zip(split.samples, split.labels, strict=True):
        assert values.tolist() == [float(states[sample.study][name] == "1.0") for name in FIVE]


def test_a_listed_image_of_two_classes_is_kept_and_noted(listed, card):
    study = rows_of(listed / IDS)[0]["study_id"]

    def more(lines):
        at = next(i for i, line in enumerate(lines) if f",{study}," in line)
        fields = lines[at].split(",")
        for name in ("Atelectasis", "Edema"):
            fields[lines[0].split(",").index(name)] = "1.0"
        lines[at] = ",".join(fields)

    rewrite(listed / CHEXPERT, more)
    data = opened(listed, card)
    assert data.splits["test"].labels[0].tolist()[::3] == [1, 1]
    assert "1 images do not have exactly one of the findings" in data.notes


def first(listed):
    return rows_of(listed / IDS)[0]


def leak(listed):
    row = first(listed)

    def move(lines):
        at = next(i for i, line in enumerate(lines) if line.startswith(row["dicom_id"]))
        lines[at] = lines[at].replace(",test", ",train")

    rewrite(listed / SPLIT, move)
    return "row 2", row["dicom_id"], "split train"


def unknown(listed):
    rewrite(listed / IDS, lambda lines: lines.__setitem__(3, "-,0-0-0-0-0,1,2,-"))
    return "row 4", "0-0-0-0-0", META


def other_study(listed):
    def swap(lines):
        fields = lines[2].split(",")
        fields[3] = "95999999"
        lines[2] = ",".join(fields)

    rewrite(listed / IDS, swap)
    return "row 3", "another subject or study"


def repeated(listed):
    rewrite(listed / IDS, lambda lines: lines.append(lines[1]))
    return (f"row {len(rows_of(listed / IDS)) + 1}",)


def unlabelled(listed):
    study = first(listed)["study_id"]
    rewrite(
        listed / CHEXPERT, lambda lines: lines.remove(next(x for x in lines if f",{study}," in x))
    )
    return "row 2", study, CHEXPERT


def no_column(listed):
    rewrite(listed / IDS, lambda lines: lines.__setitem__(0, lines[0].replace("study_id", "study")))
    return ("no column study_id",)


def no_text(listed):
    (listed / IDS).write_bytes(b"\xff\xfe")
    return ()


@pytest.mark.parametrize(
    "damage", [leak, unknown, other_study, repeated, unlabelled, no_column, no_text],
    ids=lambda f: f.__name__,
)  # fmt: skip
def test_a_damaged_list_is_named_with_its_row(listed, card, damage):
    opened(listed, card)
    named = damage(listed)
    with pytest.raises(DataError) as caught:
        opened(listed, card)
    for part in (str(listed / IDS), *named):
        assert part in caught.value.why


def test_the_draw_does_not_depend_on_the_images_there(drawn, card):
    before = opened(drawn, card).splits["test"]
    gone = before.samples[0].image
    gone.unlink()
    with pytest.raises(DataError, match="missing") as caught:
        opened(drawn, card)
    assert str(gone) in caught.value.why


def test_labels_that_somebody_made_with_chexbert_draw_no_other_images(drawn, roots, card):
    other = drawn / CHEXPERT.replace("chexpert", "chexbert")
    other.write_bytes(gzip.compress(b"subject_id,study_id\n"))
    expected, found = opened(roots["drawn"], card), opened(drawn, card)
    assert found.splits["test"].ids == expected.splits["test"].ids
    assert found.layout == expected.layout


def test_a_class_without_any_image_is_named(drawn, card):
    def heal(lines):
        at = lines[0].split(",").index("Edema")
        for row, line in enumerate(lines[1:], 1):
            fields = line.split(",")
            lines[row] = ",".join([*fields[:at], "", *fields[at + 1 :]])

    rewrite(drawn / CHEXPERT, heal)
    with pytest.raises(DataError, match="Edema alone"):
        opened(drawn, card)


def test_without_reports_nothing_can_be_drawn(drawn, card):
    (drawn / "mimic-cxr-reports.zip").unlink()
    with pytest.raises(DataError, match="cannot be drawn"):
        opened(drawn, card)


def test_a_world_that_is_too_small_is_refused(tmp_path):
    with pytest.raises(BadRequest, match="patients") as caught:
        write(tmp_path / "root", patients=5, seed=0, size=32)
    assert "more patients" in caught.value.fix
    with pytest.raises(BadRequest, match="form"):
        write(tmp_path / "root", patients=50, seed=0, size=32, form="jpg")
