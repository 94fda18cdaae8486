"""Periodic cleanup: deletes abandoned uploads and unused clips, pictures and previews, at start and every hour."""

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
"""Age at which an upload that has stopped growing is deleted. Clips and pictures without jobs are kept for a week,
previews for a day."""


def run_cleanup(studio: Studio, over: threading.Event) -> None:
    """Clean up every hour until `over` is set; errors are logged, and the next round tries again."""
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
    """Digests of the reference pictures that jobs use; orders of earlier versions name pictures by path."""
    orders = [job.order.settings for job in studio.ledger.all()]
    return {Path(str(order[name])).stem for order in orders for name in references.PICTURES if order.get(name)}
