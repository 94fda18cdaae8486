"""python -m pipeline align: finds where and when a foreground belongs over a background, and lays it there."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.fetching import local_file
from pipeline.commands.options import Shared
from pipeline.commands.running import check_mp4, check_place, check_report, running

if TYPE_CHECKING:
    from pipeline.align.drafts import Draft
    from pipeline.align.sound_check import SoundCheck
    from pipeline.align.story import Aligned
    from pipeline.stage import RunContext

REFUSED, DRIFTS = 3, 4
"""Exit codes: the clips do not belong together; some frames are off by more than the drift that is tolerated."""
MOST_LISTED, BLEND_PX = 5, 8
BACKGROUND = "pair.background"
PLACES = ("precise", "auto", "scale", "fixed")


ELSEWHERE = {
    "--gpu": "comparing frames, which a graphics card could take over, is a tenth of what an alignment takes",
}
"""Options that programs like this one have, and why this one has them not."""

Background = Annotated[str, typer.Argument(metavar="BG", help="The background: a file or an http(s) address.")]
Foreground = Annotated[str, typer.Argument(metavar="FG", help="The foreground that belongs over it.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="The composed clip to write, an .mp4.")]
MapFile = Annotated[Path | None, typer.Option("--map", help="Where to write the time of each frame, a .json.")]
MatchSpace = Annotated[
    str,
    typer.Option(
        "--match-space",
        help="precise finds the placement together with the times; auto finds it in a few frames and refines it only "
        "where it is off; scale finds place and scale in a few frames, without a turn, and refines nothing; fixed "
        "takes --x, --y and --scale.",
    ),
]
MaxKeyframes = Annotated[
    int,
    typer.Option(
        "--max-keyframes",
        min=5,
        help="In how many frames of each clip the placement is looked for; in all where these do not show it clearly. "
        "Times are found in all frames.",
    ),
]
X = Annotated[float | None, typer.Option("--x", help="The foreground's left edge in the background, in px.")]
Y = Annotated[float | None, typer.Option("--y", help="The foreground's upper edge in the background, in px.")]
Scale = Annotated[float | None, typer.Option("--scale", help="Px of the background for one of the foreground.")]
Skip = Annotated[
    bool, typer.Option("--skip-spatial-align", help="The same as --match-space fixed at 0, 0 in full size.")
]
Quality = Annotated[
    str,
    typer.Option("--matching-quality", help="fast, balanced or precise: larger pictures and more rounds find more."),
]
MatchTime = Annotated[
    str, typer.Option("--match-time", help="full compares the whole picture; border only so much along its edges.")
]
Border = Annotated[int, typer.Option("--border", min=2, max=512, help="How many px --match-time border compares.")]
AnyOrder = Annotated[
    bool, typer.Option("--allow-reorder", help="Stretches may come in another order than in the background.")
]
Anchors = Annotated[
    list[str] | None,
    typer.Option("--anchor", metavar="FG:BG", help="A frame held near a frame of the background; may be repeated."),
]
Progressive = Annotated[
    bool,
    typer.Option(
        "--progressive",
        help="Tell how fine the map is as it gets finer: from keyframes, every fourth frame, every frame, and to a "
        "part of one. The last one is the same as without this option.",
    ),
]
Method = Annotated[
    str,
    typer.Option("--temporal-align", help="dtw and viterbi are two names of the one method that there is."),
]
Tolerance = Annotated[
    float, typer.Option("--drift-tolerance", min=0, help="How many ms a frame may be off, its uncertainty included.")
]
Window = Annotated[
    int, typer.Option("--window", min=5, max=1000, help="Over how many frames a steady run is measured, for drift.")
]
TrimIt = Annotated[
    bool,
    typer.Option(
        "--trim/--no-trim",
        help="Write from the first frame that is found to the last one; or all of the background, in its times.",
    ),
]
Blend = Annotated[
    int,
    typer.Option(
        "--blend", min=0, max=256, help=f"Width of the foreground's soft edge, in px; {BLEND_PX} if no number follows."
    ),
]
Behind = Annotated[
    str, typer.Option("--behind", help="Frames of the background: nearest, or blended from the two around a moment.")
]
SoundOf = Annotated[
    str,
    typer.Option("--sound", help="Whose sound is heard: auto, foreground, background or none; auto goes by --trim."),
]
Report = Annotated[
    Path | None, typer.Option("--report", metavar="DIR", help="Where to write a page for people who check the result.")
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Say what each stage took, too.")]
CacheDir = Annotated[
    Path | None,
    typer.Option("--home", "--cache-dir", help="Where results are cached; RESHOOT_HOME or ~/.reshoot otherwise."),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="GROUP.KEY=VALUE", help="A setting of space, match, laid, trim or encode."),
]


def align(
    background: Background,
    foreground: Foreground,
    out: Out = None,
    map: MapFile = None,
    match_space: MatchSpace = "precise",
    max_keyframes: MaxKeyframes = 200,
    x: X = None,
    y: Y = None,
    scale: Scale = None,
    skip_spatial_align: Skip = False,
    match_time: MatchTime = "full",
    border: Border = 8,
    matching_quality: Quality = "balanced",
    allow_reorder: AnyOrder = False,
    anchor: Anchors = None,
    progressive: Progressive = False,
    temporal_align: Method = "viterbi",
    drift_tolerance: Tolerance = 16.67,
    window: Window = 30,
    trim: TrimIt = True,
    blend: Blend = 0,
    behind: Behind = "nearest",
    sound: SoundOf = "auto",
    report: Report = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    assignments: Assignments = None,
    home: CacheDir = None,
    verbose: Verbose = False,
    shared: Shared = None,
) -> None:
    """Find where and when a foreground belongs over a background, to a part of a frame, and lay it there.

    The exit code is 3 for clips that do not belong together, and 4 where frames are off by more than --drift-tolerance.
    """
    from pipeline.align.settings import AlignSettings
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    place = _place(match_space, x, y, scale, skip=skip_spatial_align) | {"space.max_keyframes": max_keyframes}
    matching = _matching(match_time, border, matching_quality, temporal_align, anchor or [], reorder=allow_reorder)
    shown = {"match.shown": "progressive"} if progressive else {}
    said = {**place, **matching, **shown, **_laid(blend, behind, sound, trim=trim), **_assigned(assignments or [])}
    settings = AlignSettings.load("", said)
    _check_places((Path(background), Path(foreground)), out, map, report)
    made = _made((background, foreground), settings.flat(), home, out, report, window)
    _tell_stages(made, shown=verbose and not as_json)
    if _finished(made, map, window, drift_tolerance, as_json=as_json):
        raise typer.Exit(DRIFTS)


def _check_places(clips: tuple[Path, Path], out: Path | None, file: Path | None, report: Path | None) -> None:
    """Raise an error if something cannot be written where it is asked for, or would replace a clip of the pair."""
    if out is not None:
        check_mp4(out, clips)
    if file is not None:
        for clip in clips:
            check_place(clip, file)
    if report is not None:
        check_report(report)


def _made(
    given: tuple[str, str],
    settings: dict[str, Any],
    home: Path | None,
    out: Path | None,
    report: Path | None,
    window: int,
) -> "Aligned":
    """Align both clips and write what is asked for; a refusal ends the command in a sentence."""
    from pipeline.align.pair import open_pair
    from pipeline.align.story import align_clips
    from utils.align.placing import Refusal

    files = [local_file(each, home) for each in given]
    try:
        with running(None, settings, home) as context:
            background, foreground = open_pair(files[0], files[1], context)
            made = align_clips(background, foreground, context, composed=out is not None, told=_tell_draft)
            _write(made, out, report, window, context)
    except Refusal as refusal:
        typer.echo(f"{refusal.problem}\n{refusal.remedy}", err=True)
        raise typer.Exit(REFUSED) from None
    return made


def _finished(made: "Aligned", file: Path | None, window: int, tolerance_ms: float, *, as_json: bool) -> bool:
    """Write the map and print what was found; whether frames may be off by more than the tolerance."""
    from pipeline.align.drift import Drift
    from utils.atomic_file import explained, write_atomically

    heard = {"sound": made.sound.document()} if made.sound else {}
    document = made.map.document(made.background, made.foreground) | heard
    if file is not None:
        with explained(file):
            write_atomically(file, json.dumps(document, indent=1))
    off = Drift.of(made.map, made.background, window).beyond(tolerance_ms / 1000)
    told = {name: value for name, value in document.items() if name != "frames"}
    _tell(told | {"seconds": round(made.seconds, 2), "off": off}, made.sound, tolerance_ms, as_json=as_json)
    return bool(off)


def _write(made: "Aligned", out: Path | None, report: Path | None, window: int, context: "RunContext") -> None:
    """Write the composed clip and the report, as far as they are asked for."""
    from pipeline.align.report.page import AlignReport
    from pipeline.result.document import copy_clip
    from pipeline.run import Run

    if out is not None:
        copy_clip(made.path, out)
    if report is not None:
        AlignReport.of(made.background, made.foreground, made.map, Run(context).take, window).write(report)


def _tell_draft(draft: "Draft") -> None:
    """Print how fine the map is by now, beside what a program reads."""
    typer.echo(f"  {draft.seconds:.2f} s  {draft.sentence}", err=True)


def _tell_stages(made: "Aligned", *, shown: bool) -> None:
    """Print what each stage took."""
    for done in made.done if shown else ():
        typer.echo(f"  {done.name}: {done.seconds:.2f} s{', from the cache' if done.hit else ''}")


def _tell(told: dict[str, Any], sound: "SoundCheck | None", tolerance_ms: float, *, as_json: bool) -> None:
    """Print what was found."""
    if as_json:
        return typer.echo(json.dumps(told))
    place, off = told["placement"], told["off"]
    where = f"placed at ({place['x_px']:.2f}, {place['y_px']:.2f}) x{place['scale']:.4f}"
    where += f", turned by {place['turn_degrees']:.2f}°" if place["turn_degrees"] else ""
    typer.echo(f"{where}, likeness {told['likeness']:.3f}; {told['seconds']:.1f} s")
    typer.echo("  frames: " + ", ".join(f"{count} {label}" for label, count in told["labels"].items()))
    for remark in told["remarks"]:
        typer.echo(f"  {remark}")
    if sound:
        typer.echo(f"  {sound.sentence}")
    if off:
        typer.echo(
            f"  {len(off)} frame{'s' * (len(off) > 1)} may be off by more than {tolerance_ms:g} ms: {_listed(off)}"
        )
    return None


def _assigned(assignments: list[str]) -> dict[str, object]:
    """The settings of `--set`; a background is an argument of this command."""
    from pipeline.align.settings import AlignSettings
    from pipeline.settings import read_assignments
    from utils.errors import SettingsError

    said = read_assignments(assignments, AlignSettings)
    if BACKGROUND in said:
        raise SettingsError(f"{BACKGROUND} is what a job takes.", "Give the background first: align BG FG.")
    return dict(said)


def _matching(
    time: str, border_px: int, quality: str, method: str, anchors: list[str], *, reorder: bool
) -> dict[str, object]:
    """The settings of how times are found; one method stands behind two names."""
    from utils.errors import SettingsError

    if method not in ("dtw", "viterbi"):
        raise SettingsError(f"--temporal-align {method!r:.40} is unknown.", "There are dtw and viterbi, which are one.")
    for option, value, known in (
        ("--match-time", time, ("full", "border")),
        ("--matching-quality", quality, ("fast", "balanced", "precise")),
    ):
        if value not in known:
            raise SettingsError(f"{option} {value!r:.40} is unknown.", f"Choose {', '.join(known)}.")
    held = {"match.anchors": ", ".join(anchors)} if anchors else {}
    order = {"match.order": "any"} if reorder else {}
    return {"match.time": time, "match.border_px": border_px, "match.quality": quality, **held, **order}


def _place(match: str, x: float | None, y: float | None, scale: float | None, *, skip: bool) -> dict[str, object]:
    """The settings of the placement; what contradicts itself is refused."""
    from utils.errors import SettingsError

    given = {"space.x_px": x, "space.y_px": y, "space.scale": scale}
    said = {name: value for name, value in given.items() if value is not None}
    if match not in PLACES:
        raise SettingsError(f"--match-space {match!r:.40} is unknown.", f"Choose {', '.join(PLACES)}.")
    if skip and said:
        raise SettingsError("--skip-spatial-align means 0, 0 in full size.", "Leave it out, or --x, --y and --scale.")
    if said and match != "fixed":
        raise SettingsError("--x, --y and --scale are a placement that is given.", "Add --match-space fixed.")
    return {"space.match": "fixed" if skip else match, **said}


def _laid(blend: int, behind: str, sound: str, *, trim: bool) -> dict[str, object]:
    """The settings of the composed clip."""
    length = "matched" if trim else "whole"
    return {"laid.length": length, "laid.blend_px": blend, "laid.behind": behind, "laid.sound": sound}


def _listed(frames: list[int]) -> str:
    shown = ", ".join(map(str, frames[:MOST_LISTED]))
    return f"{shown} and {len(frames) - MOST_LISTED} more" if len(frames) > MOST_LISTED else shown
