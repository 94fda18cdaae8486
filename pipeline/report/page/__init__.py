"""The report page: one HTML file that shows the result of a run and its numbers."""

from pipeline.report.page.document import page

__all__ = ["page"]
