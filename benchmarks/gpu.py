"""python -m benchmarks.gpu: what engines with models take on a graphics card, in memory and in seconds of each part.

Real architectures at full size with random weights, in a process that is limited to 48 GB. A call takes two steps, from
which whole ones are extrapolated and labelled so. Opening is making the weights in place: reading them from a disk is
not measured, nor are LoRAs. Each call is a JSON line in --out as soon as it is done, the models that cost little first.
Needs torch, diffusers, transformers, accelerate, numpy and OpenCV. --small runs the same with tiny models on a
processor.
"""

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_cases import CASES, SMALL, Case
from benchmarks.gpu_models import Model, Place
from pipeline.engines.base import Call
from pipeline.engines.costs import line
from utils.graphics_card import CardLost, CardUse, CardWatch, NvidiaCard
from utils.memory import clear_cuda, is_out_of_memory, peak_cuda_mb
from utils.size import Size

LIMIT_BYTES = 48e9
STEPS, JOBS, JOB_FRAMES = 2, 5, 5
NVML_EVERY_S = 0.05


class Clock:
    """Seconds of the parts of a call; waits for the card at each look."""

    def __init__(self, place: Place) -> None:
        self._wait = torch.cuda.synchronize if place.device.type == "cuda" else lambda: None
        self.seconds: dict[str, float] = {}
        self.steps: list[float] = []

    def now(self) -> float:
        self._wait()
        return time.perf_counter()

    @contextmanager
    def taking(self, name: str) -> Iterator[None]:
        """Add what the block takes to a part."""
        started = self.now()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + self.now() - started

    @contextmanager
    def inside(self, vae: Any) -> Iterator[None]:
        """Measure encoding and decoding while the block runs."""
        for name in ("encode", "decode"):
            setattr(vae, name, self._timed(name, getattr(vae, name)))
        try:
            yield
        finally:
            del vae.encode, vae.decode

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **named: Any) -> Any:
            with self.taking(name):
                return function(*args, **named)

        return timed

    def step(self, done: int) -> None:
        """Note the end of a step."""
        self.steps.append(self.now())

    @property
    def step_s(self) -> float:
        """The last step, which holds nothing of what comes before the first one."""
        return self.steps[-1] - self.steps[-2]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the cases and print a table."""
    asked = _asked(arguments)
    place = _place(small=asked.small)
    rows = []
    for case in SMALL if asked.small else CASES:
        if asked.only and case.name not in asked.only:
            continue
        for row in measured(case, place):
            rows.append(row)
            with asked.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            if asked.costs and "call_s" in row:
                with asked.costs.open("a", encoding="utf-8") as file:
                    file.write(line(case.engine, row["card"], _call(row)))
            print(*_words(row), sep="\n", flush=True)


def measured(case: Case, place: Place) -> Iterator[dict[str, Any]]:
    """A row for each work of a case; a model that does not fit is a row too."""
    clock, held = Clock(place), None
    about = {"card": _card(place), "torch": str(torch.__version__), "model": case.name}
    try:
        model = case.model(place)
        with clock.taking("prompt"):
            model.read_prompt()
        clear_cuda()
        with clock.taking("open"):
            model.open()
        opened = {f"{name}_s": round(clock.seconds[name], 3) for name in ("prompt", "open")}
        for size, frames in case.works:
            row = {**about, **opened, "width_px": size.width_px, "height_px": size.height_px, "frames": frames}
            row |= {"passes": STEPS * model.passes} | _attempted(model, place, size, frames)
            if held is None and "problem" not in row:
                row["held_mb"] = held = _held(model, size, frames)
            yield row | _whole(case, row)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        yield {**about, "problem": "it does not fit"}
    finally:
        model = None  # type: ignore[assignment]
        clear_cuda()


def _attempted(model: Model, place: Place, size: Size, frames: int) -> dict[str, Any]:
    """The figures of one call of two steps."""
    clock, watch = Clock(place), CardWatch(every_s=NVML_EVERY_S)
    clear_cuda()
    peak_cuda_mb(anew=True)
    try:
        with watch.watching(), clock.inside(model.vae), clock.taking("call"):
            finite = model.call(size, frames, STEPS, clock.step)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return {"problem": "it does not fit"}
    parts = {f"{name}_s": round(clock.seconds[name], 3) for name in ("encode", "decode", "call")}
    card = watch.use
    return {
        **parts,
        "step_s": round(clock.step_s, 3),
        "peak_torch_mb": round(peak_cuda_mb()),
        "peak_card_mb": _card_mb(card),
        "busy": round(card.busy, 3) if card else None,
        "finite": finite,
    }


def _card_mb(card: CardUse | None) -> int | None:
    """The most memory of the card, with the driver's own; without NVML what is taken now, which torch still keeps."""
    if card:
        return round(card.peak_mb)
    if not torch.cuda.is_available():
        return None
    free, whole = torch.cuda.mem_get_info()
    return int((whole - free) / 2**20)


