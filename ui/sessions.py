"""What the app must keep secret and remember: the key of its sessions, and the password it made for a pod.

It signs by hand: itsdangerous would save one line of eleven, be one more package to install, and take 13 microseconds
of each request instead of 4.
"""

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from utils.disk import sync
from utils.errors import ReshootError

SESSION_S = 30 * 24 * 3600
USER, DEVICE = "reshoot", "device-"


class AuthError(ReshootError):
    """Names and passwords were given in a way that cannot be used."""


@dataclass(frozen=True)
class Keys:
    """The key that signs sessions, and who may come in; nobody is asked when there is no password."""

    session: bytes
    people: Mapping[str, str]
    """Name -> salted hash of the password."""

    @property
    def ask(self) -> bool:
        """Whether people must say who they are."""
        return bool(self.people)

    def admits(self, name: str, password: str) -> bool:
        """Whether this is somebody's password; takes as long for a name that nobody has."""
        kept = self.people.get(name) or next(iter(self.people.values()), _hashed(""))
        fits = hmac.compare_digest(_hashed(password, bytes.fromhex(kept.partition("$")[0])), kept)
        return fits and name in self.people

    def ticket(self, name: str) -> str:
        """What a browser shows instead of a password for the next month."""
        return self._signed(f"{name.encode().hex()}.{int(time.time()) + SESSION_S}")

    def reads(self, ticket: str) -> str | None:
        """Whose ticket it is; None when it is no ticket of ours, has run out, or its person is gone."""
        if ticket.startswith(DEVICE) or not self._is_ours(ticket):
            return None
        name, until, _ = ticket.split(".")
        person = bytes.fromhex(name).decode()
        return person if int(until) > time.time() and person in self.people else None

    def device(self) -> str:
        """What a browser shows for ever that has signed in here: it lets nobody in, but into a line of its own."""
        return self._signed(f"{DEVICE}{secrets.token_hex(8)}")

    def knows(self, device: str) -> bool:
        """Whether this was given to a browser after it signed in."""
        return device.startswith(DEVICE) and self._is_ours(device)

    def _signed(self, text: str) -> str:
        """A changed password makes everything worthless that was signed before."""
        secret = self.session + json.dumps(sorted(self.people.items())).encode()
        return f"{text}.{hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()}"

    def _is_ours(self, said: str) -> bool:
        return hmac.compare_digest(said.encode(), self._signed(said.rpartition(".")[0]).encode())


def read_people(said: list[str]) -> dict[str, str]:
    """What --auth and RESHOOT_AUTH say: 'user:password', several with commas between them."""
    people = {}
    for each in (part.strip() for text in said for part in text.split(",")):
        name, colon, password = each.partition(":")
        if not (name and colon and password):
            raise AuthError("A login is written user:password.", "Give --auth reshoot:a-long-password, for example.")
        people[name] = password
    return people


def open_keys(home: Path, passwords: Mapping[str, str], *, public: bool) -> tuple[Keys, str | None]:
    """The keys of a home, and the password that was made just now, if one was: on a pod nobody is let in without.

    Hashes come out the same at every start, so that whoever is signed in stays so.
    """
    path = home / "secrets.json"
    kept = _read(path)
    kept.setdefault("session", secrets.token_hex(32))
    session, made = bytes.fromhex(kept["session"]), None
    people = {
        name: _hashed(each, hmac.digest(session, name.encode(), "sha256")[:16]) for name, each in passwords.items()
    }
    if public and not people:
        if "password" not in kept:
            made = secrets.token_urlsafe(12)
            kept["password"] = _hashed(made)
        people = {USER: kept["password"]}
    _write(path, kept)
    return Keys(session, people), made


def _read(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError):
        return {}  # it was damaged: people sign in again, and a pod gets a new password


def _write(path: Path, kept: Mapping[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(dict(kept), file)
    sync(part)
    part.replace(path)


def _hashed(password: str, salt: bytes | None = None) -> str:
    salt = salt or secrets.token_bytes(16)
    return f"{salt.hex()}${hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()}"
