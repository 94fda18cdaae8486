"""Asks the hub what a checkpoint consists of: commit, files, sizes and checksums. Nothing is downloaded here.

The only files of this room that load `huggingface_hub` are this one and `download.py`, and only when they are called.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pipeline.models.family import GB, Checkpoint, is_checksum, is_pickle, stays_inside
from pipeline.models.lock_file import LockFile
from pipeline.models.places import Places
from pipeline.models.registry import Model
from utils.errors import ModelError

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

MOST_FILE_BYTES = 50 * GB
"""The hub gives larger files out only through a protocol of its own."""
ASK_S = 20.0


@dataclass(frozen=True)
class OfferedFile:
    """One file that would be fetched; `checksum` is its SHA-256, or for small files git's SHA-1."""

    path: str
    bytes: int
    checksum: str
    url: str


@dataclass(frozen=True)
class Offer:
    """What a fetch would bring, as the hub says; what consent is asked for."""

    model: Model
    commit: str
    files: tuple[OfferedFile, ...]

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def page(self) -> str:
        """The page where the files can be looked at."""
        repository = self.model.checkpoint.repository
        return f"{_endpoint()}/{repository}/tree/{self.commit}" if repository else self.model.checkpoint.source


def ask(model: Model, places: Places, *, newer: bool = False, commit: str | None = None) -> Offer:
    """Ask what a fetch would bring: of a commit, else of the one that was fetched before unless `newer` is wanted."""
    model.check_allowed()
    lock = LockFile.read(places.fetched(model.checkpoint).lock)
    with explained(model):
        if model.checkpoint.repository is None:
            return _single_file(model)
        revision = commit or (lock.commit if lock and not newer else model.checkpoint.revision)
        return _offer(model, _info(model.checkpoint.repository, revision))


def token() -> str | bool:
    """The token of the environment; False, so that none is sent, if there is none."""
    return os.environ.get("HF_TOKEN") or False


def prepare() -> None:
    """Quieten the hub's library before it is loaded: nothing about this machine is sent, and bars and logs are ours."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    from huggingface_hub.utils.logging import set_verbosity
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    set_verbosity(logging.CRITICAL)


@contextmanager
def explained(model: Model) -> Iterator[None]:
    """Turn what goes wrong between us and the hub into sentences."""
    prepare()
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    source = model.checkpoint.source
    if constants.is_offline_mode():
        raise ModelError("HF_HUB_OFFLINE is set, so nothing is fetched.", "Unset it, or bring the files by hand.")
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise ModelError("The network is switched off, so nothing is fetched.", "Unset HF_HUB_OFFLINE.") from error
    except HfHubHTTPError as error:
        raise _refusal(model, error.response.status_code, type(error).__name__) from None
    except httpx2.HTTPError as error:
        raise ModelError(
            f"{source} could not be reached, or the line broke ({type(error).__name__}).",
            "Look at the network, then run it again; what has arrived is kept.",
        ) from None


def _refusal(model: Model, status: int, kind: str) -> ModelError:
    """What a status of the hub means for its user."""
    source, page = model.checkpoint.source, f"{_endpoint()}/{model.checkpoint.repository}"
    if model.checkpoint.repository and (status in (401, 403) or kind == "GatedRepoError"):
        return ModelError(
            f"The hub does not give {source} to you ({status}).",
            f"Accept its licence on {page}, and set HF_TOKEN to a token of yours that may read it.",
        )
    if status == 404 or kind in ("RepositoryNotFoundError", "RevisionNotFoundError"):
        return ModelError(
            f"There is no {source}, or not this version of it ({status}).", "`--newer` asks for the latest version."
        )
    return ModelError(f"{source} answered {status}.", "Try again later; what has arrived is kept.")


def _info(repository: str, revision: str) -> ModelInfo:
    from huggingface_hub import HfApi

    return HfApi(token=token()).model_info(repository, revision=revision, files_metadata=True)


def _offer(model: Model, info: ModelInfo) -> Offer:
    """The files that the patterns of a checkpoint choose; each pattern must choose one."""
    siblings = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    patterns = model.checkpoint.patterns
    for pattern in patterns:
        if not any(fnmatchcase(path, pattern) for path in siblings):
            raise ModelError(
                f"{model.checkpoint.repository} has no file {pattern!r} any more.",
                "The repository has changed: update Reshoot, or write a model file of your own.",
            )
    chosen = [path for path in sorted(siblings) if any(fnmatchcase(path, pattern) for pattern in patterns)]
    commit = str(info.sha)
    if not is_checksum(commit):
        raise ModelError(f"The hub names no commit of {model.checkpoint.repository}.", "Try again later.")
    return Offer(model, commit, tuple(_file(model.checkpoint, siblings[path], commit) for path in chosen))


def _file(checkpoint: Checkpoint, sibling: RepoSibling, commit: str) -> OfferedFile:
    """A file of a repository, if it may be fetched."""
    from huggingface_hub import hf_hub_url

    path, checksum = sibling.rfilename, sibling.lfs.sha256 if sibling.lfs else sibling.blob_id
    if is_pickle(path) and path not in checkpoint.no_pickles:
        raise ModelError(
            f"{path} of {checkpoint.repository} is a pickle, which may run code when it is loaded.",
            "Name the .safetensors files of the repository in its model file, or convert it on a machine of your own.",
        )
    named = checksum is not None and is_checksum(checksum) and stays_inside(path)
    if sibling.size is None or sibling.size > MOST_FILE_BYTES or checksum is None or not named:
        raise ModelError(f"What the hub says of {path!r:.80} cannot be used.", "Bring the files by hand.")
    return OfferedFile(path, sibling.size, checksum, hf_hub_url(checkpoint.repository or "", path, revision=commit))


def _single_file(model: Model) -> Offer:
    """The one file of an address; its server says the size, and the registry the checksum."""
    from huggingface_hub import get_session

    url, sha256 = model.checkpoint.url or "", model.checkpoint.sha256 or ""
    answer = get_session().head(url, headers={"Accept-Encoding": "identity"}, timeout=ASK_S)
    size = answer.headers.get("Content-Length", "")
    if answer.status_code >= 400 or not size.isdigit():
        raise _refusal(model, answer.status_code, "")
    return Offer(model, sha256, (OfferedFile(model.checkpoint.patterns[0], int(size), sha256, url),))


def _endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT)