def _whole(case: Case, row: dict[str, Any]) -> dict[str, Any]:
    """Seconds of whole calls, extrapolated from a step."""
    if "step_s" not in row:
        return {}
    around = row["encode_s"] + row["decode_s"]
    return {"extrapolated_s": {name: round(around + steps * row["step_s"], 1) for name, steps in case.whole.items()}}


def _held(model: Model, size: Size, frames: int) -> list[float]:
    """Memory that is still taken after each of five jobs of a few frames."""
    held = []
    for _ in range(JOBS):
        model.call(size, min(frames, JOB_FRAMES), 1, lambda done: None)
        clear_cuda()
        held.append(round(_taken_bytes() / 2**20, 3))
    return held


def _taken_bytes() -> int:
    """What tensors take: on the card, or on a processor as Python sees them."""
    if torch.cuda.is_available():
        return int(torch.cuda.memory_allocated())
    gc.collect()
    return sum(each.nbytes for each in gc.get_objects() if issubclass(type(each), torch.Tensor))


def _place(*, small: bool) -> Place:
    """The card, limited; a processor for the small cases."""
    if small:
        torch.set_num_threads(1)  # several wait for each other longer than models this small compute
        return Place(torch.device("cpu"), torch.float32)
    if not torch.cuda.is_available():
        sys.exit("There is no graphics card that torch can use. Try --small, which runs on a processor.")
    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, LIMIT_BYTES / whole), 0)
    return Place(torch.device("cuda"), torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)


def _card(place: Place) -> str:
    if place.device.type == "cpu":
        return "processor"
    try:
        card = NvidiaCard.first()
    except CardLost:
        card = None
    return card.name if card else str(torch.cuda.get_device_name(0))


def _call(row: dict[str, Any]) -> Call:
    """A row as the estimates of engines read it."""
    size = Size(row["width_px"], row["height_px"])
    return Call(row["model"], size, row["frames"], STEPS, row["passes"], row["call_s"], row["peak_torch_mb"])


def _words(row: dict[str, Any]) -> Iterator[str]:
    """A row for people."""
    if "width_px" not in row:
        yield f"{row['model']} on {row['card']}: {row['problem']}"
        return
    yield f"{row['model']}, {row['frames']} frames of {row['width_px']} x {row['height_px']}, on {row['card']}"
    for name, value in row.items():
        if name.endswith("_s") and not isinstance(value, dict):
            yield f"  {name.removesuffix('_s'):<24}{value:10.2f} s"
    for name, seconds in row.get("extrapolated_s", {}).items():
        yield f"  {name + ' (extrapolated)':<24}{seconds:10.1f} s"
    for name in ("peak_torch_mb", "peak_card_mb", "busy", "finite", "problem", "held_mb"):
        if row.get(name) is not None:
            yield f"  {name:<24}{row[name]!s:>10}"


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="tiny models on a processor")
    parser.add_argument("--only", nargs="*", metavar="MODEL", help="only these")
    parser.add_argument("--out", type=Path, default=Path("gpu.jsonl"), help="where each case is appended")
    parser.add_argument("--costs", type=Path, help="where each call is appended as estimates read it")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
