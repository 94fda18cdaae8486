"""How near everything in a picture is, by Depth Anything, which is loaded for some pictures and released at once."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import DepthAnythingForDepthEstimation, DPTImageProcessor

from pipeline.engines.base import EngineError
from pipeline.engines.device import Device, this_device
from pipeline.engines.diffusion import card
from pipeline.engines.diffusion.components import REPAIR, hush
from pipeline.engines.weights import weights
from utils.image import RGB
from utils.memory import clear_cuda

Nearness = NDArray[np.float32]
NAME = "depth-anything-v2-small"


def nearness(pictures: Iterable[RGB], device: Device | None = None) -> list[Nearness]:
    """How near each pixel is, at the model's own size: larger is nearer, in a scale that is the model's own."""
    folder, place = weights(NAME).path, card.torch_device(device or this_device())
    try:
        prepare = DPTImageProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise EngineError(f"{folder}/preprocessor_config.json is missing or cannot be read.", REPAIR) from error
    model = _loaded(folder).to(place)
    try:
        return [_seen(model, prepare, picture, place) for picture in pictures]
    finally:
        del model
        clear_cuda()


def _loaded(folder: Path) -> DepthAnythingForDepthEstimation:
    """The model, with every weight that its configuration asks for; the library renames some while it reads them."""
    hush()
    try:
        model, told = DepthAnythingForDepthEstimation.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise EngineError(f"{folder} cannot be loaded: {' '.join(str(error).split())[:300]}", REPAIR) from error
    if lacking := sorted(told["missing_keys"]):
        raise EngineError(f"{folder} lacks the weight {lacking[0]}.", REPAIR)
    return model.eval().requires_grad_(False)


def _seen(
    model: DepthAnythingForDepthEstimation, prepare: DPTImageProcessor, picture: RGB, place: torch.device
) -> Nearness:
    given = prepare(images=picture, return_tensors="pt")["pixel_values"].to(place)
    with torch.no_grad():
        seen = model(given).predicted_depth[0]
    return np.asarray(seen.float().cpu().numpy(), np.float32)
