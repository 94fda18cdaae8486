"""Writers, readers and those who tidy, all at once, in a cache too small for them."""

from pathlib import Path

from tests.store_child import finish, start
from utils.store import Store


def test_nobody_disturbs_anybody(tmp_path: Path) -> None:
    writers = [start("churn", tmp_path, seed, 120) for seed in range(3)]
    tidiers = [start("tidy", tmp_path, 40) for _ in range(2)]
    assert [finish(child) for child in writers] == ["0 wrong"] * 3
    assert [finish(child) for child in tidiers] == ["0 problems"] * 2

    store = Store(tmp_path, limit_bytes=60_000)
    assert not any((tmp_path / "work").iterdir()) and not any((tmp_path / "locks").iterdir())
    assert not any((tmp_path / "quarantine").iterdir())
    assert store.stats().bytes <= 60_000
    counted = store.stats().stages["counted"].figures
    assert counted.hits + counted.misses == 360, "every answer was counted, by whichever process"
