"""The MIMIC-CXR adapter: every fact against the phantom world, every layout, every damage."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import shutil
import zipfile
from itertools import chain

import numpy as np
import pytest
from cxrbench_tasks.phantoms.mimic_cxr import write
from PIL import Image

from cxrbench.data.context import split_context
from cxrbench.data.open import find_download, open_lists, read
from cxrbench.errors import BadRequest, DataError
from cxrbench.phantom.text.compose import compose
from cxrbench.phantom.world import PhantomWorld
from cxrbench.registry import Registry

PATIENTS, SEED, SIZE = 40, 7, 32
META, SPLIT, CHEXPERT = (
    f"mimic-cxr-2.0.0-{name}.csv.gz" for name in ("metadata", "split", "chexpert")
)
ZIP, JSON = "mimic-cxr-reports.zip", "phantom_cogaze_annotation.json"
CODES = {None: 0, "positive": 1, "negative": 2, "uncertain": 3}
VALUES = {0: np.nan, 1: 1.0, 2: 0.0, 3: np.nan}
ORDER = [
    "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema",
    "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion",
    "Pleural Other", "Fracture", "Support Devices", "No Finding",
]  # fmt: skip


@pytest.fixture(scope="module")
def card():
    return Registry.discover().datasets.get("mimic-cxr").card


@pytest.fixture(scope="module")
def jpg(tmp_path_factory):
    root = tmp_path_factory.mktemp("mimic") / "jpg"
    write(root, patients=PATIENTS, seed=SEED, size=SIZE)
    return root


@pytest.fixture(scope="module")
def cogaze(tmp_path_factory):
    root = tmp_path_factory.mktemp("mimic") / "cogaze"
    write(root, patients=PATIENTS, seed=SEED, size=SIZE, form="cogaze")
    return root


@pytest.fixture
def copy(jpg, tmp_path):
    return shutil.copytree(jpg, tmp_path / "copy")


@pytest.fixture
def cogaze_copy(cogaze, tmp_path):
    return shutil.copytree(cogaze, tmp_path / "copy")


@pytest.fixture(scope="module")
def truth():
    """Dicom id to patient, study and view, from the world alone."""
    world = PhantomWorld(PATIENTS, SEED, SIZE, prevalences={"Fracture": 0.04})
    found = {}
    for patient, study in world:
        for view in study.views:
            key = f"phantom {SEED} {study.patient} {study.number} {view}".encode()
            digits = hashlib.sha256(key).hexdigest()
            found["-".join(digits[8 * i : 8 * i + 8] for i in range(5))] = (patient, study, view)
    return found


@pytest.fixture(scope="module")
def opened(jpg, card):
    return open_all(jpg, card)


def open_all(root, card):
    told = read(find_download(card, {"mimic-cxr": root})).lists
    parts = ("train", "val", "test")
    lists = {name: next((k for k in told if k.endswith(name)), name) for name in parts}
    return open_lists(card, {"mimic-cxr": root}, lists, card.labels)


def collected(root, card):
    return read(find_download(card, {"mimic-cxr": root}))


def rows_of(path):
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return list(csv.DictReader(text.splitlines()))


def rewrite(path, how):
    """Change the lines of a table in place."""
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    how(lines)
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))


def facts(data):
    """What must not depend on how the download is stored."""
    return {
        name: [
            (s.id, s.patient, s.study, s.view, s.shape, s.context, s.report) for s in split.samples
        ]
        for name, split in data.splits.items()
    }


def test_every_fact_of_every_image_is_that_of_the_world(opened, truth, jpg):
    position = {row["dicom_id"]: row["ViewPosition"] for row in rows_of(jpg / META)}
    unreported = {
        s.study for split in opened.splits.values() for s in split.samples if not s.report
    }
    with zipfile.ZipFile(jpg / ZIP) as archive:
        told = {name.rsplit("/s")[-1].removesuffix(".txt") for name in archive.namelist()}
    seen = set()
    for split in opened.splits.values():
        for sample in split.samples:
            patient, study, view = truth[sample.id]
            assert sample.patient == f"9{study.patient:07d}"
            assert sample.study == str(95_000_000 + 10 * study.patient + study.number)
            assert sample.view == (position[sample.id] or None)
            assert position[sample.id] in ({"LATERAL", "LL"} if view == "LATERAL" else {view, ""})
            assert (sample.age, sample.sex, sample.regions, sample.gaze) == (None, None, None, ())
            with Image.open(sample.image) as image:
                assert sample.shape == image.size[::-1]
                assert image.mode == "L"
            assert sample.image.relative_to(jpg).parts == (
                "files", f"p{sample.patient[:2]}", f"p{sample.patient}", f"s{sample.study}",
                f"{sample.id}.jpg",
            )  # fmt: skip
            assert (sample.study in told) == (sample.report is not None)
            if sample.report is not None:
                report = compose(patient, study, seed=SEED)
                for part in ("findings", "impression", "indication", "history", "comparison",
                             "technique"):  # fmt: skip
                    assert getattr(sample.report, part) == getattr(report, part)
            seen.add((sample.view, sample.shape, sample.report is None))
    assert sum(len(split) for split in opened.splits.values()) == len(truth)
    assert {view for view, _, _ in seen} == {"PA", "AP", "LATERAL", "LL", None}
    assert {shape for _, shape, _ in seen} == {(32, 32), (32, 28)}
    assert unreported, "some studies have no report"
    assert opened.rows == len(truth)


def test_labels_are_those_of_the_reports_and_uncertain_ones_unknown(opened, truth, card, jpg):
    assert list(opened.labels) == card.labels == ORDER
    labelled = {row["study_id"] for row in rows_of(jpg / CHEXPERT)}
    codes = set()
    unlabelled = 0
    for split in opened.splits.values():
        for sample, values, mentions in zip(
            split.samples, split.labels, split.mentions, strict=True
        ):
            patient, study, _ = truth[sample.id]
            stated = compose(patient, study, seed=SEED).mentions if sample.study in labelled else {}
            wanted = [CODES[stated.get(name)] for name in ORDER]
            assert mentions.tolist() == wanted
            np.testing.assert_array_equal(values, [VALUES[code] for code in wanted])
            codes |= set(wanted)
            unlabelled += sample.study not in labelled
    assert codes == {0, 1, 2, 3}
    assert unlabelled > 0
    assert any(f"{unlabelled} images have no row of labels" in note for note in opened.notes)


def test_the_lists_are_the_official_split(opened, jpg):
    names = {"train": "train", "validate": "val", "test": "test"}
    by_split = {name: set() for name in names.values()}
    for row in rows_of(jpg / SPLIT):
        by_split[names[row["split"]]].add(row["dicom_id"])
    assert {name: set(split.ids) for name, split in opened.splits.items()} == by_split
    assert all(by_split.values())


def test_the_official_numbers_add_up(card):
    counts = [card.splits[name] for name in ("train", "val", "test")]
    assert sum(split.n for split in counts) == card.rows["jpg"] == 377_110
    assert sum(split.patients for split in counts) == 65_379


def test_context_is_indication_and_history_and_tells_no_finding(opened, truth):
    kinds, bodies = set(), 0
    for sample in chain.from_iterable(split.samples for split in opened.splits.values()):
        if sample.report is None:
            assert sample.context is None
            continue
        patient, study, _ = truth[sample.id]
        report = compose(patient, study, seed=SEED)
        told = {
            (True, True): f"INDICATION: {report.indication} HISTORY: {report.history}",
            (True, False): report.indication,
            (False, True): f"HISTORY: {report.history}",
            (False, False): None,
        }
        assert sample.context == told[bool(report.indication), bool(report.history)]
        kinds.add((bool(report.indication), bool(report.history)))
        body = [s.text for s in report.sentences if s.section == "body"]
        bodies += bool(body)
        assert not any(text in (sample.context or "") for text in body)
        assert not body or not (sample.report.findings or sample.report.impression)
    assert {(True, True), (True, False), (False, True)} <= kinds
    assert bodies


def unpack(root, folder):
    with zipfile.ZipFile(root / ZIP) as archive:
        archive.extractall(root / folder)
    (root / ZIP).unlink()


@pytest.mark.parametrize("folder", [".", "reports"])
def test_unpacked_reports_are_the_same(copy, card, opened, folder):
    unpack(copy, folder)
    assert facts(open_all(copy, card)) == facts(opened)


def test_reports_below_a_folder_of_their_own_without_files_are_found(copy, card, opened):
    unpack(copy, "unpacked")
    (copy / "unpacked" / "files").rename(copy / "reports")
    assert facts(open_all(copy, card)) == facts(opened)


def test_an_archive_with_one_more_folder_is_the_same(copy, card, opened):
    with zipfile.ZipFile(copy / ZIP) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(copy / ZIP, "w") as archive:
        archive.writestr("mimic-cxr-reports/", "")
        archive.writestr("mimic-cxr-reports/README.md", "read me")
        for name, content in members:
            archive.writestr(f"mimic-cxr-reports/{name}", content)
    assert facts(open_all(copy, card)) == facts(opened)


@pytest.mark.parametrize("part", ["metadata", "split", "chexpert"])
def test_tables_may_be_unpacked_and_of_a_later_release(copy, card, opened, part):
    path = copy / f"mimic-cxr-2.0.0-{part}.csv.gz"
    (copy / f"mimic-cxr-2.1.0-{part}.csv").write_bytes(gzip.decompress(path.read_bytes()))
    path.unlink()
    assert facts(open_all(copy, card)) == facts(opened)


def test_rows_of_the_split_table_may_stand_in_another_order(copy, card, opened):
    rewrite(copy / SPLIT, lambda lines: lines.__setitem__(slice(1, None), lines[:0:-1]))
    assert facts(open_all(copy, card)) == facts(opened)


def test_negbio_stands_in_for_chexpert_and_only_then(copy, card, opened):
    def all_blank(lines):
        lines[1:] = [",".join(line.split(",")[:2] + [""] * 14) for line in lines[1:]]

    shutil.copy(copy / CHEXPERT, copy / "mimic-cxr-2.0.0-negbio.csv.gz")
    rewrite(copy / "mimic-cxr-2.0.0-negbio.csv.gz", all_blank)
    assert open_all(copy, card).fingerprint["labels"] == opened.fingerprint["labels"]
    (copy / CHEXPERT).unlink()
    data = open_all(copy, card)
    assert np.isnan(data.splits["train"].labels).all()
    assert "negbio" in data.layout


@pytest.mark.parametrize("end", ["csv", "csv.gz"])
def test_labels_of_chexbert_are_read_where_somebody_placed_them(copy, card, opened, end):
    """In the form in which they are passed on: no decimals, and Fracture always uncertain."""

    def other(lines):
        place = lines[0].split(",").index("Fracture")
        for row, line in enumerate(lines[1:], 1):
            cells = [cell.removesuffix(".0") for cell in line.split(",")]
            cells[place] = "-1"
            lines[row] = ",".join(cells)

    path = copy / f"mimic-cxr-2.0.0-chexbert.{end}"
    made = copy / "made.csv.gz"
    shutil.copy(copy / CHEXPERT, made)
    rewrite(made, other)
    path.write_bytes(made.read_bytes() if end == "csv.gz" else gzip.decompress(made.read_bytes()))
    data = open_all(copy, card)
    assert path.name in data.layout
    place = ORDER.index("Fracture")
    for name, split in data.splits.items():
        expected = opened.splits[name].mentions.copy()
        labelled = split.mentions[:, place] == 3
        assert labelled.any()
        expected[labelled, place] = 3
        np.testing.assert_array_equal(split.mentions, expected)


def test_texts_are_parsed_once(copy, card, opened, monkeypatch):
    from cxrbench_tasks.mimic_cxr import reports

    unpack(copy, ".")
    assert facts(open_all(copy, card)) == facts(opened)
    parsed = []
    parse = reports.parse_report
    monkeypatch.setattr(reports, "parse_report", lambda text: parsed.append(text) or parse(text))
    assert facts(open_all(copy, card)) == facts(opened)
    assert parsed == []
    sample = next(s for s in opened.splits["test"].samples if s.report)
    path = copy / "files" / f"p90/p{sample.patient}" / f"s{sample.study}.txt"
    path.write_text("FINDINGS: Something else.")
    again = next(s for s in open_all(copy, card).splits["test"].samples if s.id == sample.id)
    assert (again.report.findings, again.context) == ("Something else.", None)
    assert parsed == ["FINDINGS: Something else."]


def test_without_reports_there_are_labels_alone(copy, card, opened):
    (copy / ZIP).unlink()
    data = open_all(copy, card)
    assert all(s.report is s.context is None for s in data.splits["train"].samples)
    assert any(note.startswith("no reports") for note in data.notes)
    assert data.fingerprint["labels"] == opened.fingerprint["labels"]


def test_a_missing_image_is_absent_and_named(copy, card, opened):
    sample = opened.splits["val"].samples[0]
    path = copy / sample.image.relative_to(sample.image.parents[4])
    path.unlink()
    found = collected(copy, card)
    assert dict(found.absent) == {sample.id: str(path)}
    assert len(found.samples) == opened.rows - 1 == len(found.values) == len(found.mentions)
    with pytest.raises(DataError, match="missing") as caught:
        open_all(copy, card)
    assert str(path) in caught.value.why


def test_the_phantom_is_the_same_every_time_and_marked(tmp_path, jpg):
    write(tmp_path / "again", patients=PATIENTS, seed=SEED, size=SIZE)
    one, two = (
        {p.relative_to(r): p.read_bytes() for p in r.rglob("*") if p.is_file()}
        for r in (jpg, tmp_path / "again")
    )
    assert one == two
    ids = {row["subject_id"] for row in rows_of(jpg / META)}
    assert min(ids) == "90000001"
    assert json.loads((jpg / "PHANTOM.json").read_text())["form"] == "jpg"


def test_a_form_that_is_none_is_refused(tmp_path):
    with pytest.raises(BadRequest, match="form"):
        write(tmp_path / "root", patients=8, seed=0, size=32, form="dicom")
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("patients", [5, 8])
@pytest.mark.parametrize("form", ["jpg", "cogaze"])
def test_a_world_of_a_few_patients_is_enough(tmp_path, card, patients, form):
    write(tmp_path / "root", patients=patients, seed=0, size=32, form=form)
    assert collected(tmp_path / "root", card).samples


# The annotation of CoGaze


def annotated(root):
    return json.loads((root / JSON).read_text())


def test_the_annotation_is_read_item_by_item(cogaze, card, truth):
    data = open_all(cogaze, card)
    empty = repeated = 0
    for name, items in annotated(cogaze).items():
        wanted = {}
        for item in items:
            if not item["findings_factual_serialization"]:
                empty += 1
            else:
                repeated += item["id"] in wanted
                wanted.setdefault(item["id"], item)
        split = data.splits[name]
        assert split.ids == list(wanted)
        for sample, mentions, values in zip(
            split.samples, split.mentions, split.labels, strict=True
        ):
            patient, study, view = truth[sample.id]
            report = compose(patient, study, seed=SEED)
            assert sample.report.findings == report.findings != ""
            assert sample.report.indication == report.indication
            assert sample.report.history == report.history
            assert split_context(sample.context or "") == (report.indication, report.history)
            assert mentions.tolist() == [CODES[report.mentions.get(label)] for label in ORDER]
            np.testing.assert_array_equal(values, [VALUES[code] for code in mentions])
            assert sample.patient == f"9{study.patient:07d}"
            assert sample.study == str(95_000_000 + 10 * study.patient + study.number)
            assert sample.view in ({"LATERAL", "LL"} if view == "LATERAL" else {view, None})
            assert sample.image.is_file()
    assert empty
    assert repeated
    assert data.notes[0].startswith(f"{empty} items without")
    assert data.notes[1].startswith(f"{repeated} items repeat")


def test_of_a_repeated_image_the_first_item_counts(cogaze_copy, card):
    content = annotated(cogaze_copy)
    item = next(i for i in content["val"] if i["findings_factual_serialization"])
    content["val"].append({**item, "findings": "Later.", "disease_labels": [1] * 14})
    (cogaze_copy / JSON).write_text(json.dumps(content))
    split = open_all(cogaze_copy, card).splits["val"]
    row = split.ids.index(item["id"])
    assert split.samples[row].report.findings == item["findings"]
    assert split.mentions[row].tolist() == item["disease_labels"]


def test_each_form_has_lists_of_its_own(cogaze, jpg, card):
    for form, root in (("cogaze", cogaze), ("jpg", jpg)):
        found = collected(root, card)
        assert found.form == form
        assert set(found.lists) == {n for n, split in card.splits.items() if split.form == form}


def test_the_annotation_wins_over_the_tables_and_one_of_srrg_does_not(copy, cogaze, card, opened):
    (copy / "cogaze_srrg_annotation.json").write_text("{}")
    assert open_all(copy, card).layout == opened.layout
    shutil.copy(cogaze / JSON, copy / "other_annotation_v2.json")
    assert open_all(copy, card).layout.startswith("other_annotation_v2.json")
    (copy / "._other_annotation_v2.json").write_bytes(b"\0\5\x16\7")
    assert open_all(copy, card).layout.startswith("other_annotation_v2.json")
    (copy / "b_annotation.json").write_text("{}")
    with pytest.raises(DataError, match="several annotations") as caught:
        open_all(copy, card)
    assert "b_annotation.json and other_annotation_v2.json" in caught.value.why


def test_an_image_of_the_annotation_may_be_missing(cogaze_copy, card):
    item = next(i for i in annotated(cogaze_copy)["test"] if i["findings_factual_serialization"])
    path = cogaze_copy / "files" / item["anchor_scan"]["image_path"][0]
    path.unlink()
    found = collected(cogaze_copy, card)
    assert dict(found.absent) == {item["id"]: str(path)}
    assert len(found.samples) == len(found.values) == len(found.mentions)


def change_item(root, how):
    content = annotated(root)
    how(content["val"][0])
    (root / JSON).write_text(json.dumps(content))


ITEMS = {
    "no field": (lambda i: i.pop("history_pure"), "history_pure"),
    "no scan": (lambda i: i["anchor_scan"].pop("view_position"), "anchor_scan: view_position"),
    "scan no object": (lambda i: i.update(anchor_scan=["p10"]), "anchor_scan"),
    "no image": (lambda i: i["anchor_scan"].update(image_path=[]), "anchor_scan: image_path"),
    "image no list": (
        lambda i: i["anchor_scan"].update(image_path="p10/p1/s1/a.jpg"), "anchor_scan: image_path",
    ),
    "view no text": (lambda i: i["anchor_scan"].update(view_position=[None]), "view_position"),
    "no text": (lambda i: i.update(findings=3), "findings: "),
    "text null": (lambda i: i.update(history_pure=None), "history_pure: "),
    "no id": (lambda i: i.update(id=3), "id: "),
    "study a list": (lambda i: i.update(study_id=[50]), "study_id"),
    "climbing": (lambda i: i["anchor_scan"].update(image_path=["../../a.jpg"]), "../../a.jpg"),
    "absolute": (lambda i: i["anchor_scan"].update(image_path=["/a.jpg"]), "/a.jpg"),
    "13 labels": (lambda i: i["disease_labels"].pop(), "14 codes"),
    "no labels": (lambda i: i.update(disease_labels=None), "disease_labels"),
    "label 4": (lambda i: i["disease_labels"].__setitem__(2, 4), "disease_labels: 2"),
    "a label that is a list": (
        lambda i: i["disease_labels"].__setitem__(0, [0]), "disease_labels: 0",
    ),
    "a label that is true": (
        lambda i: i["disease_labels"].__setitem__(5, True), "disease_labels: 5",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ITEMS)
def test_a_damaged_item_is_named(cogaze_copy, card, name):
    how, told = ITEMS[name]
    change_item(cogaze_copy, how)
    with pytest.raises(DataError) as caught:
        open_all(cogaze_copy, card)
    assert f"{cogaze_copy / JSON}: val, item 1" in caught.value.why
    assert told in caught.value.why


@pytest.mark.parametrize("content", ["", "[]", '{"train": {}}', '{"train": []}', "{", "\xff"])
def test_an_annotation_that_is_none_is_named(cogaze_copy, card, content):
    (cogaze_copy / JSON).write_text(content, encoding="latin-1")
    with pytest.raises(DataError) as caught:
        open_all(cogaze_copy, card)
    assert str(cogaze_copy / JSON) in caught.value.why
    assert "\n" not in caught.value.why


# Damage


def field(column, value, row=2):
    """A change of one field of a row; counts rows as the file does, the header first."""

    def change(lines):
        fields = lines[row - 1].split(",")
        fields[lines[0].split(",").index(column)] = value
        lines[row - 1] = ",".join(fields)

    return change


def drop_column(column):
    return lambda lines: lines.__setitem__(0, lines[0].replace(column, "other"))


def repeat(lines):
    lines.insert(3, lines[1])


def drop(lines):
    del lines[2]


TABLES = {
    "no split": (SPLIT, field("split", "valid"), f"{SPLIT}, row 2: 'valid'"),
    "image twice": (META, repeat, f"{META}, row 4"),
    "split twice": (SPLIT, repeat, f"{SPLIT}, row 4"),
    "study twice": (CHEXPERT, repeat, f"{CHEXPERT}, row 4"),
    "no metadata": (META, drop, f"{SPLIT}, row 3"),
    "no row in split": (SPLIT, drop, f"{META}, row 3"),
    "other study": (SPLIT, field("study_id", "1"), f"{META}, row 2"),
    "other subject": (META, field("subject_id", "1", 4), f"{META}, row 4"),
    "rows": (META, field("Rows", "tall", 3), f"{META}, row 3: the height"),
    "columns": (META, field("Columns", "3.5"), f"{META}, row 2: the width"),
    "study": (META, lambda lines: field("study_id", "s5")(lines), f"{META}, row 2"),
    "label": (CHEXPERT, field("Edema", "2.0", 3), f"{CHEXPERT}, row 3: Edema is '2.0'"),
    "no column": (META, drop_column("ViewPosition"), f"{META}: no column ViewPosition"),
    "no label": (CHEXPERT, drop_column("Pneumothorax"), f"{CHEXPERT}: no column Pneumothorax"),
    "empty": (META, lambda lines: lines.__delitem__(slice(1, None)), f"{META} has no row"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_damaged_table_is_named_with_its_row(copy, card, name):
    table, how, told = TABLES[name]
    whole = (copy / table).read_bytes()
    rewrite(copy / table, how)
    with pytest.raises(DataError) as caught:
        open_all(copy, card)
    assert told in caught.value.why
    assert "\n" not in f"{caught.value.what}{caught.value.why}{caught.value.fix}"
    (copy / table).write_bytes(whole)
    assert open_all(copy, card).rows


@pytest.mark.parametrize("table", [META, SPLIT, CHEXPERT, ZIP])
def test_a_cut_file_is_named(copy, card, table):
    (copy / table).write_bytes((copy / table).read_bytes()[:-40])
    with pytest.raises(DataError) as caught:
        open_all(copy, card)
    assert table in caught.value.why


@pytest.mark.parametrize("table", [META, SPLIT, CHEXPERT])
def test_a_missing_table_is_named(copy, card, table):
    (copy / table).unlink()
    with pytest.raises(DataError) as caught:
        open_all(copy, card)
    assert table.split("-")[3].split(".")[0] in caught.value.what


def test_a_size_that_is_not_told_is_unknown(copy, card):
    rewrite(copy / META, field("Rows", ""))
    key = rows_of(copy / META)[0]["dicom_id"]
    (sample,) = [s for s in collected(copy, card).samples if s.id == key]
    assert sample.shape is None


def test_without_any_image_the_folder_is_named(copy, card):
    shutil.rmtree(copy / "files")
    with pytest.raises(DataError, match="images of MIMIC-CXR are missing") as caught:
        open_all(copy, card)
    assert str(copy / "files") in caught.value.why


@pytest.mark.parametrize("member", ["../evil.txt", "/files/p90/p9/s1.txt", "a/../../s1.txt",
                                    "C:/s1.txt", "..\\evil.txt"])  # fmt: skip
def test_a_member_that_leaves_the_archive_is_refused(copy, card, member):
    with zipfile.ZipFile(copy / ZIP, "a") as archive:
        archive.writestr(member, "FINDINGS: none")
    with pytest.raises(DataError, match="leaves it") as caught:
        open_all(copy, card)
    assert f"{copy / ZIP}: {member}" in caught.value.why


def test_two_reports_of_a_study_are_refused(copy, card):
    with zipfile.ZipFile(copy / ZIP, "a") as archive:
        archive.writestr(f"other/{archive.namelist()[0]}", "FINDINGS: none")
    with pytest.raises(DataError, match="two reports") as caught:
        open_all(copy, card)
    assert str(copy / ZIP) in caught.value.why


@pytest.mark.parametrize("unpacked", [False, True])
def test_a_report_that_is_no_text_is_named(copy, card, unpacked):
    with zipfile.ZipFile(copy / ZIP) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = list(members)[3]
    with zipfile.ZipFile(copy / ZIP, "w") as archive:
        for key, content in members.items():
            archive.writestr(key, b"\xff\xfe" + content if key == name else content)
    if unpacked:
        unpack(copy, ".")
    with pytest.raises(DataError, match="no text") as caught:
        open_all(copy, card)
    assert name in caught.value.why
