"""The mark that says predictions are complete."""

from __future__ import annotations

import json

from cxrbench.execution.stages import load_predicted


def test_a_mark_of_an_earlier_version_is_read(bench):
    """It called the names `splits`; a run that was killed then must not fail now."""
    record = bench.run("pixel-stats", "linear-probe@1")
    folder = bench.store.run_folder(record.run_id)
    mark = folder / "predictions.json"
    fields = json.loads(mark.read_text())
    names = fields.pop("names")
    mark.write_text(json.dumps({**fields, "splits": names}))
    found = load_predicted(folder)
    assert list(found.files) == names
    assert len(found.read()["test"].samples) == record.dataset.splits["test"].n
