"""Rows kept on disk: what is there is not computed again, whatever happened in between."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrbench.data import rowstore
from cxrbench.data.rowstore import RowStore

IDS = [f"id-{i}" for i in range(10)]
STAMPS = [f"{i}-1" for i in range(10)]
ROW_BYTES = 3 * 4


class Compute:
    """Row i is (i, i + 0.5, -i); remembers what was asked."""

    def __init__(self, offset=0.0):
        self.asked = []
        self.offset = offset

    def __call__(self, positions):
        self.asked.append(list(positions))
        rows = np.array([[p, p + 0.5, -p] for p in positions], np.float32)
        return rows + np.float32(self.offset)


def fill(store, compute, ids=IDS, stamps=STAMPS):
    return store.fill(ids, stamps, compute, row_bytes=ROW_BYTES, title="rows")


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(rowstore, "_MOST_ROWS", 4)


def test_round_trip_also_in_a_store_opened_later(tmp_path):
    compute = Compute()
    store = RowStore(tmp_path / "s")
    assert store.missing(IDS, STAMPS) == list(range(10))
    assert fill(store, compute) == 10
    assert compute.asked == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    for opened in (store, RowStore(tmp_path / "s")):
        assert opened.missing(IDS, STAMPS) == []
        assert np.array_equal(opened.stack(IDS), Compute()(range(10)))
        assert opened["id-7"].tolist() == [7, 7.5, -7]
        assert opened["id-7"].dtype == np.float32
        assert np.array_equal(opened.stack(["id-9", "id-0"]), Compute()([9, 0]))
    again = Compute()
    assert fill(RowStore(tmp_path / "s"), again) == 0
    assert again.asked == []


def test_opening_makes_no_folder(tmp_path):
    RowStore(tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_an_unknown_id_is_a_key_error(tmp_path):
    with pytest.raises(KeyError):
        RowStore(tmp_path)["nothing"]


def test_another_stamp_computes_that_row_again(tmp_path):
    fill(RowStore(tmp_path), Compute())
    stamps = [*STAMPS[:5], "5-2", *STAMPS[6:]]
    changed = Compute(offset=100)
    assert fill(RowStore(tmp_path), changed, stamps=stamps) == 1
    assert changed.asked == [[5]]
    for _ in range(2):
        store = RowStore(tmp_path)
        assert store.missing(IDS, stamps) == []
        assert store["id-5"].tolist() == [105, 105.5, 95]
        assert store["id-4"].tolist() == [4, 4.5, -4]


@pytest.mark.parametrize("new", [f"5-{i}" for i in range(2, 12)])
def test_the_newest_stamp_wins_whatever_the_files_are_called(tmp_path, new):
    fill(RowStore(tmp_path), Compute())
    stamps = [*STAMPS[:5], new, *STAMPS[6:]]
    fill(RowStore(tmp_path), Compute(offset=100), stamps=stamps)
    third = Compute(offset=100)
    assert fill(RowStore(tmp_path), third, stamps=stamps) == 0


def test_an_image_that_changes_back_is_made_again(tmp_path):
    fill(RowStore(tmp_path), Compute())
    changed = [*STAMPS[:5], "5-2", *STAMPS[6:]]
    fill(RowStore(tmp_path), Compute(offset=100), stamps=changed)
    fill(RowStore(tmp_path), Compute())
    store = RowStore(tmp_path)
    assert store["id-5"].tolist() == [5, 5.5, -5]
    assert store.missing(IDS, STAMPS) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(range(10)), unique=True, min_size=1), st.integers(1, 12))
def test_rows_do_not_depend_on_chunks_or_order(tmp_path_factory, order, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rowstore, "_MOST_ROWS", size)
        store = RowStore(tmp_path_factory.mktemp("s"))
        ids = [IDS[i] for i in order]
        count = store.fill(
            ids, [STAMPS[i] for i in order], lambda ps: Compute()([order[p] for p in ps]),
            row_bytes=ROW_BYTES, title="rows",
        )  # fmt: skip
        assert count == len(order)
        assert np.array_equal(store.stack(ids), Compute()(order))


def test_chunks_are_no_larger_than_their_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(rowstore, "_CHUNK_BYTES", 2 * ROW_BYTES + 5)
    compute = Compute()
    fill(RowStore(tmp_path), compute)
    assert compute.asked == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    big = Compute()
    RowStore(tmp_path / "b").fill(IDS[:2], STAMPS[:2], big, row_bytes=10**9, title="rows")
    assert big.asked == [[0], [1]]


def test_an_error_in_the_middle_keeps_what_is_done(tmp_path):
    def failing(positions):
        if 4 in positions:
            raise ValueError("broken")
        return Compute()(positions)

    with pytest.raises(ValueError, match="broken"):
        fill(RowStore(tmp_path), failing)
    rest = Compute()
    assert fill(RowStore(tmp_path), rest) == 6
    assert rest.asked == [[4, 5, 6, 7], [8, 9]]


def test_a_row_written_again_is_read_again(tmp_path):
    store = RowStore(tmp_path)
    for stamp, offset in (("1", 0), ("2", 10), ("1", 20)):
        fill(store, Compute(offset), ["id-0"], [stamp])
        assert store["id-0"].tolist() == [offset, offset + 0.5, offset]


def test_rows_wanted_later_fall_into_the_batches_of_the_whole(tmp_path):
    fill(RowStore(tmp_path), Compute(), IDS[4:6], STAMPS[4:6])
    rest = Compute()
    assert fill(RowStore(tmp_path), rest) == 8
    assert rest.asked == [[0, 1, 2, 3], [6, 7], [8, 9]]


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from cxrbench.data import rowstore
rowstore._MOST_ROWS = 4
ids, stamps = [f"id-{i}" for i in range(10)], [f"{i}-1" for i in range(10)]
def compute(positions):
    if 8 in positions:
        os.kill(os.getpid(), signal.SIGKILL)
    return np.array([[p, p + 0.5, -p] for p in positions], np.float32)
rowstore.RowStore(Path(sys.argv[1])).fill(ids, stamps, compute, row_bytes=12, title="rows")
"""


