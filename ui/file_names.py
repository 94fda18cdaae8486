"""Names of files that browsers save: valid on every system, and nothing in them that could deceive."""

import re
from urllib.parse import quote

UNFIT = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069]+')
"""Characters that some system forbids in file names, or that change how a name is displayed (bidi controls)."""
LONGEST_NAME = 80


def attachment(name: str) -> str:
    """A `Content-Disposition` value: an ASCII name for old programs, and the exact name (RFC 5987) for others."""
    simple = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)
    return f"attachment; filename=\"{simple}\"; filename*=UTF-8''{quote(name, safe='')}"


def stem(title: str) -> str:
    """A title as the start of a file name that is valid on every system."""
    name = UNFIT.sub("-", re.sub(r"\.[A-Za-z0-9]{1,5}$", "", plain(title)))[:LONGEST_NAME].strip(" .-")
    return name or "clip"


def plain(title: str) -> str:
    """The title without lone surrogates, which file names may contain and JSON responses cannot."""
    return title.encode(errors="ignore").decode()
