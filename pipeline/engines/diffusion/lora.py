"""LoRAs: small files that change a model, named by people, found in folders, and checked before they are loaded.

A list is written as "rain, style:0.6": names of files in HOME/models/loras or RESHOOT_MODELS/loras, each with a weight.
Paths are no names, so that nobody on the page can point at other files of the machine.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.engines.base import EngineError
from pipeline.models.checksums import Checksums
from pipeline.models.places import Places
from utils.errors import ModelError
from utils.safetensors_header import read_header

if TYPE_CHECKING:
    import torch

FOLDER, SUFFIX = "loras", ".safetensors"
NAME = re.compile(r"[\w][\w .+-]{0,80}")
MOST, LEAST_WEIGHT, MOST_WEIGHT = 8, -4.0, 4.0
TEXT_KEYS = ("lora_te_", "lora_te1_", "lora_te2_", "text_encoder.", "text_encoder_2.")
"""How names of weights begin that change a text encoder."""
PREFIXES = ("transformer.", "unet.")
"""How names of weights begin in the library's form, before those of the network itself."""
EXAMPLE = "Write it like this: rain, style:0.6."


@dataclass(frozen=True)
class Lora:
    """A file, and how strongly it is applied."""

    name: str
    path: Path
    weight: float


def loras(text: str, places: Places | None = None) -> tuple[Lora, ...]:
    """The LoRAs of a list; EngineError for a name that is not there or a weight that is none."""
    places = places or Places.usual()
    found = tuple(_lora(part, places) for part in text.split(",") if part.strip())
    if len(found) > MOST:
        raise EngineError(f"{len(found)} LoRAs are too many at once.", f"Choose at most {MOST}.")
    if len({each.name for each in found}) < len(found):
        raise EngineError("A LoRA is in the list twice.", "Name each once, with one weight.")
    return found


def digests(text: str, places: Places | None = None) -> Mapping[str, str]:
    """The digest of each LoRA of a list, for the cache key of what is made with them."""
    places = places or Places.usual()
    checksums = Checksums(places.models)
    return {f"{FOLDER}/{each.name}": checksums.sha256(each.path) for each in loras(text, places)}


def from_file(name: str, path: Path, weight: float) -> Lora:
    """A LoRA of a file, whose header is checked."""
    try:
        read_header(path)
    except ModelError as error:
        raise EngineError(error.problem, error.remedy) from error
    return Lora(name, path, weight)


def names_in(places: Places) -> list[str]:
    """The names of all LoRAs that are here."""
    files = [file for folder in _folders(places) for file in folder.glob(f"*{SUFFIX}")]
    return sorted({file.stem for file in files if NAME.fullmatch(file.stem)}, key=str.casefold)


def folder_of(places: Places) -> Path:
    """The folder to put LoRAs into."""
    return places.models / FOLDER


def apply(pipe: Any, chosen: Sequence[Lora], experts: Mapping[str, Any]) -> None:
    """Load LoRAs into the networks of a pipeline, but not into its text encoders; `experts` are these by name."""
    for number, lora in enumerate(chosen):
        given = _given(lora)
        _check_fits(lora, _state(pipe, lora, given), experts)
        for name in experts:
            options = {"load_into_transformer_2": True} if name.endswith("_2") else {}
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Already found a `peft_config`")  # several LoRAs are meant
                pipe.load_lora_weights(given, adapter_name=f"lora{number}", use_safetensors=True, **options)
    if chosen:
        for expert in experts.values():
            expert.set_adapters([f"lora{number}" for number in range(len(chosen))], [each.weight for each in chosen])


def unread(chosen: Sequence[Lora]) -> list[str]:
    """A sentence for each LoRA of which only a part is used."""
    return [
        f"The LoRA {lora.name} also changes how the prompt is read; that part of it is not used."
        for lora in chosen
        if _has_text_part(lora)
    ]


