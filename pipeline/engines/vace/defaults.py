"""What a checkpoint of Wan VACE was made for."""

from dataclasses import dataclass

from pipeline.engines.diffusion import defaults


@dataclass(frozen=True)
class Defaults(defaults.Defaults):
    """What goes over the folder's own where it is not 0: the noise's shift, and the boundary between the experts for
    high and low noise, as a share of it all.

    `lora` is the weight of a checkpoint that is a LoRA for the model that it names as its part; 0 if it is none.
    """

    steps: int = 50
    guidance: float = 5.0
    area_px: int = 480 * 832
    shift: float = 0.0
    boundary: float = 0.0
    lora: float = 0.0


USUAL = Defaults()
"""Those of a checkpoint of which nothing is said."""
