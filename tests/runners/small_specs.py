"""A feature key to vary."""

from cxrbench.image_spec import ImageSpec
from cxrbench.training.features import FeatureKey

SPEC = ImageSpec(size=(8, 8), resize="squash", mean=(0.5,) * 3, std=(0.25,) * 3)
OTHER_SPEC = SPEC.model_copy(update={"mean": (0.4,) * 3})
KEY = FeatureKey(
    encoder="m", weights={"a": "1"}, seed=None, spec=SPEC, precision="32", context=False,
    kind="pooled", images="here",
)  # fmt: skip
