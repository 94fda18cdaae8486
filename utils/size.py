"""The size of a picture. Loads nothing, so that what must start quickly can speak of sizes too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Size(NamedTuple):
    """The size of a picture, in square pixels."""

    width_px: int
    height_px: int

    @classmethod
    def of(cls, picture: NDArray[Any]) -> Size:
        """The size of a picture, H x W or H x W x channels."""
        return cls(picture.shape[1], picture.shape[0])

    @property
    def area_px(self) -> int:
        """How many pixels."""
        return self.width_px * self.height_px

    @property
    def even(self) -> Size:
        """The size rounded up to even numbers, as 4:2:0 needs."""
        return Size(self.width_px + self.width_px % 2, self.height_px + self.height_px % 2)

    def scaled(self, scale: float, least_px: int = 1) -> Size:
        """The size times a scale, rounded; no side is shorter than `least_px`."""
        return Size(*(max(least_px, round(scale * side_px)) for side_px in self))

    def __str__(self) -> str:
        return f"{self.width_px}x{self.height_px}"
