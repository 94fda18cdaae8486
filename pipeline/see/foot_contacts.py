"""Footing: when the source's feet stand, where, and the subject's joints smoothed without blurring a step."""

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from pipeline.see.analysis import Seen
from pipeline.stage import Stage, Work
from utils.feet.contacts import Contact, ContactRule, find_contacts
from utils.media.timebase import Span
from utils.people.pose import HEELS, TOES, Poses
from utils.people.remove_outliers import without_strays
from utils.people.smoothing import smoothed
from utils.store import Entry

_JOINTS = {("left", "heel"): HEELS[0], ("right", "heel"): HEELS[1], ("left", "toe"): TOES[0], ("right", "toe"): TOES[1]}


@dataclass(frozen=True)
class Footing:
    """Contacts and smoothed joints, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def contacts(self) -> tuple[Contact, ...]:
        """Every stretch in which a heel or a toe stands still."""
        return tuple(
            Contact(each["foot"], each["part"], Span(each["start"], each["stop"]), tuple(each["anchor"]))
            for each in json.loads(self.entry.read_bytes("contacts.json"))
        )

    @cached_property
    def poses(self) -> Poses:
        """In px of the frame."""
        joints = np.array(self.entry.load_array("poses.npy"))
        return Poses(joints[:, :, :2], joints[:, :, 2], np.isfinite(joints[:, :, 0]).any(axis=1))


def _find(work: Work) -> None:
    seen: Seen = work.inputs["seen"]
    rule = ContactRule(
        plant_leg_per_s=work.chosen["foot_lock.plant_leg_per_s"], lift_leg_per_s=work.chosen["foot_lock.lift_leg_per_s"]
    )
    found = without_strays(seen.poses, seen.camera.times_s())
    contacts = find_contacts(found, seen.camera, rule)
    edges: dict[int, list[int]] = defaultdict(list)
    for contact in contacts:
        edges[_JOINTS[contact.foot, contact.part]] += [contact.span.start, contact.span.stop]
    poses = smoothed(found, seen.camera.times_s(), seen.camera.breaks, edges)
    np.save(work.folder / "poses.npy", np.concatenate([poses.keypoints, poses.confidence[:, :, None]], 2))
    (work.folder / "contacts.json").write_text(json.dumps([_told(contact) for contact in contacts]))


def _told(contact: Contact) -> dict[str, object]:
    plain = asdict(contact)
    del plain["span"]
    return {**plain, "start": contact.span.start, "stop": contact.span.stop}


FOOTING = Stage(
    "footing",
    version=4,
    run=_find,
    settings=("foot_lock.plant_leg_per_s", "foot_lock.lift_leg_per_s"),
    tools=("numpy", "scipy"),
)
