"""LVM-Med's ResNet-50 is torchvision's."""

from __future__ import annotations

import torch
from torchvision.models import resnet50

from cxrbench.building import build
from cxrbench.encoder import ImageBatch
from cxrbench.registry import Registry
from cxrbench.weights.choice import resolve


def test_a_checkpoint_of_torchvision_gives_torchvisions_features(tmp_path):
    torch.manual_seed(0)
    theirs = resnet50(num_classes=3)
    with torch.no_grad():  # a batch norm that does nothing would hide one that is left out
        for name, tensor in theirs.state_dict().items():
            if name.endswith("running_mean"):
                tensor.uniform_(-0.1, 0.1)
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
    theirs.eval()
    torch.save(theirs.state_dict(), tmp_path / "lvmmed_resnet.torch")

    card = Registry.discover([]).model("lvm-med-r50").card
    encoder, report = build(card, resolve(card, str(tmp_path / "lvmmed_resnet.torch")), seed=1)
    assert report.complete

    pixels = torch.randn(2, 3, 64, 96)
    expected = {}
    theirs.layer4.register_forward_hook(lambda *_: expected.update(grid=_[-1]))
    theirs.avgpool.register_forward_hook(lambda *_: expected.update(pooled=_[-1].flatten(1)))
    with torch.inference_mode():
        theirs(pixels)
        found = encoder.encode_image(ImageBatch(pixels=pixels))
    for name in ("grid", "pooled"):
        scale = expected[name].abs().max()
        assert scale > 0
        assert torch.allclose(getattr(found, name) / scale, expected[name] / scale, atol=1e-5)
