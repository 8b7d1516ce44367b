"""The SIIM-ACR adapter, both forms, against the world that its phantoms were drawn from."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter

import numpy as np
import pytest
from adapter_damage import card_of, change_line, check_refused, drop_column, line_of, opened
from cxrbench_tasks.phantoms.siim import write
from PIL import Image

from cxrbench.data.images import read_grey
from cxrbench.data.open import find_download, read
from cxrbench.data.regions import MaskFile, Runs
from cxrbench.errors import BadRequest, DataError
from cxrbench.phantom.world import PhantomWorld

PATIENTS, SEED, SIZE = 40, 2, 48
RLE, BOTH = "train-rle.csv", "stage_2_train.csv"
NAMES = "stage_1_train_images.csv"
PARTS = ("train", "val", "test")


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("siim")
    for form in ("dicom", "png"):
        write(folder / form, patients=PATIENTS, seed=SEED, size=SIZE, form=form)
    return folder


@pytest.fixture(scope="module")
def world():
    return PhantomWorld(PATIENTS, SEED, SIZE, {"Pneumothorax": 0.18})


@pytest.fixture
def dicom(roots, tmp_path):
    return shutil.copytree(roots / "dicom", tmp_path / "dicom")


@pytest.fixture
def png(roots, tmp_path):
    return shutil.copytree(roots / "png", tmp_path / "png")


def pairs(data, world):
    """Every sample with its label and its patient of the world, by position in the lists."""
    for part in PARTS:
        first = [study.patient for study in world.splits[part] if study.number == 0]
        split = data.splits[part]
        assert len(first) == len(split)
        for sample, values, index in zip(split.samples, split.labels, first, strict=True):
            yield sample, values, world.people[index - 1]


def table(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("form", ["dicom", "png"])
def test_labels_and_masks_are_those_of_the_world(roots, world, form):
    positives = 0
    for sample, values, patient in pairs(opened("siim", roots / form), world):
        drawn = world.render(patient.index, 0)
        mask = drawn.findings_masks.get("Pneumothorax")
        assert values.tolist() == [mask is not None]
        assert sample.shape == (SIZE, SIZE)
        if mask is None:
            assert sample.regions == ()
            assert not sample.mask.any()
        else:
            assert np.array_equal(sample.mask, mask)
            assert not np.array_equal(sample.mask, mask.T)
            kind = Runs if form == "dicom" else MaskFile
            assert all(type(r) is kind and r.label == "Pneumothorax" for r in sample.regions)
            positives += 1
        facts = (sample.sex, sample.age, sample.view, sample.context)
        told = (patient.sex, patient.studies[0].age, patient.studies[0].view, None)
        assert facts == (told if form == "dicom" else (None,) * 4)
        assert np.abs(read_grey(sample.image) - drawn.image.astype(float)).mean() < 3
    assert 3 <= positives < PATIENTS


def test_both_forms_have_the_same_ids_and_labels(roots):
    one, two = (opened("siim", roots / form) for form in ("dicom", "png"))
    for name in card_of("siim").splits:
        assert one.splits[name].ids == two.splits[name].ids
        assert np.array_equal(one.splits[name].labels, two.splits[name].labels)


def test_equal_numbers_of_train_and_test_stay_two_images(roots):
    for form in ("dicom", "png"):
        data = opened("siim", roots / form)
        numbers = Counter()
        images = {}
        for part in PARTS:
            for sample in data.splits[part].samples:
                numbers[sample.id.split("_")[0]] += 1
                images[sample.id] = sample.image
        twins = [number for number, count in numbers.items() if count > 1]
        assert twins
        assert len(set(images.values())) == len(images) == PATIENTS
        for number in twins:
            one, two = (key for key in images if key.split("_")[0] == number)
            assert {key.split("_")[1] for key in (one, two)} == {"train", "test"}
            assert not np.array_equal(read_grey(images[one]), read_grey(images[two]))


def test_the_phantom_has_the_oddities_of_the_real_tables(roots):
    header, *rows = table(roots / "dicom" / RLE)
    assert header == ["ImageId", " EncodedPixels"]
    assert table(roots / "dicom" / BOTH)[0] == ["ImageId", "EncodedPixels"]
    images = Counter(uid for uid, _ in rows)
    assert max(Counter(map(tuple, rows)).values()) == 2
    assert any(len({text for u, text in rows if u == uid}) == 2 for uid in images)
    assert "-1" in {text for _, text in rows}
    files = {p.stem for p in (roots / "dicom").rglob("*.dcm")}
    unlabelled = files - {uid for uid, _ in table(roots / "dicom" / BOTH)}
    assert len(unlabelled) == 2
    data = opened("siim", roots / "dicom")
    assert data.layout == f"{BOTH}, DICOM, ids are names"
    assert data.notes == (f"2 DICOM file(s) without a row in {BOTH} are left out",)


def test_several_rows_are_united_and_a_repeated_row_counts_once(roots):
    data = opened("siim", roots / "dicom")
    counts = Counter(len(sample.regions) for part in PARTS for sample in data.splits[part].samples)
    assert set(counts) == {0, 1, 2}
    assert all(len(set(s.regions)) == len(s.regions) for p in PARTS for s in data.splits[p].samples)
    assert counts[2] > 0


def test_without_names_ids_are_uids_and_the_public_lists_are_refused(roots, dicom):
    for path in dicom.glob("stage_1_*.csv"):
        path.unlink()
    with pytest.raises(DataError, match="names an image without labels") as caught:
        opened("siim", dicom)
    assert f"ids are SOP instance UIDs, names with {NAMES}" in caught.value.why
    uid_of = {row[0][:-4]: row[1][:-4] for part in ("train", "test")
              for row in table(roots / "dicom" / f"stage_1_{part}_images.csv")}  # fmt: skip
    for path in (dicom / "splits").glob("*.txt"):
        path.write_text("".join(f"{uid_of[name]}\n" for name in path.read_text().split()))
    with_uids, with_names = opened("siim", dicom), opened("siim", roots / "dicom")
    for name, split in with_uids.splits.items():
        assert split.ids == [uid_of[key] for key in with_names.splits[name].ids]
        assert np.array_equal(split.labels, with_names.splits[name].labels)
    for path in (roots / "dicom").glob("stage_1_*.csv"):
        shutil.copy(path, dicom)
    assert opened("siim", dicom).splits["val"].ids == with_names.splits["val"].ids


def test_train_rle_alone_leaves_the_test_images_without_label(dicom):
    (dicom / BOTH).unlink()
    with pytest.raises(DataError, match="list test of siim names an image without labels") as e:
        opened("siim", dicom)
    tests = len((dicom / "splits" / "test.txt").read_text().split())
    assert f"{RLE} (labels dicom-images-train alone), DICOM" in e.value.why
    card = card_of("siim")
    (note,) = read(find_download(card, {"siim": dicom})).notes
    assert note == f"{tests + 2} DICOM file(s) without a row in {RLE} are left out"


def test_the_test_list_is_told_by_the_download(roots, dicom):
    (dicom / "splits" / "test.txt").unlink()
    found, listed = opened("siim", dicom).splits["test"], opened("siim", roots / "dicom")
    assert set(found.ids) == set(listed.splits["test"].ids)


def test_masks_of_negative_images_are_not_needed(png):
    for path in (png / "png_masks").glob("*_0_.png"):
        path.unlink()
    opened("siim", png)


def test_real_grids_need_not_be_square(dicom):
    """The grid is that of the header: rows by columns."""
    import pydicom

    row = table(dicom / BOTH)[1:]
    uid = next(uid for uid, text in row if text != "-1")
    path = next(dicom.rglob(f"{uid}.dcm"))
    header = pydicom.dcmread(path)
    header.Rows, header.Columns = SIZE // 2, SIZE * 2
    header.save_as(path)
    data = opened("siim", dicom)
    (sample,) = {s.id: s for p in PARTS for s in data.splits[p].samples if s.image == path}.values()
    assert sample.shape == sample.mask.shape == (SIZE // 2, SIZE * 2)


@pytest.mark.parametrize(
    ("form", "inner"), [("png", "siim-acr-pneumothorax"), ("dicom", "pneumothorax")]
)
def test_the_folder_may_hold_the_unpacked_archive(roots, tmp_path, form, inner):
    shutil.copytree(roots / form, tmp_path / "root" / inner)
    shutil.move(tmp_path / "root" / inner / "splits", tmp_path / "root")
    found, plain = opened("siim", tmp_path / "root"), opened("siim", roots / form)
    for name, split in plain.splits.items():
        assert found.splits[name].ids == split.ids
        assert np.array_equal(found.splits[name].labels, split.labels)
        for one, two in zip(found.splits[name].samples, split.samples, strict=True):
            assert np.array_equal(one.mask, two.mask)
            assert one.image.relative_to(tmp_path / "root" / inner) == two.image.relative_to(
                roots / form
            )


def test_files_that_end_in_capitals_are_found(roots, dicom):
    for path in dicom.rglob("*.dcm"):
        path.rename(path.with_suffix(".DCM"))
    found, plain = opened("siim", dicom), opened("siim", roots / "dicom")
    assert found.absent == 0
    assert [s.ids for s in found.splits.values()] == [s.ids for s in plain.splits.values()]


def test_an_image_in_two_places_is_refused_naming_both(dicom):
    path = next(dicom.rglob("*.dcm"))
    other = dicom / "dicom-images-test" / path.name
    shutil.copy(path, other)
    with pytest.raises(DataError, match="the same name") as caught:
        opened("siim", dicom)
    assert str(path) in caught.value.why
    assert str(other) in caught.value.why


def first(root, name, fits):
    return line_of(root / name, fits)


def masked(root):
    return line_of(root / BOTH, lambda f: f[1] != "-1")


def no_table(root):
    (root / BOTH).unlink()
    (root / RLE).unlink()
    return (BOTH, RLE, str(root))


def empty_table(root):
    (root / BOTH).write_text("")
    return (str(root / BOTH),)


def not_text(root):
    (root / BOTH).write_bytes(b"ImageId,EncodedPixels\n\xff\xfe\xfd,1 2\n")
    return (str(root / BOTH),)


def no_runs_column(root):
    drop_column(root / BOTH, "EncodedPixels")
    return (str(root / BOTH), "EncodedPixels")


def runs_that_leave(root):
    def leave(fields):
        return [fields[0], f"{SIZE * SIZE - 3} 4"]

    return (change_line(root / BOTH, masked(root), leave), f"{SIZE}×{SIZE}")


def runs_of_odd_length(root):
    return (change_line(root / BOTH, masked(root), lambda f: [f[0], "10 5 3"]), "pairs")


def runs_with_a_word(root):
    return (change_line(root / BOTH, masked(root), lambda f: [f[0], "10 five"]), "10 five")


def runs_empty(root):
    return (change_line(root / BOTH, masked(root), lambda f: [f[0], ""]), "pairs")


def mask_and_none(root):
    uid = (root / BOTH).read_text().splitlines()[masked(root)].split(",")[0]
    with (root / BOTH).open("a") as file:
        file.write(f"{uid},-1\n")
    return (f"row {len((root / BOTH).read_text().splitlines())}:", uid, "elsewhere")


def one_dicom_missing(root):
    name = (root / "splits" / "val.txt").read_text().split()[0]
    uid = next(row[1] for row in table(root / NAMES) if row[0] == f"{name}.png")
    next(root.rglob(uid)).unlink()
    return (name, "val.txt", uid)


def no_dicom_at_all(root):
    for path in root.rglob("*.dcm"):
        path.unlink()
    return (str(root / "dicom-images-train"),)


def no_form(root):
    shutil.rmtree(root / "dicom-images-train")
    return ("dicom-images-train", "png_images", str(root))


def one_table_of_names_missing(root):
    (root / "stage_1_test_images.csv").unlink()
    return (str(root / "stage_1_test_images.csv"),)


@pytest.mark.parametrize(
    "damage",
    [no_table, empty_table, not_text, no_runs_column, runs_that_leave, runs_of_odd_length,
     runs_with_a_word, runs_empty, mask_and_none, one_dicom_missing, no_dicom_at_all, no_form,
     one_table_of_names_missing],
    ids=lambda f: f.__name__,
)  # fmt: skip
def test_damage_to_the_dicom_form_is_one_error(roots, tmp_path, damage):
    check_refused("siim", roots / "dicom", tmp_path / "copy", damage)


def name_against_label(root):
    row = first(root, NAMES, lambda f: f[2] == "1")
    return (change_line(root / NAMES, row, lambda f: [*f[:2], "0"]), "has_pneumo says 0")


def strange_name(root):
    return (change_line(root / NAMES, 2, lambda f: ["424.png", *f[1:]]), "'424'")


def strange_label(root):
    return (change_line(root / NAMES, 2, lambda f: [*f[:2], "yes"]), "'yes'")


def repeated_name(root):
    lines = (root / NAMES).read_text().splitlines()
    (root / NAMES).write_text("\n".join([*lines, lines[1]]) + "\n")
    return (f"{root / NAMES}, row {len(lines) + 1}:",)


def repeated_uid(root):
    uid = (root / NAMES).read_text().splitlines()[1].split(",")[1]
    return (change_line(root / NAMES, 3, lambda f: [f[0], uid, f[2]]), "uid")


def no_label_column(root):
    drop_column(root / NAMES, "has_pneumo")
    return (str(root / NAMES), "has_pneumo")


def mask_missing(root):
    row = first(root, NAMES, lambda f: f[2] == "1")
    file = (root / NAMES).read_text().splitlines()[row].split(",")[0]
    (root / "png_masks" / file).unlink()
    return (f"{root / NAMES}, row {row + 1}:", file, str(root / "png_masks"))


def image_missing(root):
    name = (root / "splits" / "test.txt").read_text().split()[0]
    (root / "png_images" / f"{name}.png").unlink()
    return (str(root / "png_images" / f"{name}.png"), "test.txt")


def no_masks(root):
    shutil.rmtree(root / "png_masks")
    return (str(root / "png_masks"),)


def no_image(root):
    path = next(iter((root / "png_images").glob("1_train_*.png")))
    path.write_bytes(b"no PNG" * 9)
    return (str(path),)


def number_alone_in_a_list(root):
    path = root / "splits" / "val.txt"
    path.write_text("".join(f"{line.split('_')[0]}\n" for line in path.read_text().split()))
    return ("val.txt", "may mean", "_train_", "_test_")


def number_of_one_part_in_a_list(root):
    path = root / "splits" / "val.txt"
    tests = len((root / "splits" / "test.txt").read_text().split())
    numbers = [line.split("_")[0] for line in path.read_text().split()]
    path.write_text("".join(f"{number}\n" for number in numbers if int(number) >= tests))
    return ("val.txt", "nowhere")


@pytest.mark.parametrize(
    "damage",
    [name_against_label, strange_name, strange_label, repeated_name, repeated_uid,
     no_label_column, mask_missing, image_missing, no_masks, no_image, number_alone_in_a_list,
     number_of_one_part_in_a_list],
    ids=lambda f: f.__name__,
)  # fmt: skip
def test_damage_to_the_png_form_is_one_error(roots, tmp_path, damage):
    check_refused("siim", roots / "png", tmp_path / "copy", damage)


def test_a_mask_of_another_size_is_told_when_it_is_drawn(png):
    path = next((png / "png_masks").glob("*_1_.png"))
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(path)
    data = opened("siim", png)
    samples = {s.id: s for part in PARTS for s in data.splits[part].samples}
    with pytest.raises(DataError, match="does not fit"):
        _ = samples[path.stem].mask


def test_an_unknown_form_is_refused_and_the_phantom_is_the_same_twice(tmp_path):
    with pytest.raises(BadRequest, match="no form jpeg"):
        write(tmp_path / "x", patients=20, size=32, form="jpeg")
    assert not (tmp_path / "x").exists()
    for name in ("one", "two"):
        write(tmp_path / name, patients=20, seed=5, size=32)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    files = [file for file in files if (tmp_path / "one" / file).is_file()]
    assert len(files) == 22 + 4 + 5 + 1
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_card_says_what_the_lists_hold():
    card = card_of("siim")
    assert sum(card.splits[name].n for name in PARTS) == card.rows[""] == 12047
    assert [card.splits[n].positives["Pneumothorax"] for n in PARTS] == [2073, 306, 290]


def test_the_marker_tells_what_the_lists_hold(roots):
    told = json.loads((roots / "dicom" / "PHANTOM.json").read_text())
    data = opened("siim", roots / "dicom")
    assert data.kind == "phantom"
    assert told["rows"] == data.rows == PATIENTS
    for name, split in data.splits.items():
        counts = dict(zip(data.labels, split.counts.tolist(), strict=True))
        assert told["splits"][name] == {
            "sha256": split.sha256,
            "n": len(split),
            "patients": len(split),
            "positives": {label: count for label, count in counts.items() if count},
        }
