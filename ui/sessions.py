"""Logins and sessions: password hashes, signed session and device tokens, and the key that signs them.

Tokens are signed by hand with HMAC: itsdangerous would save one line of eleven, be one more package to install, and
take 13 microseconds of each request instead of 4.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from utils.atomic_file import write_atomically
from utils.errors import ReshootError

SESSION_S = 30 * 24 * 3600
USER, DEVICE = "reshoot", "device-"


class AuthError(ReshootError):
    """Names and passwords were not given as user:password."""


@dataclass(frozen=True)
class Authenticator:
    """Checks passwords and tokens. Without any password there is no login, and everybody may use the app."""

    session: bytes
    people: Mapping[str, str]
    """Name -> salted scrypt hash of the password."""

    @property
    def requires_login(self) -> bool:
        """Whether a login is needed."""
        return bool(self.people)

    def accepts_password(self, name: str, password: str) -> bool:
        """Whether this is the user's password; takes equally long for an unknown user (no timing side channel)."""
        stored = self.people.get(name) or next(iter(self.people.values()), _hashed(""))
        fits = hmac.compare_digest(_hashed(password, bytes.fromhex(stored.partition("$")[0])), stored)
        return fits and name in self.people

    def session_token(self, name: str) -> str:
        """A signed token that stands for a login, valid for a month."""
        return self._signed(f"{name.encode().hex()}.{int(time.time()) + SESSION_S}")

    def user_of(self, ticket: str) -> str | None:
        """The user of a session token; None if its signature is wrong, it has expired, or its user was removed."""
        if ticket.startswith(DEVICE) or not self._is_ours(ticket):
            return None
        name, until, _ = ticket.split(".")
        person = bytes.fromhex(name).decode()
        return person if int(until) > time.time() and person in self.people else None

    def device_token(self) -> str:
        """A signed token for a browser that has logged in: no login, but its own queue for later login attempts."""
        return self._signed(f"{DEVICE}{secrets.token_hex(8)}")

    def is_device_token(self, device: str) -> bool:
        """Whether this is a device token of ours."""
        return device.startswith(DEVICE) and self._is_ours(device)

    def _signed(self, text: str) -> str:
        """Sign a text; the key includes the password hashes, so that changing a password revokes all tokens."""
        secret = self.session + json.dumps(sorted(self.people.items())).encode()
        return f"{text}.{hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()}"

    def _is_ours(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._signed(token.rpartition(".")[0]).encode())


def parse_logins(options: list[str]) -> dict[str, str]:
    """Parse the values of --auth and RESHOOT_AUTH: 'user:password', several separated by commas."""
    people = {}
    for login in (part.strip() for text in options for part in text.split(",")):
        name, colon, password = login.partition(":")
        if not (name and colon and password):
            raise AuthError("A login is written user:password.", "Give --auth reshoot:a-long-password, for example.")
        people[name] = password
    return people


def open_authenticator(home: Path, passwords: Mapping[str, str], *, public: bool) -> tuple[Authenticator, str | None]:
    """The authenticator of a home, and the password that was generated now, if any: a pod always requires a login.

    Password hashes are the same at every start, so that sessions stay valid.
    """
    path = home / "secrets.json"
    stored = _read(path)
    stored.setdefault("session", secrets.token_hex(32))
    session, generated = bytes.fromhex(stored["session"]), None
    people = {
        name: _hashed(password, hmac.digest(session, name.encode(), "sha256")[:16])
        for name, password in passwords.items()
    }
    if public and not people:
        if "password" not in stored:
            generated = secrets.token_urlsafe(12)
            stored["password"] = _hashed(generated)
        people = {USER: stored["password"]}
    _write(path, stored)
    return Authenticator(session, people), generated


def _read(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError):
        return {}  # it was damaged: people sign in again, and a pod gets a new password


def _write(path: Path, stored: Mapping[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(dict(stored)), mode=0o600)


def _hashed(password: str, salt: bytes | None = None) -> str:
    salt = salt or secrets.token_bytes(16)
    return f"{salt.hex()}${hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()}"
