"""A real S3 server on loopback for tests, a proxy before it that fails as networks do, and homes that share a place."""

import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from utils.progress import Cancel
from utils.store import Store
from utils.store.shared.background import Background
from utils.store.shared.objects import Objects
from utils.store.shared.sharing import Sharing
from utils.store.shared.tier import SharedTier
from utils.store.shared.worth import EVERYTHING, Worth

WEED = Path(sys.executable).with_name("weed")
"""SeaweedFS, an S3 server in one wheel. It checks signatures; moto[server] needs 39 packages and an older dateutil."""
KEY, SECRET = "a-test-key", "a-test-secret-of-nobody"

START_S = 60.0
NEVER = Cancel()


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """An S3 server whose data lies in a folder; yields its endpoint."""
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
             "s3.port", "s3.port.grpc")  # fmt: skip
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    (folder / "data").mkdir()
    (folder / "s3.json").write_text(
        f'{{"identities": [{{"name": "tests", "credentials": [{{"accessKey": "{KEY}", "secretKey": "{SECRET}"}}], '
        '"actions": ["Admin", "Read", "List", "Write"]}]}'
    )
    options = ("-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder / 'data'}", "-filer", "-s3", "-s3.iam=false",
               f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0",
               "-master.volumeSizeLimitMB=64", "-volume.preStopSeconds=0", "-master.electionTimeout=1s",
               f"-filer.localSocket={folder / 'f'}", f"-s3.localSocket={folder / 's'}", "-master.telemetry=false",
               *(f"-{name}={port}" for name, port in ports.items()))  # fmt: skip
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([WEED, "server", *options], stdout=log, stderr=log, start_new_session=True)
    try:
        _until_ready(ports["s3.port"], server)
        yield f"http://127.0.0.1:{ports['s3.port']}"
    finally:
        server.kill()  # asked to stop, it takes 15 s
        server.wait()
        for part in ("master", "volume", "filer", "s3"):
            Path(f"/tmp/seaweedfs-{part}-grpc-{ports[f'{part}.port.grpc']}.sock").unlink(missing_ok=True)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _until_ready(port: int, server: "subprocess.Popen[bytes]") -> None:
    """Wait until a bucket can be made and written to."""
    import obstore
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    store = S3Store(
        "tests",
        config={"access_key_id": KEY, "secret_access_key": SECRET, "endpoint": f"http://127.0.0.1:{port}"},
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    until = time.monotonic() + START_S
    while True:
        try:
            obstore.put(store, "ready", b"1")
            return
        except (BaseError, FileNotFoundError):
            assert time.monotonic() < until and server.poll() is None, "the S3 server did not start"
            time.sleep(0.1)


def environment(endpoint: str) -> dict[str, str]:
    """What a user would set."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }


Fault = Callable[[str, str], str]
"""What goes wrong with a request, by its method and path: "", "cut", "alter", "hang", or an HTTP status."""


@dataclass
class Proxy:
    """A proxy on loopback that passes requests on, except where `fault` says what goes wrong."""

    upstream: str
    fault: Fault = lambda method, path: ""
    asked: list[str] = field(default_factory=list)
    headers: set[str] = field(default_factory=set)
    """The names of all headers that came."""
    moved: list[tuple[str, str, str, int]] = field(default_factory=list)
    """Method, path, range, and how many bytes of content went up and down, of each request that was passed on."""
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def serving(self, address: str = "127.0.0.1") -> Iterator[str]:
        """Yields its endpoint."""
        server = ThreadingHTTPServer((address, 0), self._handler())
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://{address}:{server.server_address[1]}"
        finally:
            self.over.set()
            server.shutdown()
            server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

            def answer(self) -> None:
                proxy.asked.append(f"{self.command} {self.path}")
                proxy.headers |= {name.lower() for name in self.headers}
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fault = proxy.fault(self.command, self.path)
                if fault == "hang":
                    proxy.over.wait(30)
                    self.close_connection = True
                elif fault.isdigit():
                    self.respond(int(fault), {}, f"<Error><Message>{SECRET}</Message></Error>".encode())
                else:
                    self.pass_on(body, fault)

            def pass_on(self, body: bytes, fault: str) -> None:
                upstream = http.client.HTTPConnection(proxy.upstream.removeprefix("http://"))
                upstream.request(self.command, self.path, body, dict(self.headers))
                answer = upstream.getresponse()
                content = answer.read()
                upstream.close()
                moved = self.command, self.path, self.headers.get("Range", ""), len(body) + len(content)
                proxy.moved.append(moved)
                if fault == "alter":
                    content = bytes([content[0] ^ 1]) + content[1:]
                headers = {name: value for name, value in answer.getheaders() if name.lower() in KEPT}
                length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
                self.respond(answer.status, headers | {"Content-Length": length or "0"}, content, cut=fault == "cut")

            def respond(self, status: int, headers: dict[str, str], content: bytes, *, cut: bool = False) -> None:
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(content))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if cut else content)
                self.close_connection = self.close_connection or cut

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

        return Handler


KEPT = ("etag", "last-modified", "content-type", "content-range", "accept-ranges")


@dataclass
class Homes:
    """Homes in a folder that share one place, each as its own process would open it."""

    folder: Path
    location: str
    answer_s: float = 5.0
    opened: list[Sharing] = field(default_factory=list)

    def open(self, name: str, worth: Worth = EVERYTHING, owner: str = "runs", objects: Objects | None = None) -> Store:
        """The store of a home."""
        cache = self.folder / name / "cache"
        tier = SharedTier(objects or Objects(self.location, self.answer_s))
        self.opened.append(Sharing(tier, Background(), cache, owner, worth))
        return Store(cache, sharing=self.opened[-1])

    def names(self, folder: str) -> set[str]:
        """What the place holds in a folder."""
        objects = Objects(self.location)
        try:
            return {each.name for each in objects.list(folder, NEVER)}
        finally:
            objects.close()

    def close(self) -> None:
        """End their threads."""
        for each in self.opened:
            each.background.close()
            each.tier.objects.close()


def arrived(store: Store) -> None:
    """Wait until everything that a home offers is there."""
    assert store.sharing
    assert store.sharing.background.flush(60) == 0
