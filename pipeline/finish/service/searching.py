"""Searching a service of b-roll: asked once a day for the same words; what is wrong with it is said in one sentence."""

import json
import time
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from urllib.parse import urlencode

from pipeline.finish.service.service import KEY, Client, Offer, ServiceError, Wanted
from pipeline.run import Run
from pipeline.stage import Stage, Work
from utils.address.question import Question, Reply, answered
from utils.digest import canonical_json, digest_bytes
from utils.errors import AddressError
from utils.untrusted_json import UntrustedJson, read_object

DAY_S, FACTS = 24 * 3600, "offers.json"
TOO_MANY = 429


@dataclass(frozen=True)
class Search:
    """A search; its digest says where and for what, but not by which key."""

    client: Client
    wanted: Wanted

    @cached_property
    def digest(self) -> str:
        """Digest of the service, its address and what is looked for."""
        client = self.client
        return digest_bytes(canonical_json([client.service.name, client.address.whole, self.wanted.told()]))


def offers_for(search: Search, run: Run) -> tuple[Offer, ...]:
    """What is offered, the best first; what was answered holds for a day. ServiceError says why there is no answer."""
    today = int(time.time()) // DAY_S
    before = {"day": str(today - 1)}
    if SEARCH.known(run.context, models=before, search=search):
        told = json.loads(run.take(SEARCH, before, search=search).read_bytes(FACTS))
        if time.time() - told["at_s"] < DAY_S:
            return _read(told)
    return _read(json.loads(run.take(SEARCH, {"day": str(today)}, search=search).read_bytes(FACTS)))


def _read(told: dict[str, list[dict[str, str]]]) -> tuple[Offer, ...]:
    return tuple(Offer(**each) for each in told["offers"])  # type: ignore[arg-type]


def _search(work: Work) -> None:
    search: Search = work.inputs["search"]
    client, service = search.client, search.client.service
    address = replace(client.address, query=urlencode(service.query(search.wanted)))
    asked_s = time.time()
    try:
        reply = answered(Question(address, service.headers(client.key), client.patience_s), work.cancel)
        offers = service.offers(_understood(reply, service.title), search.wanted)
    except AddressError as error:
        raise ServiceError(f"{service.title} cannot be asked: {error.problem}", error.remedy) from error
    facts = {"at_s": asked_s, "offers": [asdict(each) for each in offers]}
    (work.folder / FACTS).write_text(json.dumps(facts))


def _understood(reply: Reply, title: str) -> dict[str, object]:
    """The JSON of an answer."""
    if reply.status in (401, 403):
        raise ServiceError(f"{title} does not accept the key ({reply.status}).", f"Set {KEY} to one of its keys.")
    if reply.status == TOO_MANY:
        wait = f" in {reply.retry_after_s:.0f} s" if reply.retry_after_s else " later"
        raise ServiceError(f"{title} was asked too often ({TOO_MANY}).", f"Try it again{wait}.")
    if reply.status != 200:
        raise ServiceError(f"{title} answered {reply.status} and no clips.", "Try it again later.")
    try:
        return read_object(reply.body)
    except UntrustedJson as error:
        raise ServiceError(f"What {title} answered cannot be read: {error}.", "Look at its address.") from error


SEARCH = Stage("broll search", version=1, run=_search)
