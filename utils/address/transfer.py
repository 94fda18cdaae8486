"""Fetches a file into an upload: goes on where the line broke, within limits on size, time, silence and tries.

What has arrived is gone on with only where the server knows that content by a strong ETag or a time of change; a server
that sends everything again is heard from the start.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from utils.address.address import Address
from utils.address.answer import KEPT, Answer, Interrupted, asked
from utils.address.checked import Gate
from utils.errors import AddressError
from utils.uploads import Upload, Uploads

COMMIT_BYTES = 8 << 20
"""What is written before it counts; of a fetch that is killed no more is lost."""
STEP_BYTES = 64 << 20
"""Room that is reserved at a time for a file whose length its server does not say."""


@dataclass(frozen=True)
class Limits:
    """What a fetch may take."""

    total_s: float = 2 * 3600.0
    silence_s: float = 30.0
    tries: int = 4
    """In a row, without a byte of progress."""
    tries_in_all: int = 20
    longest_rest_s: float = 30.0


USUAL = Limits()


class Transfer:
    """The fetch of one address into one upload. `heard` is told the bytes that are here, and how many there will be."""

    def __init__(
        self, address: Address, upload: str, uploads: Uploads, gate: Gate, heard: Callable[[int, int | None], None],
        limits: Limits = USUAL, rest: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self._address, self._upload, self._uploads, self._gate = address, upload, uploads, gate
        self._heard, self._limits, self._rest = heard, limits, rest
        self._until = time.monotonic() + limits.total_s

    def run(self) -> None:
        """Fetch all of it; AddressError says why that cannot be, and an UploadError that it is too large."""
        failed = 0
        for tried in range(1, self._limits.tries_in_all + 1):
            before = self._state.have
            try:
                return self._try()
            except Interrupted as broken:
                told = broken.told
                failed = 0 if self._state.have > before else failed + 1
                if failed >= self._limits.tries or tried == self._limits.tries_in_all:
                    break
                self._check_time()
                self._rest(min(max(broken.after_s, 0.5 * 2**failed), self._limits.longest_rest_s))
        raise told

    @property
    def _state(self) -> Upload:
        return self._uploads.get(self._upload)

    def _try(self) -> None:
        """Ask once for what is missing, and receive it."""
        state = self._state
        with asked(self._address, _condition(state), self._gate, self._limits.silence_s) as answer:
            if answer.status == 304 and state.digest:
                return
            if answer.status in (304, 416):
                return self._done_or_again(answer, state)
            answer.refuse_page()
            if answer.total == 0:
                raise AddressError("The file at this address is empty.", "Check it, or ask for a new one.")
            length = answer.total or self._room_after(answer.start)
            if answer.status == 200:
                self._uploads.restart(self._upload, length, answer.validator)
            elif answer.start == state.have and not state.digest and answer.validator in ("", state.validator):
                self._uploads.announce(self._upload, length)
            else:
                return self._done_or_again(answer, state)
            self._receive(answer)

    def _done_or_again(self, answer: Answer, state: Upload) -> None:
        """The server has nothing behind what is here: that is all of it, or it is another file, and begun again."""
        if answer.status == 416 and not state.digest and 0 < state.have == answer.total:
            return self._uploads.announce(self._upload, state.have)
        self._uploads.restart(self._upload, 1, "")
        problem = f"{self._address.host} sent another part of the file than it was asked for."
        raise Interrupted(AddressError(problem, "Download the file and give that."))

    def _receive(self, answer: Answer) -> None:
        """Write what comes; whatever breaks, what was written counts."""
        have = answer.start
        writer = self._uploads.chunk_writer(self._upload, have)
        try:
            for piece in answer.pieces():
                self._check_time()
                if have == 0:
                    answer.refuse_page(piece)
                have += len(piece)
                if answer.total is None and have > self._state.bytes:
                    self._uploads.announce(self._upload, self._room_after(have))
                writer.write(piece)
                if have - writer.have >= COMMIT_BYTES:
                    writer.commit()
                    self._uploads.announce(self._upload, self._state.bytes)  # is there still room for the rest?
                self._heard(have, answer.total)
        except BaseException:
            writer.abandon()
            raise
        writer.commit()
        if answer.total is None:
            self._uploads.announce(self._upload, have)
        elif have < answer.total:
            problem = f"Only {have} of {answer.total} bytes came from {self._address.host}."
            raise Interrupted(AddressError(problem, f"Try it again; {KEPT}"))

    def _room_after(self, have: int) -> int:
        """The length that is announced where a server does not say it: a step more, as far as that is allowed."""
        return max(have, min(have + STEP_BYTES, self._uploads.most_bytes))

    def _check_time(self) -> None:
        if time.monotonic() > self._until:
            raise AddressError(
                f"The file was still on its way after {self._limits.total_s / 60:.0f} minutes.",
                f"Try it again on a faster line; {KEPT}",
            )


def _condition(state: Upload) -> dict[str, str]:
    """The headers that ask for what is not here: for what is new, or for the rest."""
    if not state.validator:
        return {}
    if state.digest:
        return {"If-None-Match" if state.validator.startswith('"') else "If-Modified-Since": state.validator}
    return {"Range": f"bytes={state.have}-", "If-Range": state.validator} if state.have else {}
