"""A played graphics card: NVIDIA's package as real workers import it, from a folder that comes before all others."""

from pathlib import Path

BUSY, LOST = "return SimpleNamespace(gpu=87)", "raise NVMLError('GPU is lost')"
PYNVML = """
from types import SimpleNamespace
class NVMLError(Exception): pass
def nvmlInit(): pass
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetName(card): return "NVIDIA A40"
def nvmlDeviceGetUtilizationRates(card): {answer}
def nvmlDeviceGetMemoryInfo(card): return SimpleNamespace(used=21 << 30, total=45 << 30)
"""


def played_card(folder: Path, answer: str = BUSY) -> str:
    """The PYTHONPATH of a process that finds a card there, which is busy or lost."""
    folder.mkdir()
    (folder / "pynvml.py").write_text(PYNVML.format(answer=answer))
    return str(folder)