def _given(lora: Lora) -> Any:
    """A LoRA as the library takes it: its file, or its weights without those for text encoders, which are not there."""
    from safetensors.torch import load_file

    if not _has_text_part(lora):
        return str(lora.path)
    return {name: value for name, value in load_file(lora.path).items() if not name.startswith(TEXT_KEYS)}


def _has_text_part(lora: Lora) -> bool:
    return any(tensor.name.startswith(TEXT_KEYS) for tensor in read_header(lora.path).tensors)


def _state(pipe: Any, lora: Lora, given: Any) -> Mapping[str, torch.Tensor]:
    """The weights of a LoRA under the names that the pipeline's own layers have."""
    from diffusers.utils import convert_unet_state_dict_to_peft

    unet = getattr(pipe, "unet", None)
    try:
        if unet is None:
            state: Mapping[str, torch.Tensor] = pipe.lora_state_dict(given, local_files_only=True, use_safetensors=True)
            return state
        named, _ = pipe.lora_state_dict(given, unet_config=unet.config, local_files_only=True, use_safetensors=True)
        return dict(convert_unet_state_dict_to_peft(named))
    except (KeyError, ValueError) as error:  # its translation expects every layer of a block
        raise EngineError(
            f"{lora.name} is written in a way that is not understood: {' '.join(str(error).split())[:200]}.",
            "Choose a LoRA made for this model, or save it again with the names of PEFT or of the model itself.",
        ) from error


def _check_fits(lora: Lora, state: Mapping[str, torch.Tensor], experts: Mapping[str, Any]) -> None:
    """Refuse a LoRA of another model: one that changes weights which this one has not, or has in another shape."""
    expert = next(iter(experts.values()))
    shapes = {name.replace(".base_layer.", "."): tuple(each.shape) for name, each in expert.named_parameters()}
    pairs = list(_pairs(state))
    if not pairs:
        raise EngineError(f"{lora.name} holds nothing that changes this model.", "Choose a LoRA made for this model.")
    for module, down, up in pairs:
        there, wanted = shapes.get(f"{module}.weight"), (up[0], down[1])
        if there is not None and there[:2] != wanted:
            raise EngineError(
                f"{lora.name} is for another model: its {module} is {wanted[0]} x {wanted[1]}, here it is "
                f"{there[0]} x {there[1]}.",
                "Choose a LoRA made for this model.",
            )
    if not any(f"{module}.weight" in shapes for module, _, _ in pairs):
        raise EngineError(f"{lora.name} is for another kind of model.", "Choose a LoRA made for this model.")


def _pairs(state: Mapping[str, torch.Tensor]) -> Iterator[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """The modules that a LoRA changes, with the shapes of its two matrices."""
    for name, value in state.items():
        if name.endswith(".lora_A.weight"):
            up = state.get(name.replace(".lora_A.", ".lora_B."))
            module = name.removesuffix(".lora_A.weight")
            module = next((module.removeprefix(each) for each in PREFIXES if module.startswith(each)), "")
            if up is not None and module:
                yield module, tuple(value.shape), tuple(up.shape)


def _folders(places: Places) -> list[Path]:
    return [parent / FOLDER for parent in (places.brought, places.models) if parent]


def _lora(part: str, places: Places) -> Lora:
    name, colon, weight = (each.strip() for each in part.partition(":"))
    name = name.removesuffix(SUFFIX)
    if not NAME.fullmatch(name):
        raise EngineError(f"{name!r:.60} is not the name of a LoRA.", EXAMPLE)
    files = [folder / f"{name}{SUFFIX}" for folder in _folders(places)]
    path = next((file for file in files if file.is_file()), None)
    if path is None:
        raise EngineError(f"The LoRA {name} is not here.", f"Put {name}{SUFFIX} into {folder_of(places)}.")
    return from_file(name, path, _weight(name, weight) if colon else 1.0)


def _weight(name: str, text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = float("nan")
    if not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
        raise EngineError(f"{text!r:.20} is no weight for the LoRA {name}.", EXAMPLE)
    return weight
