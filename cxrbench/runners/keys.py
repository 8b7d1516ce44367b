"""The key under which frozen features of a run are kept."""

from __future__ import annotations

from cxrbench.data.rowstore import RowStore
from cxrbench.image_spec import ImageSpec
from cxrbench.runners.base import Job
from cxrbench.training.features import FeatureKey
from cxrbench.weights.report import LoadReport


def feature_store(
    job: Job,
    report: LoadReport,
    images: RowStore | None,
    spec: ImageSpec,
    kind: str,
    context: bool,
    one_at_a_time: bool = False,
) -> RowStore:
    """The store of one kind of features of the job's encoder on the images of a store.

    Without images: of something else, which the rows' own keys tell.
    """
    loaded = job.weights.source == "none" or report.complete
    return FeatureKey(
        encoder=job.spec.encoder,
        weights=job.weights.digest,
        # The seed decides the values of whatever was not loaded.
        seed=None if loaded else job.spec.seed,
        spec=spec,
        precision=job.spec.precision,
        context=context,
        kind=kind,
        images="" if images is None else str(images.folder),
        one_at_a_time=one_at_a_time,
    ).store()
