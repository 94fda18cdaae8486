"""Files arrive whole from real servers that break off, lie, stall and lead elsewhere; or a sentence says why not."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.origin import Origin, Served, serving
from utils.address.address import Address
from utils.address.checked import Gate
from utils.address.transfer import COMMIT_BYTES, Limits, Transfer
from utils.digest import digest_bytes
from utils.errors import AddressError
from utils.uploads import SPARE_BYTES, UploadError, UploadFull, Uploads, UploadTooLarge

DATA = bytes(range(256)) * 16_384
HALF = len(DATA) // 2
USUAL = Limits()


@pytest.fixture
def origin() -> Iterator[Origin]:
    with serving(Origin()) as origin:
        yield origin


@dataclass
class Bench:
    """A folder of uploads into which addresses are fetched."""

    uploads: Uploads
    gate: Gate = field(default_factory=lambda: Gate(private=True))
    heard: list[tuple[int, int | None]] = field(default_factory=list)
    rests: list[float] = field(default_factory=list)

    def fetch(self, address: str, limits: Limits = USUAL, upload: str | None = None) -> str:
        """Fetch an address without waiting between tries; returns the upload."""
        where = Address.read(address)
        upload = upload or self.uploads.begin(where.title, 1, source=where.digest)
        hear: Callable[[int, int | None], None] = lambda have, bytes: self.heard.append((have, bytes))  # noqa: E731
        Transfer(where, upload, self.uploads, self.gate, hear, limits, self.rests.append).run()
        return upload

    def refusal(self, address: str, limits: Limits = USUAL) -> str:
        with pytest.raises((AddressError, UploadError)) as caught:
            self.fetch(address, limits)
        assert caught.value.remedy and "secret" not in str(caught.value)
        return caught.value.problem

    def content(self, upload: str) -> bytes:
        with self.uploads.whole(upload) as (part, digest):
            data = part.read_bytes()
        assert digest == digest_bytes(data)
        return data


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(Uploads(tmp_path / "uploads", most_bytes=2 * len(DATA)))


def test_a_file_arrives_whole_and_little_is_told_to_its_server(bench: Bench, origin: Origin) -> None:
    origin.files["/walk.mp4"] = Served(DATA)
    assert bench.content(bench.fetch(origin.at("/walk.mp4?secret=1"))) == DATA
    assert bench.heard[-1] == (len(DATA), len(DATA)) and bench.rests == []
    [(path, headers)] = origin.requests
    assert path == "/walk.mp4?secret=1", "a signed address needs its query"
    assert headers.pop("host") == f"127.0.0.1:{origin.port}"
    assert headers == {"user-agent": "Reshoot", "accept": "*/*", "accept-encoding": "identity", "connection": "close"}


def test_a_transfer_that_is_cut_off_goes_on_where_it_was(bench: Bench, origin: Origin) -> None:
    origin.files["/walk.mp4"] = Served(DATA, cut_at=[HALF, HALF + 5])
    assert bench.content(bench.fetch(origin.at("/walk.mp4"))) == DATA
    assert origin.starts() == ["", f"bytes={HALF}-", f"bytes={HALF + 5}-"]
    assert [headers.get("if-range") for _, headers in origin.requests] == [None, '"one"', '"one"']


@pytest.mark.parametrize("how", ["no ranges", "weak tag", "changed"])
def test_what_cannot_be_resumed_is_fetched_from_the_start(bench: Bench, origin: Origin, how: str) -> None:
    served = Served(DATA, ranges=how != "no ranges", etag='W/"one"' if how == "weak tag" else '"one"', cut_at=[HALF])
    origin.files["/walk.mp4"] = served
    if how == "changed":
        with pytest.raises(AddressError, match=f"Only {HALF} of {len(DATA)} bytes"):
            bench.fetch(origin.at("/walk.mp4"), Limits(tries_in_all=1))
        upload = bench.uploads.find(Address.read(origin.at("/walk.mp4")).digest)
        served.content, served.etag = DATA[::-1], '"two"'
        assert bench.content(bench.fetch(origin.at("/walk.mp4"), upload=upload)) == DATA[::-1]
    else:
        assert bench.content(bench.fetch(origin.at("/walk.mp4"))) == DATA
    assert len(origin.requests) == 2


def test_a_time_of_change_also_tells_that_the_rest_is_of_the_same_file(bench: Bench, origin: Origin) -> None:
    changed = "Sat, 28 Nov 2020 10:00:00 GMT"
    origin.files["/walk.mp4"] = Served(DATA, etag="", headers={"Last-Modified": changed}, cut_at=[HALF])
    upload = bench.fetch(origin.at("/walk.mp4"))
    assert bench.content(upload) == DATA and bench.uploads.get(upload).validator == changed
    assert origin.requests[1][1]["if-range"] == changed


def test_a_file_of_unknown_length_arrives_and_is_no_longer_than_allowed(bench: Bench, origin: Origin) -> None:
    origin.files["/walk.mp4"] = Served(DATA, chunked=True, cut_at=[HALF])
    bench.uploads.most_bytes = 1 << 30
    assert bench.content(bench.fetch(origin.at("/walk.mp4"))) == DATA
    assert bench.heard[0][1] is None and origin.starts()[1] == f"bytes={HALF}-"


def test_what_was_fetched_before_is_only_asked_for_if_it_has_changed(bench: Bench, origin: Origin) -> None:
    served = origin.files["/walk.mp4"] = Served(DATA)
    upload = bench.fetch(origin.at("/walk.mp4"))
    assert bench.content(upload) == DATA
    bench.heard.clear()
    assert bench.fetch(origin.at("/walk.mp4"), upload=upload) and not bench.heard
    served.content, served.etag = DATA[1:], '"two"'
    assert bench.content(bench.fetch(origin.at("/walk.mp4"), upload=upload)) == DATA[1:]


def test_all_of_it_being_here_already_is_found_out(bench: Bench, origin: Origin) -> None:
    origin.files["/walk.mp4"] = Served(DATA)
    upload = bench.fetch(origin.at("/walk.mp4"))
    bench.fetch(origin.at("/walk.mp4"), upload=upload)
    assert origin.starts() == ["", f"bytes={len(DATA)}-"] and bench.content(upload) == DATA


def test_a_server_that_is_busy_is_asked_again_a_few_times(bench: Bench, origin: Origin) -> None:
    origin.files["/walk.mp4"] = Served(DATA, busy=3)
    assert bench.content(bench.fetch(origin.at("/walk.mp4"))) == DATA
    assert bench.rests == [1.0, 2.0, 4.0]
    origin.files["/walk.mp4"] = Served(DATA, busy=99)
    assert "has a problem of its own (503)" in bench.refusal(origin.at("/walk.mp4?secret"))
    assert len(origin.requests) == 4 + 4


@pytest.mark.parametrize(
    ("served", "says"),
    [
        (Served(status=404), "There is no file at this address (404)"),
        (Served(status=410), "There is no file any more at this address (410)"),
        (Served(status=403), "does not give this file to everybody (403)"),
        (Served(status=401), "does not give this file to everybody (401)"),
        (Served(status=429, headers={"Retry-After": "7"}), "is asked too often (429)"),
        (Served(status=500), "has a problem of its own (500)"),
        (Served(status=418), "answered 418 and no file"),
        (Served(b"<p>Hello", headers={"Content-Type": "text/html; charset=utf-8"}), "a web page, not a video file"),
        (Served(b"\n <!DOCTYPE html><p>", headers={"Content-Type": "video/mp4"}), "a web page, not a video file"),
        (Served(b"packed", headers={"Content-Encoding": "gzip"}), "sends the file packed (gzip)"),
        (Served(b""), "is empty"),
        (Served(DATA * 3), "a clip may have"),
        (Served(DATA, cut_at=[0] * 9), f"Only 0 of {len(DATA)} bytes came"),
    ],
)
def test_what_is_no_file_is_refused_in_a_sentence(bench: Bench, origin: Origin, served: Served, says: str) -> None:
    origin.files["/walk.mp4"] = served
    assert says in bench.refusal(origin.at("/walk.mp4?secret"))
    assert bench.rests == [] or max(bench.rests) == (7.0 if served.status == 429 else 4.0)


def test_what_is_too_large_is_refused_before_it_comes_and_while_it_comes(bench: Bench, origin: Origin) -> None:
    origin.files["/large"] = Served(DATA * 3)
    with pytest.raises(UploadTooLarge):
        bench.fetch(origin.at("/large"))
    assert not bench.heard
    origin.files["/endless"] = Served(DATA * 3, chunked=True)
    with pytest.raises(UploadTooLarge):
        bench.fetch(origin.at("/endless"))


def test_a_disk_without_room_is_seen_before_it_is_filled(bench: Bench, origin: Origin, tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    full = Bench(Uploads(tmp_path / "full", most_bytes=len(DATA), spare_bytes=free - SPARE_BYTES // 64))
    origin.files["/walk.mp4"] = Served(DATA + DATA)
    full.uploads.most_bytes = 2 * len(DATA)
    with pytest.raises(UploadFull):
        full.fetch(origin.at("/walk.mp4"))
    assert not full.heard


def test_a_disk_that_fills_meanwhile_is_seen_and_what_came_is_kept(bench: Bench, origin: Origin) -> None:
    origin.files["/walk.mp4"] = Served(DATA * 5)
    bench.uploads.most_bytes = 5 * len(DATA)
    address = Address.read(origin.at("/walk.mp4"))
    upload = bench.uploads.begin(address.title, 1, source=address.digest)

    def others_take_the_room(have: int, bytes: int | None) -> None:
        bench.uploads._spare_bytes = shutil.disk_usage("/").total * 1000

    with pytest.raises(UploadFull):
        Transfer(address, upload, bench.uploads, bench.gate, others_take_the_room).run()
    assert COMMIT_BYTES <= bench.uploads.get(upload).have < len(DATA) * 5
    bench.uploads._spare_bytes = 0
    assert bench.content(bench.fetch(origin.at("/walk.mp4"), upload=upload)) == DATA * 5


def test_a_server_that_falls_silent_is_given_up_and_what_came_is_kept(bench: Bench, origin: Origin) -> None:
    hold = threading.Event()
    origin.files["/walk.mp4"] = Served(DATA, hold=hold)
    limits = Limits(silence_s=0.2, tries_in_all=1)
    assert "did not answer, or stopped sending" in bench.refusal(origin.at("/walk.mp4"), limits)
    upload = bench.uploads.find(Address.read(origin.at("/walk.mp4")).digest)
    assert upload and bench.uploads.get(upload).have == HALF
    hold.set()
    assert bench.content(bench.fetch(origin.at("/walk.mp4"), upload=upload)) == DATA
    assert origin.starts() == ["", f"bytes={HALF}-"]


def test_a_fetch_that_takes_too_long_is_stopped_and_what_came_is_kept(bench: Bench, origin: Origin) -> None:
    origin.files["/walk.mp4"] = Served(DATA)
    assert "still on its way after 0 minutes" in bench.refusal(origin.at("/walk.mp4"), Limits(total_s=0.0))


def test_a_port_where_nobody_listens_is_told(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "could not be reached" in bench.refusal(f"http://127.0.0.1:{port}/x?secret")


def test_redirects_are_followed_a_few_times_and_each_host_is_checked(
    bench: Bench, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"outside.example": "93.184.216.34", "other.example": "93.184.216.35", "inside.example": "10.0.0.1"}
    asked, connect = list[str](), socket.create_connection

    def resolver(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [names.get(host, host)]

    monkeypatch.setattr(socket, "create_connection", lambda at, wait_s: connect(("127.0.0.1", origin.port), wait_s))
    bench.gate = Gate(resolver=resolver)
    origin.files |= {"/walk.mp4": Served(DATA)} | {
        f"/{name}": Served(status=302, headers={"Location": where})
        for name, where in {
            "away": "http://other.example:8080/walk.mp4?signed=1",
            "inside": "http://inside.example/walk.mp4",
            "machine": "http://127.0.0.1:8080/walk.mp4",
            "clouds": "http://169.254.169.254/latest/meta-data",
            "round": "/round",
            "nowhere": "",
        }.items()
    }
    assert bench.content(bench.fetch("http://outside.example/away")) == DATA
    assert asked == ["outside.example", "other.example"]
    assert origin.requests[-1][1]["host"] == "other.example:8080"
    for name in ("inside", "machine", "clouds"):
        before = len(origin.requests)
        assert "private network or on this machine" in bench.refusal(f"http://outside.example/{name}?secret")
        assert len(origin.requests) == before + 1, "nothing was asked there"
    assert "more than 5 times" in bench.refusal("http://outside.example/round")
    assert "more than 5 times" in bench.refusal("http://outside.example/nowhere")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("certificate")
    made, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", made],
        check=True, capture_output=True,
    )  # fmt: skip
    return made, key


def test_https_is_believed_only_with_the_certificate_of_the_name(bench: Bench, certificate: tuple[Path, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    trust = ssl.create_default_context(cafile=str(certificate[0]))
    bench.gate = Gate(private=True, resolver=lambda host, port: ["127.0.0.1"], trust=trust)
    with serving(Origin({"/walk.mp4": Served(DATA, cut_at=[HALF])}), context) as origin:
        origin.files["/down"] = Served(status=301, headers={"Location": "http://localhost/walk.mp4"})
        assert bench.content(bench.fetch(origin.at("/walk.mp4", "localhost"))) == DATA
        assert "certificate of other.example is not valid" in bench.refusal(origin.at("/walk.mp4", "other.example"))
        assert "leads from https to http" in bench.refusal(origin.at("/down", "localhost"))
        bench.gate = Gate(private=True, resolver=lambda host, port: ["127.0.0.1"])
        assert "certificate of localhost is not valid" in bench.refusal(origin.at("/walk.mp4", "localhost"))
    assert len(origin.requests) == 3, "nothing was asked where the certificate was not believed"
