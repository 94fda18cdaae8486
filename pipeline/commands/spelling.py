"""How the options of a command may be spelled beyond what Typer takes."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typer.core import TyperCommand

from utils.errors import SettingsError


class Spelling(TyperCommand):
    """A command whose options may be written with underscores, and some of which stand for a usual value alone."""

    USUAL: ClassVar[dict[str, str]] = {}
    """Options, each with the whole number that it means where none follows."""
    REFUSED: ClassVar[dict[str, str]] = {}
    """Options that other programs have and this one does not, each with the reason."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line in the spelling that Typer takes."""
        return super().parse_args(ctx, self._spelled(args))

    def _spelled(self, words: Sequence[str]) -> list[str]:
        spelled, names = list[str](), True
        for word, following in zip(words, [*words[1:], ""], strict=True):
            names = names and word != "--"
            if names and word.startswith("--"):
                name, equals, value = word.partition("=")
                name = name.replace("_", "-")
                if name in self.REFUSED:
                    raise SettingsError(f"There is no {name}: {self.REFUSED[name]}.", "Leave it out.")
                word = name + equals + value
            spelled.append(word)
            if names and word in self.USUAL and not following.isdecimal():
                spelled.append(self.USUAL[word])
        return spelled


def spelling(refused: Mapping[str, str] | None = None, **usual: int) -> type[Spelling]:
    """The class of a command in which some options stand for a value where none follows, and some are refused."""
    named = {f"--{name}": str(value) for name, value in usual.items()}
    return type("Spelled", (Spelling,), {"USUAL": named, "REFUSED": dict(refused or {})})
