"""What the benchmark of pods says of the bytes through a bucket: which were needed, and which were not."""

import warnings

from tests.buckets import Proxy


def test_bytes_are_needed_once_up_and_once_down_for_each_home() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders of the desktop, which servers lack
        from benchmarks.pods import Traffic
    first, second, third = (Proxy("") for _ in range(3))
    first.moved += [
        ("PUT", "/b/x/blobs/clip", "", 100),
        ("PUT", "/b/x/blobs/nobody", "", 30),
        ("PUT", "/b/x/blobs/for-later", "", 50),
        ("PUT", "/b/x/blobs/parts?partNumber=1", "", 6),
        ("PUT", "/b/x/blobs/parts?partNumber=2", "", 4),
        ("PUT", "/b/x/manifests/clip", "", 7),
        ("GET", "/b/x/blobs/window", "bytes=0-4", 5),
        ("GET", "/b/x/blobs/window", "bytes=5-9", 5),
    ]
    second.moved += [
        ("GET", "/b/x/blobs/clip", "", 100),
        ("GET", "/b/x/blobs/clip", "", 100),
        ("GET", "/b/x/blobs/parts", "", 10),
        ("PUT", "/b/x/blobs/window", "", 10),
    ]
    third.moved += [("GET", "/b/x/blobs/clip", "", 100), ("PUT", "/b/x/blobs/window", "", 10)]
    traffic = Traffic.of([first, second, third], {"for-later", "clip"})
    clip, parts, window = 100 + 100 + 100, 10 + 10, 10 + 10
    assert traffic == Traffic(needed=clip + parts + window, nobody=30, later=50, again=100 + 10, beside=7)
    assert traffic.ratio == (traffic.needed + 30 + 110 + 7) / traffic.needed
