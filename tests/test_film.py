"""A film: the frames of its plan and no others, untouched pixels that stay, chunks that join without a seam."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.finish_zoom import measured
from tests.films import CLEAR, SIZE, clip, number_of, numbers
from utils.errors import UnreadableClip
from utils.film.fade import Fade
from utils.film.film import Film, Showing
from utils.film.following import Calm, followed
from utils.film.in_order import UNSEEN, InOrder
from utils.film.inset import Inset
from utils.film.stamp import Patch, Stamp
from utils.film.timeline import Timeline
from utils.film.zoom import Focus, Punch, Zoom
from utils.image import Box, Size
from utils.media.clip import Clip
from utils.media.colour import samples
from utils.media.intake import probe
from utils.media.joined import Piece, write_joined
from utils.media.planes import SITED, Plane
from utils.media.timebase import Span
from utils.media.video import ClipPlanes
from utils.media.write import ClipWriter, Shape

NTSC = Fraction(30000, 1001)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return clip(tmp_path_factory.mktemp("film") / "source.mp4", 400, NTSC)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return clip(tmp_path_factory.mktemp("film") / "other.mp4", 60, Fraction(25), size=Size(200, 200))


def film(source: Clip, *layers: object, cut: tuple[tuple[float, float], ...] = ()) -> Film:
    return Film(source, Timeline.without(source, cut), source.size, layers)  # type: ignore[arg-type]


def drawn(made: Film, *indices: int) -> list[list[Plane]]:
    """The planes of these frames."""
    showing = Showing(made)
    try:
        return [
            [samples(plane).copy() for plane in next(iter(showing.pictures(Span(i, i + 1)))).planes] for i in indices
        ]
    finally:
        showing.close()


def written(made: Film, path: Path, spans: list[Span]) -> Path:
    """The film, encoded in chunks and joined."""
    pieces, showing = [], Showing(made)
    for number, span in enumerate(spans):
        chunk = path.with_name(f"{path.stem}-{number}.mp4")
        with ClipWriter(chunk, Shape(made.size, made.rate, 1 / made.rate, made.colour), CLEAR) as writer:
            for index, picture in enumerate(showing.pictures(span)):
                writer.write(picture, index)
        pieces.append(Piece(chunk, len(span)))
    showing.close()
    write_joined(path, pieces, made.rate)
    return path


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), NTSC, Fraction(60)])
def test_the_film_has_exactly_the_frames_of_the_plan_at_exact_times(tmp_path: Path, rate: Fraction) -> None:
    made = clip(tmp_path / "a.mp4", 300, rate)
    cut = tuple((float((7 * k + 4) / rate), float((7 * k + 7) / rate)) for k in range(42))
    shown = film(made, cut=cut)
    path = written(shown, tmp_path / "film.mp4", shown.chunks())
    assert numbers(path) == list(shown.shown) == [k for k in range(300) if k % 7 < 4 or k >= 294]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        tick_s = Fraction(stream.time_base or 1)
        times = [frame.pts * tick_s for frame in container.decode(stream) if frame.pts is not None]
    assert times == [k / rate for k in range(len(shown))]


def test_400_cuts_of_a_real_file_leave_the_frames_of_the_plan(tmp_path: Path) -> None:
    rate = Fraction(24000, 1001)
    made = clip(tmp_path / "a.mp4", 2450, rate, size=Size(240, 40))
    shown = film(made, cut=tuple((float((6 * k + 4) / rate), float((6 * k + 6) / rate)) for k in range(400)))
    path = written(shown, tmp_path / "film.mp4", shown.chunks())
    assert len(shown.timeline.cuts) == 400
    assert numbers(path) == [k for k in range(2450) if k >= 2400 or k % 6 < 4]


@pytest.mark.parametrize("ending", ["ts", "mkv"])
def test_other_containers_give_the_same_film(source: Clip, tmp_path: Path, ending: str) -> None:
    """A transport stream begins long after 0; Matroska rounds to milliseconds."""
    path = tmp_path / f"same.{ending}"
    with av.open(str(source.path)) as container, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    same = film(probe(path), cut=((1, 2), (5, 5.5)))
    assert same.shown == film(source, cut=((1, 2), (5, 5.5))).shown
    assert numbers(written(same, tmp_path / "film.mp4", same.chunks())) == list(same.shown)


def test_a_clip_whose_edit_list_hides_its_beginning_is_cut_by_what_is_shown(tmp_path: Path) -> None:
    whole = clip(tmp_path / "whole.mp4", 300, Fraction(30))
    path = tmp_path / "hidden.mp4"
    with av.open(str(whole.path)) as container, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.dts is not None and packet.pts is not None:
                hidden = round(Fraction(40, 30) / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - hidden, packet.dts - hidden, stream
                output.mux(packet)
    made = probe(path)
    shown = film(made, cut=((1, 2),))
    found = numbers(written(shown, tmp_path / "film.mp4", shown.chunks()))
    first = numbers(written(film(made), tmp_path / "all.mp4", [Span(0, len(made))]))
    assert found == [*first[:30], *first[60:]] and len(first) == len(made)
    assert first == list(range(40, 300))


def test_of_a_variable_rate_each_moment_shows_what_had_begun(tmp_path: Path) -> None:
    steps = np.random.default_rng(4).choice([17, 33, 80, 150], 90)
    pts = [int(each) for each in np.concatenate([[0], np.cumsum(steps)[:-1]])]
    made = clip(tmp_path / "vfr.mp4", 90, Fraction(30), pts=pts)
    assert not made.constant_rate
    shown = film(made, cut=((0.5, 1.25),))
    path = written(shown, tmp_path / "film.mp4", [Span(0, len(shown))])
    assert numbers(path) == shown.timeline.shown(made)
    assert len(shown) > 90, "slow stretches show frames more than once"


def test_joined_chunks_equal_one_encoded_film_frame_for_frame(source: Clip, tmp_path: Path) -> None:
    made = film(source, Zoom(Span(0, 400), NTSC, 1.08), cut=((2, 4),))
    one = written(made, tmp_path / "one.mp4", [Span(0, len(made))])
    many = written(made, tmp_path / "many.mp4", [Span(0, 90), Span(90, 91), Span(91, 240), Span(240, len(made))])
    assert numbers(one) == numbers(many)
    with av.open(str(many)) as container:
        steps = {(packet.dts, packet.pts) for packet in container.demux(video=0) if packet.dts is not None}
    assert len({dts for dts, _ in steps}) == len(made)


def test_the_index_is_in_front_without_writing_twice(source: Clip, tmp_path: Path) -> None:
    path = written(film(source), tmp_path / "film.mp4", [Span(k, k + 8) for k in range(0, 400, 8)])
    content = path.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_a_chunk_that_lacks_frames_is_refused(source: Clip, tmp_path: Path) -> None:
    made = film(source)
    written(made, tmp_path / "film.mp4", [Span(0, 20), Span(20, 40)])
    pieces = [Piece(tmp_path / "film-0.mp4", 20), Piece(tmp_path / "film-1.mp4", 21)]
    with pytest.raises(UnreadableClip, match="does not hold the frames"):
        write_joined(tmp_path / "again.mp4", pieces, made.rate)
    assert not (tmp_path / "again.mp4").exists()


def test_each_frame_is_decoded_once_and_in_order(source: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = list[list[int]]()
    original = ClipPlanes.read

    def counted(self: ClipPlanes, wanted: object) -> object:
        reads.append(list(wanted))  # type: ignore[call-overload]
        return original(self, reads[-1])

    monkeypatch.setattr(ClipPlanes, "read", counted)
    showing = Showing(film(source, cut=((1, 2), (3, 5))))
    spans = [Span(0, 50), Span(50, 120), Span(120, 200)]
    assert sum(1 for span in spans for _ in showing.pictures(span)) == 200
    showing.close()
    assert len(reads) == 1


def test_frames_in_any_order_are_found(source: Clip) -> None:
    shown = [5, 6, 6, 7, 300, 301, UNSEEN, UNSEEN, 20, 20, 21, 4]
    frames = InOrder(source, source.colour, shown)
    for place in (0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 3, 11):
        assert number_of(frames.at(place).brightness) == shown[place]
    frames.close()


def test_without_layers_every_pixel_stays(source: Clip) -> None:
    (found,) = drawn(film(source), 77)
    wanted = next(ClipPlanes(source, source.colour).read([77])).planes
    for ours, theirs in zip(found, (wanted.brightness, *wanted.colours), strict=True):
        assert np.array_equal(ours, theirs)


def test_a_stamp_changes_its_box_alone_and_is_exact_where_it_is_opaque(source: Clip) -> None:
    rgba = np.zeros((40, 60, 4), np.uint8)
    rgba[10:30, 10:50] = (200, 30, 30, 255)
    patch = Patch.of(rgba, 100, 50, SIZE, source.colour.worked)
    plain, stamped = drawn(film(source), 30)[0], drawn(film(source, Stamp(Span(20, 40), lambda: patch, "a")), 30)[0]
    changed = np.argwhere(plain[0] != stamped[0])
    assert changed.min(axis=0).tolist() == [60, 110] and changed.max(axis=0).tolist() == [79, 149]
    assert np.unique(stamped[0][60:80, 110:150]).size == 1
    assert np.unique(stamped[2][30:40, 55:75]).size == 1


@pytest.mark.parametrize("opacity", [0.25, 0.5, 1.0])
def test_a_stamp_is_blended_to_the_level(source: Clip, opacity: float) -> None:
    rgba = np.full((20, 40, 4), 255, np.uint8)
    rgba[..., 3] = np.linspace(0, 255, 40).astype(np.uint8)
    patch = Patch.of(rgba, 100, 50, SIZE, source.colour.worked)
    plain = drawn(film(source), 30)[0][0][50:70, 100:140].astype(float)
    stamped = drawn(film(source, Stamp(Span(0, 60), lambda: patch, "a", opacity=opacity)), 30)[0][0][50:70, 100:140]
    share = np.rint(rgba[..., 3] * opacity) / 255
    assert np.abs(stamped - (plain + share * (235 - plain))).max() <= 0.51


def test_a_stamp_beyond_the_edge_is_cut_off(source: Clip) -> None:
    rgba = np.full((40, 60, 4), 255, np.uint8)
    for left, top in ((-31, -11), (299, 171), (320, 0), (-61, 200)):
        patch = Patch.of(rgba, left, top, SIZE, source.colour.worked)
        assert len(drawn(film(source, Stamp(Span(0, 9), lambda patch=patch: patch, "a")), 3)) == 1  # type: ignore[misc]


def test_b_roll_shows_its_own_frames_and_fades(source: Clip, other: Clip) -> None:
    span = Span(100, 160)
    shown = tuple(Timeline.without(other, [], NTSC).shown(other)[:60])
    inset = Inset(other, span, shown, Box(0, 0, *SIZE), SIZE, source.colour.worked, fade_in=5, fade_out=5)
    made = film(source, inset)
    before, at_once, full, after = (planes[0] for planes in drawn(made, 99, 100, 130, 160))
    plain = [planes[0] for planes in drawn(film(source), 99, 100, 130, 160)]
    assert np.array_equal(before, plain[0]) and np.array_equal(after, plain[3])
    alone = drawn(film(source, replace(inset, fade_in=0)), 100)[0][0].astype(float)
    share = (at_once.astype(float) - plain[1]).sum() / (alone - plain[1]).sum()
    assert abs(share - 1 / 6) < 0.02
    assert not inset.hides(100) and inset.hides(130)
    assert made.is_hidden(130) and not made.is_hidden(100)
    assert (
        abs(
            float(full[:100].mean())
            - float(next(ClipPlanes(other, source.colour).read([25])).planes.brightness[40:140].mean())
        )
        < 4
    )


def test_an_inset_that_keeps_its_shape_leaves_the_rest(source: Clip, other: Clip) -> None:
    inset = Inset(other, Span(0, 30), tuple(range(30)), Box(160, 20, 320, 120), SIZE, source.colour.worked, "contain")
    shown, plain = drawn(film(source, inset), 10)[0], drawn(film(source), 10)[0]
    assert np.argwhere(shown[0] != plain[0])[:, 1].min() >= 190
    assert not inset.hides(10)


def test_a_fade_begins_and_ends_in_black(source: Clip) -> None:
    made = film(source, Fade(Span(0, 20)), Fade(Span(380, 400), out=True))
    means = [float(planes[0].mean()) for planes in drawn(made, 0, 10, 20, 379, 399)]
    assert means[0] < 22 and means[4] < 22
    assert means[0] < means[1] < means[2]


def test_the_scale_follows_the_sine_and_punches_in() -> None:
    zoom = Zoom(Span(0, 900), NTSC, 1.08, 6.0, (Punch(Span(300, 400), 1.2, 10),))
    for index in (0, 45, 90, 135, 180, 500):
        time_s = index / float(NTSC)
        assert zoom.scale(index) == pytest.approx(1 + 0.04 * (1 - np.cos(2 * np.pi * time_s / 6)), abs=1e-9)
    plain = replace(zoom, punches=())
    assert zoom.scale(350) == pytest.approx(1.2 * plain.scale(350))
    assert 1 < zoom.scale(303) / plain.scale(303) < 1.2


def test_zooming_keeps_the_focus_in_its_place_and_chroma_with_luma() -> None:
    zoom = Zoom(Span(0, 90), Fraction(30), 1.5, 6.0, focus=(Focus(0, 0.25, 0.5), Focus(60, 0.75, 0.5)))
    assert zoom.point(30) == (0.5, 0.5) and zoom.point(90) == (0.75, 0.5)
    matrix = zoom.matrix(89, SIZE)
    held = np.array([0.75 * 320 - 0.5, 0.5 * 180 - 0.5, 1])
    assert np.allclose(matrix @ held, held)


def test_a_face_is_followed_seldom_and_slowly() -> None:
    calm = Calm(dead=0.1, most_a_s=0.05)
    seen = [(0.0, 0.5, 0.5), (1.0, 0.55, 0.45), (2.0, 0.9, 0.5), (3.0, 0.9, 0.5), (60.0, 0.9, 0.5)]
    points = followed(seen, Fraction(30), calm)
    assert [point.index for point in points] == [0, 30, 60, 90, 1800]
    assert (points[1].x, points[1].y) == (0.5, 0.5), "within its dead zone"
    assert points[2].x == pytest.approx(0.55) and points[3].x == pytest.approx(0.6)
    assert points[4].x == pytest.approx(0.8), "no nearer than it must be"
    assert followed([], Fraction(30)) == ()


def test_a_zoom_follows_the_sine_to_a_hundredth_of_a_pixel(tmp_path: Path) -> None:
    found = measured(tmp_path)
    assert found.jitter_px <= found.floor_px + 0.015
    assert found.backward == 0 and found.scale_error <= 0.001 and found.phase_error_s <= 0.01


def test_scaling_is_bilinear_to_the_level_in_luma_and_chroma(source: Clip) -> None:
    zoom = Zoom(Span(0, 90), NTSC, 1.3, 6.0)
    zoomed, plain = drawn(film(source, zoom), 60)[0], drawn(film(source), 60)[0]
    matrix = zoom.matrix(60, SIZE)
    colour = np.linalg.inv(SITED) @ matrix @ SITED
    for ours, before, move in zip(zoomed, plain, (matrix, colour, colour), strict=True):
        rows, columns = (
            (np.arange(side) - move[axis, 2]) / move[axis, axis]
            for axis, side in ((1, len(before)), (0, len(before[0])))
        )
        along = np.array([np.interp(columns, np.arange(before.shape[1]), row) for row in before.astype(float)])
        wanted = np.array([np.interp(rows, np.arange(before.shape[0]), column) for column in along.T]).T
        assert np.abs(ours - wanted).max() <= 1.5


def test_what_a_chunk_shows_is_told_without_its_place_in_the_film(source: Clip) -> None:
    rgba = np.full((20, 20, 4), 255, np.uint8)
    patch = Patch.of(rgba, 0, 0, SIZE, source.colour.worked)
    stamps = [Stamp(Span(a, b), lambda: patch, name) for a, b, name in ((10, 40, "a"), (260, 300, "b"))]
    made, again = film(source, *stamps), film(source, stamps[0], replace(stamps[1], content="c"))
    assert made.told(Span(0, 250)) == again.told(Span(0, 250))
    assert made.told(Span(250, 400)) != again.told(Span(250, 400))
    whole = film(source, replace(stamps[0], span=Span(0, 400)))
    assert whole.told(Span(0, 100))["layers"] == whole.told(Span(100, 200))["layers"]


def test_the_cycle_of_the_zoom_is_told_by_its_phase() -> None:
    zoom = Zoom(Span(0, 2000), Fraction(30), 1.08)
    assert zoom.told(Span(0, 50)) == zoom.told(Span(180, 230)) != zoom.told(Span(90, 140))


def test_chunks_end_at_cuts_and_are_none_too_long(source: Clip) -> None:
    rate = source.rate
    made = film(source, cut=((float(200 / rate), float(210 / rate)),))
    assert made.chunks() == [Span(0, 200), Span(200, 390)]
    assert film(source).chunks() == [Span(0, 250), Span(250, 400)]
