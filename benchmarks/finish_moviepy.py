"""The film of the benchmark as MoviePy's own examples build it; run by a Python that has it, with facts as JSON."""

import json
import math
import sys
from pathlib import Path
from typing import Any

from moviepy import (
    AudioFileClip,
    CompositeAudioClip,
    CompositeVideoClip,
    ImageClip,
    TextClip,
    VideoFileClip,
    afx,
    concatenate_videoclips,
    vfx,
)

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"


def main(facts: dict[str, Any]) -> None:
    """Cut, zoom, lay over, and write."""
    folder, cuts = Path(facts["folder"]), facts["cuts"]
    talk = VideoFileClip(str(folder / "talk.mp4"))
    parts, at = [], 0.0
    for start, stop in cuts:
        parts.append(talk.subclipped(at, start))
        at = stop
    parts.append(talk.subclipped(at, talk.duration))
    film = concatenate_videoclips(parts)
    zoomed = film.resized(lambda t: 1 + 0.04 * (1 - math.cos(2 * math.pi * t / 6))).with_position("center")
    begins = facts["at"] - sum(b - a for a, b in cuts if b <= facts["at"])
    fade = facts["fade"]
    roll = VideoFileClip(str(folder / "broll.mp4")).without_audio().subclipped(0, facts["seconds"])
    roll = roll.with_start(begins).with_effects([vfx.CrossFadeIn(fade), vfx.CrossFadeOut(fade)])
    logo = ImageClip(str(folder / "logo.png")).resized(width=166).with_position((1062, 29)).with_duration(film.duration)
    texts = [
        TextClip(font=FONT, text=text, font_size=36, color="white", stroke_color="black", stroke_width=3)
        .with_position(("center", 610)).with_start(start).with_duration(stop - start)
        for start, stop, text in facts["texts"]
    ]  # fmt: skip
    music = AudioFileClip(str(folder / "music.wav")).with_effects(
        [afx.AudioLoop(duration=film.duration), afx.MultiplyVolume(0.3)]
    )
    made = CompositeVideoClip([zoomed, roll, logo, *texts], size=tuple(facts["size"]))
    made = made.with_audio(CompositeAudioClip([film.audio, music])).with_duration(film.duration)
    made.write_videofile(
        facts["out"], codec="libx264", preset=facts["preset"], ffmpeg_params=["-crf", str(facts["crf"])],
        audio_codec="aac", threads=4, logger=None,
    )  # fmt: skip


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
