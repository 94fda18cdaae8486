"""The gain that makes sound as loud as a target without going over full scale."""

from dataclasses import dataclass
from math import log10

from utils.film.sound import CEILING
from utils.media.loudness import Loudness


@dataclass(frozen=True)
class Gain:
    """A gain towards a target, and by how many dB it stays below what was asked for, so that peaks fit."""

    factor: float
    short_db: float = 0.0


def gain_to(target_lufs: float, measured: Loudness) -> Gain:
    """The gain that makes it as loud as the target, or as loud as its peaks allow."""
    if measured.silent:
        return Gain(1.0)
    wanted = 10 ** ((target_lufs - measured.lufs) / 20)
    allowed = max(1.0, CEILING / measured.peak) if wanted > 1 else wanted
    factor = min(wanted, allowed)
    return Gain(factor, 20 * log10(wanted / factor))
