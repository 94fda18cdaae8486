"""How the options of a command may be spelled beyond what Typer takes."""

from collections.abc import Sequence
from typing import Any, ClassVar

from typer.core import TyperCommand


class Spelling(TyperCommand):
    """A command whose options may be written with underscores, and some of which stand for a usual value alone."""

    USUAL: ClassVar[dict[str, str]] = {}
    """Options, each with the whole number that it means where none follows."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line in the spelling that Typer takes."""
        return super().parse_args(ctx, self._spelled(args))

    def _spelled(self, words: Sequence[str]) -> list[str]:
        spelled, names = list[str](), True
        for word, following in zip(words, [*words[1:], ""], strict=True):
            names = names and word != "--"
            if names and word.startswith("--"):
                name, equals, value = word.partition("=")
                word = name.replace("_", "-") + equals + value
            spelled.append(word)
            if names and word in self.USUAL and not following.isdecimal():
                spelled.append(self.USUAL[word])
        return spelled


def with_usual(**values: int) -> type[Spelling]:
    """The class of a command in which these options stand for these values where none follows."""
    return type("Spelled", (Spelling,), {"USUAL": {f"--{name}": str(value) for name, value in values.items()}})