def test_a_kill_loses_one_chunk(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    rest = Compute()
    store = RowStore(tmp_path)
    assert fill(store, rest) == 2
    assert rest.asked == [[8, 9]]
    assert np.array_equal(store.stack(IDS), Compute()(range(10)))


@pytest.mark.parametrize("kept", [0, 1, 7, 40, 200, -1])
def test_a_damaged_chunk_counts_as_missing_and_is_replaced(tmp_path, kept):
    fill(RowStore(tmp_path), Compute())
    lost = sorted(tmp_path.glob("*.safetensors"))[1]
    whole = lost.read_bytes()
    lost.write_bytes(whole[:kept])
    assert lost.stat().st_size < len(whole)
    store = RowStore(tmp_path)
    assert 0 < len(store.missing(IDS, STAMPS)) < 10
    fill(store, Compute())
    assert np.array_equal(store.stack(IDS), Compute()(range(10)))
    assert RowStore(tmp_path).missing(IDS, STAMPS) == []


def test_a_file_of_another_kind_counts_as_missing(tmp_path):
    from safetensors.numpy import save_file

    save_file({"rows": np.zeros((2, 3), np.float32)}, tmp_path / "x.safetensors")
    save_file({"rows": np.zeros((2, 3), np.float32)}, tmp_path / "y.safetensors", {"ids": "[1"})
    store = RowStore(tmp_path)
    assert fill(store, Compute()) == 10


def read_row(store):
    return store["id-6"].tolist()


def test_a_store_with_open_files_goes_to_another_process(tmp_path):
    store = RowStore(tmp_path)
    fill(store, Compute())
    assert store["id-6"].tolist() == [6, 6.5, -6]
    copy = pickle.loads(pickle.dumps(store))
    assert copy["id-6"].tolist() == [6, 6.5, -6]
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        assert pool.submit(read_row, store).result() == [6, 6.5, -6]


def test_a_row_is_a_copy(tmp_path):
    store = RowStore(tmp_path)
    fill(store, Compute())
    store["id-1"][:] = 99
    assert store["id-1"].tolist() == [1, 1.5, -1]
