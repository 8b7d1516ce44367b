"""What a measurement was made on."""

from __future__ import annotations

import os
from pathlib import Path

import torch


def device_name(device: str) -> str:
    """Name of the GPU, or of the processor with its number of cores."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    name = next((line.split(":")[1].strip() for line in lines if line[:10] == "model name"), "CPU")
    return f"{name} with {os.cpu_count()} cores"
