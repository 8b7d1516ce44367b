"""Cards: facts in YAML, validated by pydantic."""

from cxrbench.cards.base import Card, merge, read_yaml
from cxrbench.cards.dataset import DatasetCard, SplitCard
from cxrbench.cards.model import PHANTOM, Dims, ModelCard, Paper, WeightsFile
from cxrbench.cards.preprocessing import NATIVE, PreprocessingMode, is_mode
from cxrbench.cards.protocol import ProtocolCard
from cxrbench.cards.task import TaskCard

__all__ = [
    "NATIVE",
    "PHANTOM",
    "Card",
    "DatasetCard",
    "Dims",
    "ModelCard",
    "Paper",
    "PreprocessingMode",
    "ProtocolCard",
    "SplitCard",
    "TaskCard",
    "WeightsFile",
    "is_mode",
    "merge",
    "read_yaml",
]
