"""Which encoder a film is encoded by: the one that is asked for, if it works here; x264 otherwise, which is said."""

from dataclasses import replace

from pipeline.run import Run
from pipeline.types import Event
from utils.image import Size
from utils.media.encoder_probe import probed
from utils.media.encoders import ENCODERS, HARDWARE, X264

SETTING, STAGE, AUTO = "encode.encoder", "film", "auto"


def choose_encoder(run: Run, size: Size) -> None:
    """Let a run continue with an encoder that works for pictures of a size."""
    wanted = run.context.settings[SETTING]
    if wanted == X264:
        return
    found = [probed(name, size) for name in (HARDWARE if wanted == AUTO else (wanted,))]
    usable = next((each.name for each in found if each.usable), None)
    if usable is not None:
        run.context = replace(run.context, settings={**run.context.settings, SETTING: usable})
        run.events.append(Event(STAGE, f"The film is encoded by {ENCODERS[usable].title}."))
        return
    why = "; ".join(f"{each.name}: {each.why}" for each in found)
    what = "No hardware encoder works" if wanted == AUTO else f"{ENCODERS[wanted].title} does not work"
    run.change(STAGE, SETTING, X264, f"{what} for {size} here ({why}), so x264 encodes the film.")


def fall_back(run: Run, problem: str) -> bool:
    """Let a run begin anew with x264 where another encoder failed; False where it was x264 that did."""
    failed = run.context.settings[SETTING]
    if failed == X264:
        return False
    run.change(STAGE, SETTING, X264, f"{ENCODERS[failed].title} failed ({problem}), so x264 encodes all of the film.")
    return True
