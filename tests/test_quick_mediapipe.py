"""The import of MediaPipe's pose model without the packages that it does not need."""

import subprocess
import sys

from utils.project import PROJECT_ROOT

CODE = """
import sys
from utils.people.quick_mediapipe import Pose
assert Pose(model_complexity=1), "it loads its models"
print(sorted({name.partition(".")[0] for name in sys.modules} & {"matplotlib", "sounddevice"}))
import matplotlib.pyplot
assert matplotlib.pyplot.figure
"""


def test_it_brings_no_plots_and_leaves_them_to_whoever_imports_them() -> None:
    child = subprocess.run([sys.executable, "-c", CODE], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert (child.returncode, child.stdout.strip()) == (0, "[]"), child.stderr
