"""Location of a shared cache: `s3://bucket/prefix`, or a folder.

Endpoint, region, path style and credentials come from the environment alone, under the names that AWS gave them.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from utils.errors import StoreError
from utils.store.shared.trouble import ObjectError

if TYPE_CHECKING:
    from obstore.store import LocalStore, S3Store

SIGNING = (
    "AWS_ACCESS_KEY_ID", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SKIP_SIGNATURE",
)  # fmt: skip
"""One of these says how to sign requests. Without any, obstore would ask the network of Amazon's machines."""
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
RETRIES = 2


def check_location(text: str) -> str:
    """A location in its plain form; StoreError when it is none."""
    text = text.strip()
    parts = urlsplit(text)
    if parts.scheme == "s3" and parts.netloc and not ({*"@:"} & {*parts.netloc} or parts.query or parts.fragment):
        return f"s3://{parts.netloc}/{parts.path.strip('/')}".rstrip("/")
    if text and "://" not in text:
        return str(Path(text).expanduser().absolute())
    raise StoreError(
        "What --shared or RESHOOT_SHARED says is no place for a shared cache.",
        "Give s3://BUCKET/PREFIX or a folder; credentials and the endpoint stay in the environment (AWS_ENDPOINT_URL).",
    )


def open_location(location: str, answer_s: float) -> "S3Store | LocalStore":
    """The library's store for a location; a small request ends within `answer_s`, retries included."""
    return _bucket(location, answer_s) if location.startswith("s3://") else _folder(location)


def _bucket(location: str, answer_s: float) -> "S3Store":
    """A bucket. Nothing is asked that only some servers can: no conditional writes, one object deleted at a time."""
    from obstore.store import S3Store

    if not any(os.environ.get(name) for name in SIGNING):
        remedy = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL where it is not Amazon's."
        raise ObjectError("cannot be used without credentials", remedy, lasting=True)
    endpoint = next(filter(None, map(os.environ.get, ENDPOINTS)), "")
    parts = urlsplit(location)
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        config={"disable_bulk_delete": True},
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=answer_s / 2),
        },
        retry_config={
            "max_retries": RETRIES,
            "retry_timeout": timedelta(seconds=answer_s),
            "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=1), "base": 2},
        },
    )


def _folder(location: str) -> "LocalStore":
    """A folder, which is not created: where a disk is not mounted, the one below it must not be filled."""
    from obstore.store import LocalStore

    if not Path(location).is_dir():
        raise ObjectError("is not there", "Create the folder, or mount the disk that it lies on.")
    return LocalStore(location)
