"""Which models are measured on a graphics card, and what each of them is asked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.gpu_bernini import BERNINI_1_3B, BERNINI_14B, BERNINI_SMALL, BerniniModel
from benchmarks.gpu_controlnet import SD_15, SD_15_SMALL, SDXL, SDXL_SMALL, ControlnetModel, ControlnetParts
from benchmarks.gpu_edit import KLEIN_4B, KLEIN_SMALL, QWEN_20B, QWEN_SMALL, KleinModel, QwenModel
from benchmarks.gpu_models import Model, Place
from benchmarks.gpu_vace import VACE_1_3B, VACE_14B, VACE_SMALL, VaceModel
from utils.size import Size


@dataclass(frozen=True)
class Case:
    """A checkpoint's architecture, and the sizes and numbers of frames that one call of it is asked for."""

    name: str
    """That of the checkpoint, so that what is measured serves its estimates."""
    engine: str
    model: Callable[[Place], Model]
    works: Sequence[tuple[Size, int]]
    whole: Mapping[str, int]
    """What real calls are -> as many of the steps that are measured."""


def _painters(name: str, parts: ControlnetParts, works: Sequence[tuple[Size, int]]) -> tuple[Case, Case]:
    """A family of ControlNet: four steps without guidance, and twenty with it."""
    return (
        Case(f"{name}-lcm", "controlnet", lambda place: ControlnetModel(parts, place, few_steps=True), works, FEW),
        Case(name, "controlnet", lambda place: ControlnetModel(parts, place, few_steps=False), works, GUIDED),
    )


FEW, GUIDED = {"4 steps": 4}, {"20 steps, guided": 20}
VACE_GUIDED, QWEN_GUIDED = {"50 steps, guided": 100}, {"40 steps, guided": 80}
"""Wan VACE and Qwen-Image-Edit ask their transformers twice for a guided step, one time after the other."""
BERNINI_GUIDED = {"40 steps, guided": 80}
"""Without reference pictures, Bernini-R asks it twice, too."""
USUAL, LARGE = (Size(480, 832), 81), (Size(720, 1280), 81)
MEGAPIXEL = (Size(1024, 1024), 1)
SD_15_PICTURE, SDXL_PICTURE = Size(512, 768), Size(1024, 1024)
CASES = (
    *_painters("sd-1.5", SD_15, ((SD_15_PICTURE, 16), (SD_15_PICTURE, 4))),
    Case("wan-vace-1.3b", "vace", lambda place: VaceModel(VACE_1_3B, place), (USUAL, LARGE), FEW | VACE_GUIDED),
    Case("flux2-klein-4b", "edit", lambda place: KleinModel(KLEIN_4B, place), (MEGAPIXEL,), FEW),
    Case("bernini-r-1.3b", "bernini", lambda place: BerniniModel(BERNINI_1_3B, place), (USUAL,), BERNINI_GUIDED),
    *_painters("sdxl", SDXL, ((SDXL_PICTURE, 16), (SDXL_PICTURE, 4))),
    Case("qwen-image-edit", "edit", lambda place: QwenModel(QWEN_20B, place), (MEGAPIXEL,), FEW | QWEN_GUIDED),
    Case("wan-vace-14b-few-steps", "vace", lambda place: VaceModel(VACE_14B, place), (USUAL,), FEW),
    Case("wan-vace-14b", "vace", lambda place: VaceModel(VACE_14B, place), (USUAL, LARGE), VACE_GUIDED),
    Case("bernini-r-14b", "bernini", lambda place: BerniniModel(BERNINI_14B, place), (USUAL,), BERNINI_GUIDED),
)
"""In the order in which they are run: those that cost little first."""
_TINY = Size(48, 64)
SMALL = (
    *_painters("sd-1.5-small", SD_15_SMALL, ((_TINY, 2),)),
    Case("wan-vace-small", "vace", lambda place: VaceModel(VACE_SMALL, place), ((_TINY, 5),), FEW | VACE_GUIDED),
    Case("flux2-klein-small", "edit", lambda place: KleinModel(KLEIN_SMALL, place), ((_TINY, 1),), FEW),
    Case("bernini-small", "bernini", lambda place: BerniniModel(BERNINI_SMALL, place), ((_TINY, 5),), BERNINI_GUIDED),
    *_painters("sdxl-small", SDXL_SMALL, ((_TINY, 2),)),
    Case("qwen-small", "edit", lambda place: QwenModel(QWEN_SMALL, place), ((_TINY, 1),), FEW | QWEN_GUIDED),
)
