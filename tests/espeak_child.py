"""espeak-ng says one text, in a process of its own, because what it says depends on what it said before.

python -m tests.espeak_child VOICE WORDS_A_MINUTE TEXT
To stdout: a line of JSON with the words and the sample that each begins at, then the samples, 16 bits each.
"""

import ctypes
import json
import sys
from typing import Any

import espeakng_loader

RATE_HZ = 22_050
WORD = 1


class Name(ctypes.Union):
    """What an event is about."""

    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("text", ctypes.c_char * 8)]


class Event(ctypes.Structure):
    """As espeak-ng's header has it."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", Name),
    ]


Heard = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))


def main(voice: str, words_a_minute: int, text: str) -> None:
    """Say it."""
    pieces, words = list[bytes](), list[tuple[str, int]]()

    def hear(samples: Any, count: int, events: Any) -> int:
        index = 0
        while events[index].type:
            event = events[index]
            if event.type == WORD:
                words.append((text[event.text_position - 1 : event.text_position - 1 + event.length], event.sample))
            index += 1
        if samples and count:
            pieces.append(ctypes.string_at(samples, 2 * count))
        return 0

    library, callback, said = ctypes.CDLL(espeakng_loader.get_library_path()), Heard(hear), text.encode("ascii")
    assert library.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0) == RATE_HZ
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetVoiceByName(voice.encode())
    library.espeak_SetParameter(1, words_a_minute, 0)
    library.espeak_Synth(said, len(said) + 1, 0, 1, 0, 1, None, None)
    sys.stdout.buffer.write(json.dumps(words).encode() + b"\n" + b"".join(pieces))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
