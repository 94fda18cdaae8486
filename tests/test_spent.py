"""What a run took: sums over its stages, and the words for them."""

import subprocess
import sys

from pipeline.result.spent import Spent, machine_figures, machine_sentence
from pipeline.types import Done
from utils.graphics_card import CardUse
from utils.project import PROJECT_ROOT


def test_what_was_found_counts_with_the_time_that_it_had_once_taken() -> None:
    done = (
        Done("film", 2.0, False, 900, 1.9),
        Done("film", 0.02, True, 1000, 4.0),
        Done("sound", 0.01, True, 500, 1.5),
    )
    spent = Spent.of(iter(done))
    assert spent.figures() == {"computed_s": 2.0, "found_s": 0.03, "saved_s": 5.5, "saved_bytes": 1500}
    assert spent.sentence == "computed in 2.0 s, found in 0.03 s what had taken 5.5 s (1.5 kB)"
    assert Spent.of(done[:1]).sentence == "computed in 2.0 s"
    assert Spent.of(()).figures() == {"computed_s": 0, "found_s": 0, "saved_s": 0, "saved_bytes": 0}


def test_the_machine_in_words() -> None:
    used = machine_figures(812.34, CardUse("NVIDIA A40", 0.4567, 20_480.4, 46_068, 9))
    assert used == {"peak_rss_mb": 812.3, "card": {"name": "NVIDIA A40", "busy": 0.457, "peak_mb": 20_480}}
    assert machine_sentence(used) == "812 MB of memory; NVIDIA A40 46% busy, 20,480 MB"
    assert machine_sentence(machine_figures(1234.0, None)) == "1,234 MB of memory; no graphics card"


def test_the_peak_of_memory_begins_anew_with_each_job() -> None:
    code = """from utils.process_resources import forget_peak, peak_mb
held = bytearray(b"1") * 200_000_000; high = peak_mb(); del held
forget_peak(); low = peak_mb(); held = bytearray(b"1") * 50_000_000; print(high, low, peak_mb())"""
    told = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    high, low, after = map(float, told.stdout.split())
    assert high - low > 150 and 40 < after - low < 100
