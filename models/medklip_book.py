"""Making the vectors that MedKLIP asks its findings with; nobody publishes them as a file.

    from cxrbench_models.medklip_book import write_book

    explanations = "observation explanation.json"
    write_book(explanations, "emilyalsentzer/Bio_ClinicalBERT", "disease_book.npy")

The explanations, one of each of the 75 findings, are in the repository of MedKLIP's authors.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from cxrbench.errors import WeightsError

from .medklip import FINDINGS

MAX_TOKENS = 64


def write_book(explanations: str | Path, bert: str, out: str | Path) -> None:
    """Write one vector a finding: BERT's last state of the first token of its explanation.

    Args:
        explanations: JSON, from findings to explanations in the order of `FINDINGS`.
        bert: Folder or hub id of Bio_ClinicalBERT.
        out: The `.npy` file, 75×768 float32.

    Raises:
        WeightsError: When there are more or fewer explanations than findings.
    """
    texts = list(json.loads(Path(explanations).read_text(encoding="utf-8")).values())
    if len(texts) != len(FINDINGS):
        raise WeightsError(
            "cannot make the vectors of the findings",
            why=f"{explanations} has {len(texts)} explanations, expected {len(FINDINGS)}",
            fix="take the file of MedKLIP's repository as it is",
        )
    model = AutoModel.from_pretrained(bert).eval()
    tokens = AutoTokenizer.from_pretrained(bert)(
        texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
    )
    with torch.inference_mode():
        vectors = model(**tokens).last_hidden_state[:, 0]
    np.save(Path(out), vectors.float().numpy())
