"""The page of a run: one file that shows what came out, and proves it."""

from pipeline.report.page.document import page

__all__ = ["page"]
