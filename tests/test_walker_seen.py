"""MediaPipe's own model takes the walker for a person, and finds its joints where they are."""

import mediapipe
import numpy as np
import pytest

from utils.walker import Scene, Shot

pytestmark = pytest.mark.slow

FEET = {"ankles": (27, 28), "heels": (29, 30), "toes": (31, 32)}


@pytest.mark.parametrize(("size", "count"), [((1280, 720), 22), ((720, 1280), 12)])
def test_a_pose_model_finds_the_person(size: tuple[int, int], count: int) -> None:
    scene = Scene(Shot(size=size, frames=300))
    found: list[bool] = []
    overlap: list[float] = []
    apart: dict[str, list[float]] = {name: [] for name in FEET}
    with mediapipe.solutions.pose.Pose(static_image_mode=True, model_complexity=1, enable_segmentation=True) as model:
        for index in np.linspace(0, 285, count).astype(int):
            picture, truth = scene.frame(int(index))
            person = truth.matte > 127
            if np.isfinite(truth.keypoints[:, 0]).mean() < 0.8:
                continue
            seen = model.process(picture)
            found.append(seen.pose_landmarks is not None)
            if not found[-1]:
                continue
            guess = seen.segmentation_mask > 0.5
            overlap.append((guess & person).sum() / (guess | person).sum())
            rows = np.flatnonzero(person.any(1))
            marks = np.array([(mark.x, mark.y) for mark in seen.pose_landmarks.landmark]) * size - 0.5
            for name, pair in FEET.items():
                distance = np.linalg.norm(marks[list(pair)] - truth.keypoints[list(pair)], axis=1)
                apart[name] += list(distance / (rows[-1] - rows[0]))
    assert len(found) >= 0.75 * count and np.mean(found) >= 0.95
    assert np.median(overlap) >= 0.85
    for name, distances in apart.items():
        assert np.nanmedian(distances) < 0.04, name
