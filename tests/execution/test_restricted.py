"""What a record may tell of single patients, and of ids that stay on the machine."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bench import CPU

from cxrbench.errors import DataError
from cxrbench.execution.facts import failure
from cxrbench.execution.rescore import rescore
from cxrbench.metrics.subgroups import FEWEST_PATIENTS, large_enough
from cxrbench.timing import Timer

SECRET = "p1000032"
ERRORS = [
    KeyError(SECRET),
    ValueError(f"image {SECRET} is damaged\nin line 3"),
    DataError(f"cannot read {SECRET}", why=f"{SECRET}.jpg", fix=f"fetch {SECRET}"),
]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(("access", "told"), [("credentialed", False), ("open", True)])
def test_an_error_on_restricted_data_is_told_by_its_type_alone(bench, error, access, told):
    (planned,) = bench.plan("frozen", "linear-probe@1")
    dataset = planned.task.dataset.model_copy(update={"access": access})
    task = planned.task.model_copy(update={"dataset": dataset})
    record = failure(replace(planned, task=task), error, Timer(), CPU)
    assert record.error.type == type(error).__name__
    assert (SECRET in record.model_dump_json()) == told
    assert "traceback" in f"{record.error.why} {record.error.fix}" or told


@pytest.mark.parametrize(("patients", "kept"), [(9, False), (10, True)])
def test_patients_are_counted_not_images(patients, kept):
    names = [str(n % patients) for n in range(100)]
    assert large_enough(range(100), names) == kept


def test_small_subgroups_are_left_out_and_counted(bench):
    record = bench.run("pixel-stats", "linear-probe@1")
    (planned,) = bench.plan("pixel-stats", "linear-probe@1")
    samples = planned.data.splits["test"].samples
    by_sex = {f"sex {s.sex}": {t.patient for t in samples if t.sex == s.sex} for s in samples}
    for name, patients in by_sex.items():
        assert (name in record.subgroups) == (len(patients) >= FEWEST_PATIENTS)
    (line,) = [w for w in record.warnings if "subgroups" in w]
    assert line.startswith(f"subgroups of fewer than {FEWEST_PATIENTS} patients are left out: ")
    assert int(line.rpartition(" ")[2]) > 0
    again = rescore(bench.store, record.run_id)
    assert (again.warnings, again.subgroups) == (record.warnings, record.subgroups)
