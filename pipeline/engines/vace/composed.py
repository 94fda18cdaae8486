"""A transformer made of two checkpoints: the base model of one, and the VACE blocks of another.

A base that was distilled to a few steps keeps its speed with the blocks of the full model. Such bases are published as
one file, often with the names of Wan's own code.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import WanVACETransformer3DModel
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers
from safetensors import SafetensorError, safe_open

from pipeline.engines.base import EngineError
from pipeline.engines.diffusion.components import REPAIR, empty, weight_files

VACE = ("vace_blocks.", "vace_patch_embedding.")
"""How the names of the weights begin that a model has beyond its base."""
WAN = ".self_attn."
"""What only names of Wan's own code hold."""


@dataclass(frozen=True)
class _Stored:
    """A weight as it lies in a file."""

    path: Path
    name: str
    shape: tuple[int, ...]


def composed(folder: Path, base: Path, dtype: torch.dtype) -> Any:
    """The transformer that a folder configures, with the VACE blocks in it and all else from the file `base`."""
    with init_empty_weights(include_buffers=False):
        model = empty(folder, WanVACETransformer3DModel)
    wanted = {name: tuple(each.shape) for name, each in model.named_parameters()}
    blocks = {
        name: each for path in weight_files(folder, None) for name, each in _stored(path) if name.startswith(VACE)
    }
    stored = {**blocks, **_checked_base(base, wanted)}
    for name, shape in wanted.items():
        if name not in stored:
            raise EngineError(f"{folder if name.startswith(VACE) else base} lacks the weight {name}.", REPAIR)
        if stored[name].shape != shape:
            sizes = (" x ".join(map(str, each)) or "one number" for each in (stored[name].shape, shape))
            raise EngineError(
                "In {} the weight {} is {}, where the model needs {}.".format(stored[name].path, name, *sizes),
                "The base and the VACE blocks belong to models of different sizes: correct `parts` in the model file.",
            )
    model.load_state_dict(dict(_read(stored, dtype)), assign=True)
    return model.eval().requires_grad_(False)


def _checked_base(path: Path, wanted: dict[str, tuple[int, ...]]) -> dict[str, _Stored]:
    """The weights of the base by the names of diffusers; EngineError for one that the model has not."""
    found = dict(_stored(path))
    if any(WAN in name for name in found):
        found = convert_wan_transformer_to_diffusers(dict(found))
    strange = [name for name in found if name not in wanted or name.startswith(VACE)]
    if strange:
        raise EngineError(
            f"{path} is no base of this model: it has the weight {found[strange[0]].name}.",
            "Name a text-to-video model of Wan 2.1 in 16 or 32 bits.",
        )
    return found


def _stored(path: Path) -> Iterator[tuple[str, _Stored]]:
    """The weights in a file, by their names in it."""
    try:
        with safe_open(path, "pt") as weights:
            for name in weights.keys():  # noqa: SIM118
                yield name, _Stored(path, name, tuple(weights.get_slice(name).get_shape()))
    except (OSError, SafetensorError) as error:
        raise EngineError(f"{path} is missing or damaged.", REPAIR) from error


def _read(stored: dict[str, _Stored], dtype: torch.dtype) -> Iterator[tuple[str, torch.Tensor]]:
    """The weights, file by file, in the precision that the library keeps each in."""
    whole = WanVACETransformer3DModel._keep_in_fp32_modules
    for path in sorted({each.path for each in stored.values()}):
        with safe_open(path, "pt") as weights:
            for name, each in stored.items():
                if each.path == path:
                    exact = any(part in whole for part in name.split("."))
                    yield name, weights.get_tensor(each.name).to(torch.float32 if exact else dtype)
