"""What is said to whoever paints: the README.txt beside the frames to paint."""

import shlex

README = "README.txt"
WORDS = """\
These are frames of {clip}, to be painted.

Paint over each picture, in any program: with brushes, as a collage, or with an image generator. Paint in the same
manner in all of them; the clip between them is made from what you painted.
{part}
You may save them as PNG or JPEG, at another size, cropped a little, with or without transparency. Keep what lies
where: the outlines of the person and of large things should stay where they are, for they tell which frame it is. A
picture that keeps no outline has to keep its name and its size. A frame that you leave as it is does not count; every
shot needs at least one that is painted. {table} says why each was chosen and which frames are made from it.

Then drop the pictures on the frames in the app, or give the folder back:

    python -m pipeline generate {clip} -o painted.mp4 --engine keyframe --keys {folder}

Painting one picture again makes only the frames around it again.
"""
PARTS = {
    "person": "Only the person counts, which is what the pictures show; all around them is transparent.",
    "background": "Only what is around the person counts; the person is made transparent.",
    "both": "The whole picture counts.",
}


def words(clip: str, folder: str, apply_to: str, table: str) -> str:
    """The text for a clip, and a folder of frames of it beside a table of them."""
    return WORDS.format(clip=shlex.quote(clip), folder=shlex.quote(folder), part=PARTS[apply_to], table=table)
