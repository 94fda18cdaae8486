"""Transcripts as JSON: of Whisper and faster-whisper, of WhisperX, of OpenAI's service, of whisper.cpp, and our own.

What is read is loose, as these programs write it: segments with times, with or without words; WhisperX leaves the times
of some words out (numbers, above all), which then lie evenly between their neighbours.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from utils.speech.words import Transcript

RawWord = tuple[int | None, int | None, str, float | None]
RawSegment = tuple[int, int, str, tuple[RawWord, ...]]


def read_segments(data: Any) -> tuple[str | None, list[RawSegment]] | None:
    """The language and the segments of a JSON value; None if it has none of the known forms."""
    found = data.get("transcription", data.get("segments")) if isinstance(data, dict) else data
    if not isinstance(found, list):
        return None
    try:
        segments = [_segment(each) for each in found]
        _share_out(segments, data.get("words") if isinstance(data, dict) else None)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
    language = data.get("language") if isinstance(data, dict) else None
    if isinstance(data, dict) and isinstance(data.get("result"), dict):
        language = data["result"].get("language", language)
    return (language if isinstance(language, str) and language else None), segments


def as_whisper(transcript: Transcript) -> dict[str, Any]:
    """A transcript in the form of Whisper's own JSON."""
    segments = [
        {
            "id": number,
            "start": cue.start_ms / 1000,
            "end": cue.end_ms / 1000,
            "text": f" {cue.text}",
            "words": [
                {
                    "word": f" {word.text}",
                    "start": word.start_ms / 1000,
                    "end": word.end_ms / 1000,
                    **({} if word.probability is None else {"probability": word.probability}),
                }
                for word in cue.words
            ],
        }
        for number, cue in enumerate(transcript.cues)
    ]
    return {"text": transcript.text.replace("\n", " "), "segments": segments, "language": transcript.language}


def _segment(each: Mapping[str, Any]) -> RawSegment:
    text = " ".join(str(each["text"]).split())
    if "offsets" in each:
        return int(each["offsets"]["from"]), int(each["offsets"]["to"]), text, ()
    start_ms, end_ms = _ms(each["start"]), _ms(each["end"])
    if start_ms is None or end_ms is None:
        raise ValueError("a segment without times")
    return start_ms, end_ms, text, tuple(_word(word) for word in each.get("words") or ())


def _word(each: Mapping[str, Any]) -> RawWord:
    sure = each.get("probability", each.get("score"))
    text = str(each.get("word", each.get("text", ""))).strip()
    return _ms(each.get("start")), _ms(each.get("end")), text, _share(sure)


def _share_out(segments: list[RawSegment], words: Any) -> None:
    """Words that stand beside the segments, as in the answers of OpenAI's service, go to the one that holds them."""
    if not isinstance(words, list) or any(segment[3] for segment in segments):
        return
    left = [_word(each) for each in words]
    for index, (start_ms, end_ms, text, _) in enumerate(segments):
        last = index == len(segments) - 1
        own = [word for word in left if word[0] is not None and (word[0] < end_ms or last)]
        left = left[len(own) :]
        segments[index] = (start_ms, end_ms, text, tuple(own))


def timed(words: Sequence[RawWord], start_ms: int, end_ms: int) -> list[tuple[int, int, str, float | None]]:
    """Words that all have times: runs without any share the gap between their neighbours evenly."""
    result = list[tuple[int, int, str, float | None]]()
    index = 0
    while index < len(words):
        first, last, text, sure = words[index]
        if first is not None and last is not None:
            result.append((first, last, text, sure))
            index += 1
            continue
        stop = next((at for at in range(index, len(words)) if words[at][0] is not None), len(words))
        stop = max(stop, index + 1)
        begin = result[-1][1] if result else start_ms
        until = words[stop][0] if stop < len(words) else None
        length = max(0, (end_ms if until is None else until) - begin)
        count = stop - index
        for number in range(count):
            at = begin + length * number // count
            result.append((at, begin + length * (number + 1) // count, words[index + number][2], None))
        index = stop
    return result


def _share(value: Any) -> float | None:
    """How sure a program was, from 0 to 1; None for what is no such number."""
    number = None if value is None else float(value)
    return number if number is not None and 0 <= number <= 1 else None


def _ms(seconds: Any) -> int | None:
    return None if seconds is None else round(float(seconds) * 1000)
