"""The transcript as a language model corrects it, where one is named; what was understood is kept beside it."""

import json
import os
from dataclasses import dataclass
from functools import cached_property

from pipeline.run import Run
from pipeline.stage import Stage, Work
from pipeline.types import Event
from utils.digest import canonical_json, digest_bytes
from utils.language_model import LanguageModel, Unanswered
from utils.speech.correcting import Correction, Outcome, correct
from utils.speech.words import Transcript

ADDRESS, KEY = "RESHOOT_LANGUAGE_MODEL", "RESHOOT_LANGUAGE_MODEL_KEY"
"""Variables of the environment. The address is no setting: an order must not choose where words are sent."""
FILE = "corrected.json"


@dataclass(frozen=True)
class Corrector:
    """A language model and what it is told; its digest says which it is, but not its key."""

    correction: Correction

    @cached_property
    def digest(self) -> str:
        """Digest of address and prompt."""
        return digest_bytes(canonical_json([self.correction.model.address, self.correction.prompt_digest]))


def corrector(run: Run, address: str | None = None) -> Corrector | None:
    """What corrects transcripts: at an address that is given, or that of the environment; None without one."""
    named = address or os.environ.get(ADDRESS)
    if not named:
        return None
    chosen = run.context.settings
    model = LanguageModel(
        named, chosen["correction.model"], os.environ.get(KEY, ""), float(chosen["correction.temperature"])
    )
    return Corrector(Correction(model, chosen["correction.most_changed"], chosen["correction.hint"]))


def corrected(run: Run, transcript: Transcript, by: Corrector | None) -> Transcript | None:
    """The corrected transcript; None where there is nothing to correct, or the model did not answer, which is noted."""
    if by is None or not transcript.cues:
        return None
    prompt = {"prompt": by.correction.prompt_digest, "address": by.correction.model.address}
    try:
        entry = run.take(CORRECTED, prompt, transcript=transcript, corrector=by)
    except Unanswered as error:
        said = f"The transcript is not corrected: {error.problem} {error.remedy}"
        run.events.append(Event(CORRECTED.name, said, "warning"))
        return None
    facts = json.loads(entry.read_bytes(FILE))
    run.events += [Event(CORRECTED.name, remark, "warning") for remark in facts["remarks"]]
    model, count = by.correction.model, facts["changed"]
    what = "1 word was" if count == 1 else f"{count} words were"
    sentence = f"{what} corrected by {model.model}, to which the transcript was sent at {model.address}."
    run.events.append(Event(CORRECTED.name, sentence))
    return Transcript.from_json(facts["transcript"])


def _correct(work: Work) -> None:
    transcript: Transcript = work.inputs["transcript"]
    by: Corrector = work.inputs["corrector"]
    for step in correct(transcript, by.correction, work.cancel):
        if isinstance(step, Outcome):
            facts = {"transcript": step.transcript.to_json(), "changed": step.changed, "remarks": step.remarks}
            (work.folder / FILE).write_text(json.dumps(facts))
        else:
            work.report(step, len(transcript.cues))


CORRECTED = Stage(
    "correction",
    version=1,
    run=_correct,
    settings=("correction.model", "correction.temperature", "correction.most_changed", "correction.hint"),
)
