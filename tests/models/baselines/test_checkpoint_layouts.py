"""Every published layout fits its card completely, and a damaged one is refused with the list."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

import pytest
import torch
from published_layouts import LAYOUTS

from cxrbench.errors import WeightsError
from cxrbench.registry import Registry, load_entry
from cxrbench.weights import load
from cxrbench.weights.choice import ResolvedFile
from cxrbench.weights.mapping import matches_any

FOLDERS = {
    path.parent.name: path
    for path in (Path(__file__).parents[2] / "golden").glob("*/manifest.json")
    if "tensors" in json.loads(path.read_text())
}
# Ids of retrained weights whose files have the names of the authors'.
SAME = ["gloria", "medklip", "mgca-r50", "mgca-vit", "mrm", "refers"]
NAMES = sorted([*FOLDERS, *LAYOUTS, *(f"{name}-benchx" for name in SAME)])
NUMBER = re.compile(r"(.*?[a-z.])(\d+)(\..+)")


def published(name):
    """Names and shapes of the file, without values, and the integer buffers among them."""
    if name in LAYOUTS:
        found = LAYOUTS[name]()
        return found, [key for key in found if key.endswith("num_batches_tracked")]
    manifest = json.loads(FOLDERS[name.removesuffix("-benchx")].read_text())
    found = {key: torch.empty(shape) for key, shape in manifest["tensors"].items()}
    return found, manifest["int64_tensors"]


class Layout:
    """A card, and names and shapes of its file and of its encoder."""

    def __init__(self, name, patch):
        self.card = Registry.discover([]).model(name).card
        with torch.device("meta"):
            self.found, self.integers = published(name)
            self.wanted = load_entry(self.card.entry)(self.card).state_dict()
        self.patch = patch

    def fit(self, found):
        """What the loader makes of a file with these tensors."""
        self.patch.setattr(load, "read_tensors", lambda *_: dict(found))
        entry = self.card.weights[0]
        return load.match(self.wanted, self.card, [ResolvedFile(entry, Path("file.pt"), "")])[1]

    def refused(self, found):
        """Why the loader refuses these tensors."""
        with pytest.raises(WeightsError, match="does not fit") as caught:
            self.fit(found)
        return caught.value.why

    def without(self, *names):
        return {key: value for key, value in self.found.items() if key not in names}

    def read(self, name):
        return not matches_any(self.card.weights[0].ignore, name) and name not in self.integers

    def used(self):
        """Some tensors of the file that the encoder takes as they are, and its names for them."""
        names = [name for name in self.found if self.read(name) and self.found[name].ndim]
        # An odd stride reaches weights and biases.
        for name in names[:: max(1, len(names) // 17) | 1]:
            why = self.refused(self.without(name))
            lost = re.search(r"; 1 missing: (\S+)$", why)
            if lost:  # one of query, key and value leaves the others over
                yield name, lost[1]


@pytest.fixture(scope="module", params=NAMES)
def layout(request):
    with pytest.MonkeyPatch.context() as patch:
        yield Layout(request.param, patch)


def test_the_published_layout_fits_completely(layout):
    report = layout.fit(layout.found)
    assert report.complete and report.matched == report.total and not report.by_order


def test_it_fits_without_the_integers_that_old_or_new_libraries_do_not_save(layout):
    report = layout.fit(layout.without(*layout.integers))
    assert report.complete and report.matched == report.total and not report.by_order


def test_a_missing_a_renamed_and_a_misshapen_tensor_are_named(layout):
    tried = list(layout.used())
    assert len(tried) >= 3
    for theirs, ours in tried:
        assert ours in layout.wanted
        tensor, rest = layout.found[theirs], layout.without(theirs)
        why = layout.refused({**rest, f"{theirs}_x": tensor})
        assert f"1 missing: {ours}; 1 unexpected: " in why and why.endswith("_x")
        other = torch.empty((tensor.shape[0] + 1, *tensor.shape[1:]), device="meta")
        why = layout.refused({**rest, theirs: other})
        assert f"1 wrong shape: {ours}: {tuple(other.shape)}, expected" in why


def test_a_deeper_network_is_refused(layout):
    """One more of whatever is numbered: a block, a stage, a layer of a head."""
    numbered = defaultdict(lambda: defaultdict(list))
    for name in layout.found:
        part = NUMBER.fullmatch(name)
        if part and layout.read(name):
            numbered[part[1]][int(part[2])].append(part[3])
    stacks = {prefix: numbers for prefix, numbers in numbered.items() if len(numbers) > 1}
    assert stacks
    for prefix, numbers in stacks.items():
        last = max(numbers)
        more = {
            f"{prefix}{last + 1}{rest}": layout.found[f"{prefix}{last}{rest}"]
            for rest in numbers[last]
        }
        assert " unexpected: " in layout.refused({**layout.found, **more})


def test_positions_of_segment_anything_are_not_dropped():
    """Whether LVM-Med's file has them is not known; leaving them out would be another network."""
    with pytest.MonkeyPatch.context() as patch:
        layout = Layout("lvm-med-vit", patch)
        table = torch.empty(1, 64, 64, 768, device="meta")
        assert "1 unexpected: net.pos_embed" in layout.refused({**layout.found, "pos_embed": table})
