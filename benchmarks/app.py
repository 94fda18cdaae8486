"""python -m benchmarks.app: response times and memory of the app, with a real server and real pages in Chromium."""

import argparse
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.worker import resident_mb
from tests.journeys import filmed
from tests.studios import App, app
from utils.walker import Shot

QUEUED, PAGES, WATCHED_S = 50, 10, 20.0
"""Jobs in the queue, pages that are open at once, and for how long they are watched."""
CHUNK_BYTES = 8 << 20
"""The size of an upload's chunks."""


def main() -> None:
    """Measure start, page load, submission, delay of changes, many open pages, and a large upload."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--upload-gib", type=float, default=2.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        start = time.monotonic()
        with app(Path(folder, "home"), "--no-worker") as studio:
            print(f"first answer after the start    {time.monotonic() - start:6.2f} s")
            browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
            clip = studio.upload(filmed(Path(folder), Shot(size=(320, 180), frames=30)))
            _page(browser, studio)
            jobs = _submit(studio, clip)
            _lag(browser, studio, jobs)
            _crowd(browser, studio)
            _large(studio, options.upload_gib)
            browser.close()


def _page(browser: Browser, studio: App) -> None:
    """The time until the page's form can be used."""
    seconds = []
    for _ in range(6):
        page = browser.new_page()
        start = time.monotonic()
        page.goto(studio.url)
        page.get_by_role("button", name="Restyle", exact=True).click(trial=True)
        seconds.append(time.monotonic() - start)
        page.close()
    print(f"page can be used after          {median(seconds[1:]):6.2f} s (first {seconds[0]:.2f})")


def _submit(studio: App, clip: str) -> list[str]:
    """The time to submit a job; returns the jobs."""
    order = {"clips": [clip], "preset": "fast", "settings": {}}
    jobs: list[str] = []
    seconds = [_timed(lambda: jobs.extend(studio.ask("/studio/jobs", order)["jobs"])) for _ in range(QUEUED)]
    print(f"submit                          {_times(seconds)}")
    return jobs


def _lag(browser: Browser, studio: App, jobs: list[str]) -> None:
    """The delay from a change in the ledger until an open page shows it."""
    page = _jobs_page(browser, studio)
    card = page.locator(f"reshoot-jobs [data-key='{jobs[0]}']")
    seconds = []
    for _ in range(10):
        for act, word in (("pause", "paused"), ("resume", "in line")):
            studio.ask(f"/studio/jobs/{jobs[0]}/{act}", {"sure": True})
            start = time.monotonic()
            card.get_by_text(word, exact=False).first.wait_for()
            seconds.append(time.monotonic() - start)
    page.close()
    print(f"an open page shows a change     {_times(seconds)}")


def _crowd(browser: Browser, studio: App) -> None:
    """Response times and memory of the server while many pages are open."""
    pages = [_jobs_page(browser, studio) for _ in range(PAGES)]
    seconds: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.05):
            seconds.append(_timed(lambda: studio.ask("/studio/jobs")))

    thread = threading.Thread(target=ask)
    thread.start()
    pages[0].wait_for_timeout(WATCHED_S * 1000)
    over.set()
    thread.join()
    assert studio.process
    held = resident_mb(studio.process.pid)
    print(f"{QUEUED} jobs, {PAGES} open pages         {_times(seconds)}, server {held:.0f} MB")
    for page in pages:
        page.close()


def _large(studio: App, gib: float) -> None:
    """Throughput and the server's memory during a large upload in chunks, as the page does it."""
    assert studio.process
    size, chunk = int(gib * (1 << 30)), np.random.default_rng(0).bytes(CHUNK_BYTES)
    before, peak = resident_mb(studio.process.pid), 0.0
    start = time.monotonic()
    upload = studio.ask("/studio/uploads", {"name": "large.mp4", "bytes": size, "modified": 0})["id"]
    for at in range(0, size, CHUNK_BYTES):
        studio.send(f"/studio/uploads/{upload}?from={at}", chunk[: size - at])
        peak = max(peak, resident_mb(studio.process.pid))
    print(f"{gib:g} GiB upload                    {size / (time.monotonic() - start) / 1e6:6.0f} MB/s,", end="")
    print(f" server {before:.0f} MB before, {peak:.0f} MB at most")


def _jobs_page(browser: Browser, studio: App) -> Page:
    page = browser.new_page()
    page.goto(f"{studio.url}/#jobs")
    page.locator("reshoot-jobs [data-key]").first.wait_for()
    return page


def _timed(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def _times(seconds: list[float]) -> str:
    """Median and 95th percentile in words."""
    middle, most = np.percentile(seconds, (50, 95)) * 1000
    return f"{middle:6.0f} ms, 95 % under {most:.0f} ms ({len(seconds)} times)"


if __name__ == "__main__":
    main()
