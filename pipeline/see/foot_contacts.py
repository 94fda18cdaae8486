"""Foot contacts: when each heel and toe of the source stands still on the ground, and where."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property

from pipeline.see.analysis import Analysis
from pipeline.stage import Stage, Work
from utils.feet.contacts import Contact, ContactRule, find_contacts
from utils.media.timebase import Span
from utils.people.smoothing import remove_outliers
from utils.store import Entry


@dataclass(frozen=True)
class FootContacts:
    """Every stretch in which a heel or a toe stands still, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def all(self) -> tuple[Contact, ...]:
        """In the order in which they were found."""
        return tuple(
            Contact(each["foot"], each["part"], Span(each["start"], each["stop"]), tuple(each["anchor"]))
            for each in json.loads(self.entry.read_bytes("contacts.json"))
        )


def _find(work: Work) -> None:
    seen: Analysis = work.inputs["analysis"]
    rule = ContactRule(work.settings["foot_lock.plant_leg_per_s"], work.settings["foot_lock.lift_leg_per_s"])
    found = find_contacts(remove_outliers(seen.poses, seen.camera.times_s()), seen.camera, rule)
    (work.folder / "contacts.json").write_text(json.dumps([_told(contact) for contact in found]))


def _told(contact: Contact) -> dict[str, object]:
    plain = asdict(contact)
    del plain["span"]
    return {**plain, "start": contact.span.start, "stop": contact.span.stop}


CONTACTS = Stage(
    "contacts",
    version=1,
    run=_find,
    settings=("foot_lock.plant_leg_per_s", "foot_lock.lift_leg_per_s"),
    tools=("numpy", "scipy"),
)
