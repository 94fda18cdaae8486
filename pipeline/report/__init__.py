"""Reporting: measures the result, and draws the report page from the numbers."""
