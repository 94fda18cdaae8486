"""Worth: which results are worth sharing. One is when moving it takes less time than computing it again.

    moving_s = 2 requests x 0.1 s + bytes / 10 MB/s        worth it: seconds to compute >= 2 x moving_s

10 MB/s is what a rented machine or a good line at home moves to a bucket far away. Twice, because a result is moved two
times, up and down, for one time that it is not computed again; where many homes use it, the more is gained. So each
megabyte must stand for 0.2 s of computing, and the smallest result for 0.4 s; a copy of a clip that is encoded faster
than it is sent stays at home, an analysis, a matte or a window of a model does not.
"""

from dataclasses import dataclass

from utils.store.manifest import Manifest
from utils.store.usage_stats import Figures

DOUBTFUL = 10
"""A kind of result is asked for unless it was far from worth it so far, since clips differ in size."""
KNOWN_RESULTS = 3
"""After so many a kind of result is known."""


@dataclass(frozen=True)
class Worth:
    """What moving is taken to cost, and how many times as long computing must take."""

    request_s: float = 0.1
    bytes_per_s: float = 10e6
    times: float = 2.0

    def moving_s(self, bytes: int) -> float:
        """How long fetching or offering takes: the manifest, and the bytes."""
        return 2 * self.request_s + bytes / self.bytes_per_s

    def sharing(self, manifest: Manifest) -> bool:
        """Whether a result should be offered, and fetched where it is not."""
        return manifest.seconds >= self.times * self.moving_s(manifest.bytes)

    def asking(self, figures: Figures) -> bool:
        """Whether to ask for a result of a stage at all, from what this home has computed of it."""
        if figures.misses < KNOWN_RESULTS:
            return True
        seconds, bytes = figures.computed_s / figures.misses, figures.made_bytes // figures.misses
        return DOUBTFUL * seconds >= self.times * self.moving_s(bytes)


EVERYTHING = Worth(times=0.0)
"""For work that several machines share, which has to come out alike on all of them: the cheap results too."""
