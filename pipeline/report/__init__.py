"""Reporting: the numbers of a result, and the page that shows them."""
