"""The part of the report page on what the engine took: expected and real time, the card, and giving memory back."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.report.page.markup import Markup, table, tag
from pipeline.report.page.words import amount_bytes, count, duration, exact, percent

MB = 2**20


def making(report: dict[str, Any]) -> Markup:
    """A table of what was expected and what happened; a sentence if nothing was made."""
    made = report["making"]
    if made is None or made["seconds"] is None:
        return tag("p", "Every window came from the cache, so the engine had nothing to do.", class_="nothing")
    return table("The engine's part", ("what", "expected", "happened"), list(_rows(made)))


def _rows(made: dict[str, Any]) -> Iterator[Sequence[object]]:
    estimate, card, clearing = made["estimate"], made["card"], made["clearing"]
    windows = f"{count(made['windows'], 'window')} of {count(made['frames'], 'frame')}"
    basis = f", {estimate['basis']}" if estimate["basis"] else ""
    yield windows, f"{duration(estimate['seconds'])}{basis}", exact(made["seconds"], duration(made["seconds"]))
    if made["vram_mb"]:
        expected = amount_bytes(estimate["vram_mb"] * MB) if estimate["vram_mb"] else ""
        yield "memory of the card, at most", expected, exact(made["vram_mb"], amount_bytes(made["vram_mb"] * MB))
    if card:
        yield f"{card['name']} was busy", "", percent(card["busy"])
    if clearing["times"]:
        how = f"{count(clearing['times'], 'time')}, {duration(clearing['seconds'])} in all"
        yield f"memory given back after each {clearing['when']}", "", how
