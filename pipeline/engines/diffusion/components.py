"""Loads the parts of a model from its folder, strictly: nothing is downloaded, and nothing missing is made up.

The libraries fill weights that a file lacks with random numbers and go on; here the names and shapes in the files are
compared with the configuration first, which reads no weights and costs milliseconds.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from pipeline.engines.base import EngineError

INDEXES = ("diffusion_pytorch_model.safetensors.index.json", "model.safetensors.index.json")
OLDER = {"text_model.": "", "visual.": "model.visual.", "model.": "model.language_model."}
"""How names of the weights of CLIP and Qwen2.5-VL begin in the files on the hub -> how the library calls them now."""
REPAIR = "Run `python -m pipeline models verify`, and fetch the model again if it says so."


def component(folder: Path, kind: Any, dtype: torch.dtype) -> Any:
    """A part of a model, as an instance of `kind`, loaded from its folder on the processor."""
    variant = _variant(folder)
    _compare(folder, kind, variant)
    hush()
    try:
        loaded = kind.from_pretrained(folder, dtype=dtype, variant=variant, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, SafetensorError) as error:
        raise EngineError(f"{folder} cannot be loaded: {_one_line(error)}", REPAIR) from error
    return loaded.eval().requires_grad_(False)


def configuration(folder: Path, name: str = "config.json") -> dict[str, Any]:
    """The configuration of a model or of one of its parts."""
    path = folder / name
    try:
        read = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise EngineError(f"{path} is missing or cannot be read.", REPAIR) from error
    if not isinstance(read, dict):
        raise EngineError(f"{path} holds no configuration.", REPAIR)
    return read


def shapes(folder: Path, variant: str | None = None) -> dict[str, tuple[int, ...]]:
    """The names and shapes of the weights in the files of a folder."""
    found: dict[str, tuple[int, ...]] = {}
    for path in weight_files(folder, variant):
        try:
            with safe_open(path, "pt") as weights:
                found.update({name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()})  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise EngineError(f"{path} is missing or damaged.", REPAIR) from error
    return found


def hush() -> None:
    """Keep the progress bars of the libraries off the terminal."""
    import diffusers.utils.logging
    import transformers.utils.logging

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()


def _compare(folder: Path, kind: Any, variant: str | None) -> None:
    """Refuse weights that do not belong to the configuration beside them, naming the first difference."""
    there, wanted = shapes(folder, variant), _wanted(folder, kind)
    there |= {
        now + name.removeprefix(before): shape
        for before, now in OLDER.items()
        for name, shape in there.items()
        if name.startswith(before)
    }
    for name, shape in wanted.items():
        if name not in there:
            raise EngineError(f"{folder} lacks the weight {name}.", REPAIR)
        if there[name] != shape:
            sizes = (" x ".join(map(str, each)) or "one number" for each in (there[name], shape))
            raise EngineError(
                "In {} the weight {} is {}, where its config.json asks for {}.".format(folder, name, *sizes),
                "The configuration belongs to another model: fetch the model again, or bring the folder it came with.",
            )


def _wanted(folder: Path, kind: Any) -> dict[str, tuple[int, ...]]:
    """The names and shapes that the configuration asks for; weights that are tied to another one are left out."""
    with torch.device("meta"):
        model = empty(folder, kind)
    tied = set(getattr(model, "_tied_weights_keys", None) or ())
    return {name: tuple(value.shape) for name, value in model.named_parameters() if name not in tied}


def empty(folder: Path, kind: Any) -> torch.nn.Module:
    """A model of the configuration without weights."""
    options = configuration(folder)
    try:
        if hasattr(kind, "from_config"):
            return kind.from_config(options)
        return kind(kind.config_class.from_dict(options))
    except (TypeError, ValueError, RuntimeError, KeyError) as error:
        raise EngineError(f"The configuration in {folder} makes no model: {_one_line(error)}", REPAIR) from error


def weight_files(folder: Path, variant: str | None) -> Iterator[Path]:
    """The weight files of a folder: those that its index names, or the one that there is."""
    endings = f".{variant}" if variant else ""
    for name in INDEXES:
        index = folder / name.replace(".index", f".index{endings}") if variant else folder / name
        if index.is_file():
            shards = json.loads(index.read_bytes()).get("weight_map", {})
            yield from sorted({folder / Path(str(shard)).name for shard in shards.values()})
            return
    single = sorted(folder.glob(f"*{endings}.safetensors"))
    if not single:
        raise EngineError(f"{folder} holds no .safetensors file.", REPAIR)
    yield single[0]


def _variant(folder: Path) -> str | None:
    """ "fp16" or "bf16" where the folder holds weights of such a variant only."""
    names = [path.name for path in folder.glob("*.safetensors")]
    for variant in ("bf16", "fp16"):
        if names and all(f".{variant}" in name for name in names):
            return variant
    return None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
