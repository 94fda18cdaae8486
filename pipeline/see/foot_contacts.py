"""Foot contacts: the stretches in which a heel or toe of the source stands still on the ground, as a cached stage."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property

from pipeline.see.analysis import Analysis
from pipeline.see.ground import Ground
from pipeline.stage import Stage, Work
from utils.feet.contacts import Contact, ContactRule, find_contacts
from utils.media.timebase import Span
from utils.store import Entry


@dataclass(frozen=True)
class FootContacts:
    """The contacts of a clip, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def all(self) -> tuple[Contact, ...]:
        """All contacts, in the order in which they were found."""
        return tuple(
            Contact(each["foot"], each["part"], Span(each["start"], each["stop"]), tuple(each["anchor"]))
            for each in json.loads(self.entry.read_bytes("contacts.json"))
        )


def _find(work: Work) -> None:
    analysis: Analysis = work.inputs["analysis"]
    ground: Ground = work.inputs["ground"]
    rule = ContactRule(work.settings["foot_lock.plant_leg_per_s"], work.settings["foot_lock.lift_leg_per_s"])
    contacts = find_contacts(analysis.sure_poses, ground.path, rule)
    (work.folder / "contacts.json").write_text(json.dumps([_to_json(contact) for contact in contacts]))


def _to_json(contact: Contact) -> dict[str, object]:
    values = asdict(contact)
    del values["span"]
    return {**values, "start": contact.span.start, "stop": contact.span.stop}


CONTACTS = Stage(
    "contacts",
    version=2,
    run=_find,
    settings=("foot_lock.plant_leg_per_s", "foot_lock.lift_leg_per_s"),
    tools=("numpy", "scipy"),
)
