"""The settings of what is found about a clip: pauses, words, their correction, and the pictures that are looked at."""

from typing import Literal

from pipeline.settings import JobSettings
from pipeline.settings.field import setting
from pipeline.settings.group import Group
from pipeline.settings.groups import Trim


class Silence(Group):
    """Silence: what counts as a pause that may be cut."""

    by: Literal["voice", "level"] = setting(
        "voice",
        "Found by",
        "voice tells speech from music and noise with a small network, where it is installed; level goes by how loud "
        "it is alone.",
    )
    below_db: float = setting(
        30.0, "Quieter by", "How far below the loud parts of the clip sound is silence.", unit="dB", least=6, most=80
    )
    least_s: float = setting(0.5, "At least", "Shorter pauses belong to the speech.", unit="s", least=0.1, most=30)
    breath_s: float = setting(
        0.15, "Breath", "How much of a pause is left at either end of it.", unit="s", least=0, most=5
    )


class Speech(Group):
    """Speech: who writes down what is said."""

    model: str = setting(
        "",
        "Model",
        "The Whisper model, as `models list` names it; leave it empty for the best one that is here.",
        most_characters=60,
    )
    language: str = setting(
        "", "Language", "What is spoken, as en or de; leave it empty to have it found.", most_characters=8
    )


class Correction(Group):
    """Correction of what was understood, by a language model; it is off where no address is given."""

    model: str = setting("", "Language model", "Its name, as its server knows it.", most_characters=120)
    temperature: float = setting(0.0, "Temperature", "How freely it writes; 0 is the same each time.", least=0, most=2)
    most_changed: float = setting(
        0.3,
        "Most changed",
        "The share of a cue's words that may change; where more does, the cue stays as it was.",
        least=0,
        most=1,
    )
    hint: str = setting(
        "",
        "Names and terms",
        "Names and words that occur, which the model may not know how to spell.",
        most_characters=2000,
    )


class Retakes(Group):
    """Repeated takes and filler words."""

    least_words: int = setting(
        4, "Words of a take", "How many words alike, at least, make a second take of the same thing.", least=2, most=50
    )
    within_s: float = setting(30.0, "Takes within", "How far apart the two takes may lie.", unit="s", least=2, most=600)
    fillers: str = setting(
        "",
        "Filler words",
        "Words that say nothing, with commas between them; leave it empty for those of the language.",
        most_characters=2000,
    )


class Seen(Group):
    """What is seen: faces, and where a picture is looked at."""

    every_s: float = setting(
        0.5, "Looked at every", "How often faces and focal points are found.", unit="s", least=0.04, most=10
    )


class KnownSettings(JobSettings):
    """The settings of what is found about a clip."""

    trim: Trim = Trim()
    silence: Silence = Silence()
    speech: Speech = Speech()
    correction: Correction = Correction()
    retakes: Retakes = Retakes()
    seen: Seen = Seen()
