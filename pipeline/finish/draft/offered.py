"""B-roll of a service for a draft: for keywords of what stands out that the folder has nothing for."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.finish.draft.mentions import LEAST_S, Mention, broll_at, is_free, mentions, stem
from pipeline.finish.film.plan import Broll, Cut
from pipeline.finish.known.story import Known
from pipeline.finish.service.fetching import CREDITS, FOLDER, OfferedFile, laid_beside
from pipeline.finish.service.searching import Search, offers_for
from pipeline.finish.service.service import Client, Offer, ServiceError, Wanted
from pipeline.run import Run
from utils.errors import Cancelled, ReshootError

MOST_SEARCHES, MOST_TRIED = 6, 2
"""How many words a service is asked for, and how many clips are tried for one."""


@dataclass(frozen=True)
class Offered:
    """A service that is asked for a draft; what is wrong with it is a remark, and the draft is made without it."""

    client: Client
    folder: Path
    """Where the plan will lie."""
    run: Run
    remarks: list[str]

    def chosen(
        self, known: Known, cuts: Sequence[Cut], taken: Sequence[Broll], covered: Collection[str]
    ) -> tuple[Broll, ...]:
        """B-roll beside what is taken already, for words that `covered` lacks."""
        more, asked, wrong = list[Broll](), list[str](), ""
        try:
            for mention in _highlighted(known, covered):
                if len(asked) == MOST_SEARCHES:
                    break
                if mention.word in asked or not is_free(mention, known, cuts, [each.at_s for each in (*taken, *more)]):
                    continue
                asked.append(mention.word)
                more += self._found(mention, known)
        except ServiceError as error:
            wrong = f"{error.problem} {error.remedy} The plan is made without "
            self.remarks.append(wrong + ("more b-roll of it." if more else "b-roll of it."))
        if more or (asked and not wrong):
            words, host = ", ".join(map(repr, asked)), self.client.address.host
            found = f"{len(more)} found; {FOLDER}/{CREDITS} names who made them" if more else "none found"
            title = self.client.service.title
            self.remarks.append(f"{title} was asked for clips of {words}, which were sent to {host}: {found}.")
        return tuple(more)

    def _found(self, mention: Mention, known: Known) -> Iterator[Broll]:
        """The first clip for a word that can be used."""
        wanted = Wanted(mention.word, known.clip.size, known.transcript.language or "")
        offers = offers_for(Search(self.client, wanted), self.run)
        for offer in [each for each in offers if each.seconds >= LEAST_S][:MOST_TRIED]:
            if (path := self._laid(offer, mention.word)) is not None:
                yield broll_at(mention, known, str(path.relative_to(self.folder)), offer.seconds)
                return

    def _laid(self, offer: Offer, word: str) -> Path | None:
        try:
            return laid_beside(self.folder, word, OfferedFile(self.client, offer), self.run)
        except Cancelled:
            raise
        except ReshootError as error:
            self.remarks.append(f"{offer.name} of {offer.service} is no b-roll: {error.problem}")
            return None


def _highlighted(known: Known, covered: Collection[str]) -> Iterator[Mention]:
    """The keywords of cues that stand out, the best first."""
    shown = set(known.contents.highlights) if known.contents else set()
    spans = [(cue.start_ms / 1000, cue.end_ms / 1000) for at, cue in enumerate(known.transcript.cues) if at in shown]
    for mention in sorted(mentions(known), key=lambda each: each.rank, reverse=True):
        is_keyword, _ = mention.rank
        inside = any(start_s <= mention.at_s < end_s for start_s, end_s in spans)
        if is_keyword and inside and stem(mention.word) not in covered:
            yield mention
