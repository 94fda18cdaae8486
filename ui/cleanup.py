"""The caretaker: throws away what nobody came back for, at the start and then every hour."""

import logging
import threading
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from pipeline.library import references
from pipeline.library.clips import Clips
from ui.routes.looks import sweep
from ui.studio import Studio
from utils.errors import ReshootError
from utils.uploads import Uploads

log = logging.getLogger(__name__)

EVERY_S = 3600.0
UPLOAD_S = 24 * 3600.0
"""A part of an upload that did not grow for so long is given up; clips and pictures without jobs stay a week, looks a
day."""


def sweeping(studio: Studio, over: threading.Event) -> None:
    """Until it is over."""
    while True:
        try:
            Uploads(studio.home / "uploads", studio.most_upload_bytes).sweep(UPLOAD_S)
            Clips(studio.home).sweep(lambda: {job.order.clip for job in studio.ledger.all()})
            references.sweep(studio.home, lambda: _pictures(studio))
            sweep(studio.home)
        except (OSError, ReshootError, SQLAlchemyError) as error:
            log.warning("What nobody needs any more could not be thrown away: %s", error)
        if over.wait(EVERY_S):
            return


def _pictures(studio: Studio) -> set[str]:
    """The digests of the reference pictures that jobs need; orders of former versions name them by path."""
    settings = [job.order.settings for job in studio.ledger.all()]
    return {Path(str(each[name])).stem for each in settings for name in references.PICTURES if each.get(name)}
