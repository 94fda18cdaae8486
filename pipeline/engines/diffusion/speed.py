"""What makes a transformer faster where a machine allows it: another kernel for attention, and compiled blocks.

Both round differently, so each is asked for by a setting that is part of the cache key. What cannot be had is said, and
the model computes as usual.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from diffusers.utils import logging

NEEDS = {"flash": ("flash_attn", (8, 0)), "sage": ("sageattention", (8, 0))}
"""Kernels for attention -> the package that has it, and the least compute capability of a card."""


def speed_up(parts: Iterable[Any], settings: Mapping[str, Any], device: torch.device) -> list[str]:
    """Make transformers as fast as the settings ask; returns sentences about what cannot be had."""
    parts = list(parts)
    said = list(attending(parts, settings["generate.attention"], device))
    if settings["generate.compile"] == "on":
        said += compiled(parts, device)
    return said


def attending(parts: Sequence[Any], kernel: str, device: torch.device) -> Iterator[str]:
    """Let this kernel compute attention, or torch itself, which it also says why.

    The library keeps the choice for the whole process, so torch's own is chosen aloud too, after another session.
    """
    why_not = unusable(kernel, device) or fixed(parts, kernel)
    try:
        _choose(parts, "native" if why_not else kernel)
    except RuntimeError as error:  # the package is too old
        why_not = str(error)
        _choose(parts, "native")
    if why_not:
        yield f"Attention is computed by torch itself, for {why_not.rstrip('.')}."


def _choose(parts: Sequence[Any], kernel: str) -> None:
    """Choose a kernel, without the library's warning that this may work otherwise in later versions of it."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        for part in parts:
            part.set_attention_backend(kernel)
    finally:
        logging.set_verbosity(before)


def fixed(parts: Sequence[Any], kernel: str) -> str:
    """Why networks take no other kernel: the library's older ones ask torch itself. Empty if they take it."""
    processors = [getattr(each, "processor", None) for part in parts for each in part.modules()]
    is_fixed = not any(hasattr(each, "_attention_backend") for each in processors)
    return f"{type(parts[0]).__name__} takes no other kernel" if is_fixed and kernel != "native" else ""


def unusable(kernel: str, device: torch.device) -> str:
    """Why a kernel for attention cannot be used here; empty if it can. torch's own is always there."""
    if kernel == "native":
        return ""
    package, capability = NEEDS[kernel]
    if device.type != "cuda":
        return f"{kernel} needs a graphics card"
    if find_spec(package) is None:
        return f"the package {package} is not installed"
    if torch.cuda.get_device_capability(device) < capability:
        return f"{kernel} needs a card of compute capability {'.'.join(map(str, capability))} or more"
    return ""


def compiled(parts: Sequence[Any], device: torch.device, backend: str = "inductor") -> Iterator[str]:
    """Compile the blocks that a transformer repeats, on their first use; yields why not where that cannot be done."""
    try:
        torch.compile(lambda x: x.sin() + 1, backend=backend)(torch.ones(8, device=device))
    except (RuntimeError, OSError, ImportError) as error:  # a compiler of the system is needed, which may be missing
        yield f"The model is not compiled, for compiling does not work here: {' '.join(str(error).split())[:200]}"
        return
    for part in parts:
        part.compile_repeated_blocks(backend=backend)
