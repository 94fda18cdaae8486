"""Periodic cleanup: deletes abandoned uploads, unused clips, pictures, strips and previews, at start and every hour."""

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from pipeline.library import given, strips
from pipeline.library.clips import Clips
from pipeline.library.films import Films
from pipeline.library.own_presets import OwnPresets
from ui.routes.looks import sweep
from ui.studio import Studio
from utils.errors import ReshootError
from utils.uploads import Uploads

log = logging.getLogger(__name__)

EVERY_S = 3600.0


def run_cleanup(studio: Studio, over: threading.Event) -> None:
    """Clean up every hour until `over` is set; errors are logged, and the next round tries again."""
    while True:
        try:
            Uploads(studio.home / "uploads", studio.most_upload_bytes).sweep()
            Clips(studio.home).sweep(lambda: _files_in_use(studio))
            given.sweep(studio.home, lambda: _files_in_use(studio))
            sweep(studio.home)
            strips.sweep(studio.home)
        except (OSError, ReshootError, SQLAlchemyError) as error:
            log.warning("What nobody needs any more could not be thrown away: %s", error)
        if over.wait(EVERY_S):
            return


def _files_in_use(studio: Studio) -> set[str]:
    """The clips and given files that jobs, saved presets or edited films need."""
    return studio.ledger.inputs_in_use() | OwnPresets(studio.home).pictures() | Films(studio.home).in_use()
