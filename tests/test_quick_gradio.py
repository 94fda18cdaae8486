"""The import of Gradio without the stub files that it writes for its components."""

import subprocess
import sys

from utils.project import PROJECT_ROOT

CODE = """
import inspect
from pathlib import Path
usual, read, text = inspect.getfile, [], Path.read_text
Path.read_text = lambda path, *more, **named: read.append(path.suffix) or text(path, *more, **named)
from ui.quick_gradio import gr
assert inspect.getfile is usual
assert inspect.getfile(gr.Blocks).endswith("blocks.py")
assert gr.Button("Go").click, "components have their events"
print(read.count(".pyi"))
"""


def test_the_import_touches_no_stub_file_and_leaves_everything_as_it_was() -> None:
    child = subprocess.run([sys.executable, "-c", CODE], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert (child.returncode, child.stdout.strip()) == (0, "0"), child.stderr
