"""The device as torch names it, and the precision that it computes in."""

import torch

from pipeline.engines.device import Device


def torch_device(device: Device) -> torch.device:
    """The card or the processor; a card that torch cannot use is not taken for one."""
    return torch.device("cuda" if device.kind == "cuda" and torch.cuda.is_available() else "cpu")


def precision(device: torch.device) -> torch.dtype:
    """16 bits on a card, with the wide range where the card has it; a processor computes in 32 bits."""
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
