"""The pod's room: start.sh run for real, and what the image and the template say, held against the checkout."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import sqlalchemy as sa
import typer
import yaml

from pipeline.__main__ import app
from tests.buckets import WEED
from utils.errors import StoreError
from utils.guarded_child import WORKER_SECRETS
from utils.progress import Cancel
from utils.project import PROJECT_ROOT
from utils.store.shared.claim import SIGN, claim
from utils.store.shared.location import check_location
from utils.store.shared.objects import Objects
from utils.store.shared.trouble import ObjectError

pytestmark = pytest.mark.slow

ROOM = PROJECT_ROOT / "runpod"
START = ROOM / "start.sh"
PATIENCE_S = 90.0
ENDS_S = 12.0
"""Ten are promised; a busy machine may take a little to notice."""
WEIGHTS = {".safetensors", ".ckpt", ".pt", ".pth", ".onnx", ".gguf", ".bin", ".tflite", ".task"}
LARGEST_BYTES = 5_000_000
SECRETS = {"RUNPOD_API_KEY": "rpa-secret-1", "RESHOOT_AUTH": "me:secret-2", "HF_TOKEN": "secret-3"}


def until(found: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (value := found()):
        assert time.monotonic() < end, f"no {what} in {PATIENCE_S:g} s"
        time.sleep(0.1)
    return value


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


class Pod:
    """A home, a port, and start.sh run in them."""

    def __init__(self, home: Path) -> None:
        self.home, self.port, self.log = home, free_port(), home.parent / f"{home.name}.log"
        told = {"RESHOOT_HOME": str(home), "RESHOOT_PORT": str(self.port), "PYTHON": sys.executable, **SECRETS}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RESHOOT_", "RUNPOD_"))}
        self.environment = {**kept, **told}

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(["bash", START], env=self.environment, stdout=log, stderr=log)

    def again(self, **told: str) -> subprocess.CompletedProcess[str]:
        """One more start, which is expected to end by itself."""
        environment = {**self.environment, **told}
        return subprocess.run(["bash", START], env=environment, capture_output=True, text=True, timeout=PATIENCE_S)

    def answers(self, place: str = "healthz") -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/{place}", timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def processes(self) -> dict[int, str]:
        """Those that name this home, with what they were started as."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if f"{self.home} " in command or command.rstrip().endswith(str(self.home)):
                found[int(folder.name)] = command
        return found

    def app(self) -> int | None:
        return next((pid for pid, command in self.processes().items() if "app.py" in command), None)

    def worker(self) -> int | None:
        return next(
            (pid for pid, command in self.processes().items() if "pipeline.jobs.workers.worker" in command), None
        )

    def said(self) -> str:
        return self.log.read_text()


@contextmanager
def pod(home: Path) -> Iterator[Pod]:
    made = Pod(home)
    made.start()
    try:
        until(made.answers, "page")
        yield made
    finally:
        made.process.kill()
        made.process.wait()
        for pid in made.processes():
            os.kill(pid, signal.SIGKILL)


def test_it_opens_heals_refuses_a_second_and_ends_whole(tmp_path: Path) -> None:
    with pod(tmp_path / "home") as here:
        assert f"http://localhost:{here.port}" in here.said()
        assert not any(secret in here.said() for secret in SECRETS.values())
        assert re.search(r"RESHOOT_AUTH +\(set, not shown\)", here.said())

        second = here.again()
        assert second.returncode == 1 and f"Reshoot is open for {here.home} already." in second.stderr

        until(lambda: here.answers("readyz"), "readiness")
        dead, lost = until(here.app, "app"), until(here.worker, "worker")
        environment = Path(f"/proc/{dead}/environ").read_bytes().split(b"\0")
        assert not any(each.startswith(b"RUNPOD_API_KEY") for each in environment), "no process needs it"
        os.kill(dead, signal.SIGKILL)
        until(lambda: here.app() not in (None, dead) and here.answers(), "page after the app was killed")
        assert here.process.poll() is None and "The app ended (code 137)" in here.said()

        until(lambda: here.worker() not in (None, lost), "worker of its own")
        here.process.send_signal(signal.SIGTERM)
        assert here.process.wait(ENDS_S) == 0
        until(lambda: not here.processes(), "end of everything")
        assert "Stopped." in here.said()


def test_what_does_not_listen_is_ended_by_force(tmp_path: Path) -> None:
    with pod(tmp_path / "home") as here:
        until(here.worker, "worker")
        app = until(here.app, "app")
        os.kill(app, signal.SIGSTOP)
        here.process.send_signal(signal.SIGTERM)
        assert here.process.wait(ENDS_S) == 0 and not here.processes()


def test_a_port_that_is_taken_is_said_once_and_not_tried_for_ever(tmp_path: Path) -> None:
    here = Pod(tmp_path / "home")
    with socket.socket() as door:
        door.bind(("127.0.0.1", here.port))
        door.listen()
        ended = here.again()
    assert ended.returncode == 1 and f"Port {here.port} is taken" in ended.stderr and "could not start" in ended.stderr


def test_without_packages_it_says_what_to_do(tmp_path: Path) -> None:
    ended = Pod(tmp_path / "home").again(PYTHON="/bin/false")
    assert ended.returncode == 1 and "make run" in ended.stderr and "pip install -r requirements.txt" in ended.stderr
    assert not (tmp_path / "home").exists()


def test_a_home_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = Pod(tmp_path / "file" / "home").again()
    assert ended.returncode == 1 and "cannot be made" in ended.stderr and "RESHOOT_HOME=" in ended.stderr


def test_the_script_is_bash_and_only_that() -> None:
    assert subprocess.run(["bash", "-n", START]).returncode == 0
    assert os.access(START, os.X_OK) and START.read_text().startswith("#!/usr/bin/env bash\n")


@pytest.fixture
def steps() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, each on one line."""
    text = re.sub(r"^\s*#.*\n", "", (ROOM / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    return [(name.upper(), rest) for name, rest in lines]


def test_what_the_image_runs_is_bash(steps: list[tuple[str, str]]) -> None:
    runs = [rest for name, rest in steps if name == "RUN"]
    assert len(runs) == 3
    for command in runs:
        assert subprocess.run(["bash", "-n", "-c", command]).returncode == 0, command


def copied(steps: list[tuple[str, str]]) -> set[str]:
    return {source for name, rest in steps if name == "COPY" for source in shlex.split(rest)[:-1]}


def test_the_image_has_all_that_the_app_needs_and_only_that(steps: list[tuple[str, str]]) -> None:
    sources = copied(steps)
    assert all((PROJECT_ROOT / source).exists() for source in sources)
    assert {"app.py", "ui", "pipeline", "utils", "presets", "runpod", "requirements.txt", "pyproject.toml"} <= sources
    assert not sources & {".", "./", "tests", "benchmarks", ".git", "out"}
    ignored = (ROOM / "Dockerfile.dockerignore").read_text().splitlines()
    assert ignored[1] == "*" and {line[1:] for line in ignored if line.startswith("!")} == sources


def test_the_image_holds_no_weights_and_no_secrets(steps: list[tuple[str, str]]) -> None:
    for source in copied(steps):
        for path in (PROJECT_ROOT / source).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert path.suffix not in WEIGHTS and path.stat().st_size < LARGEST_BYTES, path
    told = " ".join(rest for name, rest in steps if name in ("ENV", "ARG"))
    assert not re.search(r"TOKEN|PASSWORD|SECRET|API_KEY|AUTH", told)
    assert not re.search(r"huggingface-cli|hf download|wget |git clone", (ROOM / "Dockerfile").read_text())


def test_the_base_s_torch_is_kept(steps: list[tuple[str, str]]) -> None:
    (install,) = (rest for name, rest in steps if name == "RUN" and "-r requirements.txt" in rest)
    assert "constraints-torch.txt" in install and install.index("kept_torch.py > kept.txt") < install.index(
        "pip install"
    )
    assert install.index("-f now.txt kept.txt") > install.index("now.txt") > install.index("pip install")
    assert not re.search(r"^(torch|torchvision|triton)\b", (PROJECT_ROOT / "constraints.txt").read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    ("before", "after", "constraints", "succeeds"),
    [
        ("torch==2.8.0\ntriton==3.4.0\n", "torch==2.8.0\ntorchao==1.0\ntriton==3.4.0\n", "kept.txt", True),
        ("torch==2.8.0\ntriton==3.4.0\n", "torch==2.14.1\ntriton==3.4.0\n", "kept.txt", False),
        ("", "torch==2.14.1\n", "constraints-torch.txt", True),
    ],
)
def test_the_image_is_not_built_when_the_base_s_torch_has_changed(
    steps: list[tuple[str, str]], tmp_path: Path, before: str, after: str, constraints: str, succeeds: bool
) -> None:
    """What the Dockerfile runs, with a `python` that tells another torch once pip was called."""
    (install,) = (rest for name, rest in steps if name == "RUN" and "-r requirements.txt" in rest)
    (tmp_path / "before").write_text(before)
    (tmp_path / "after").write_text(after)
    (tmp_path / "python").write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "    *kept_torch.py) if [ -e called ]; then cat after; else cat before; fi ;;\n"
        '    *"pip install"*) echo "$*" > called ;;\n'
        "esac\n"
    )
    (tmp_path / "python").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", install], cwd=tmp_path, env=environment)
    assert (done.returncode == 0) == succeeds
    assert (
        (tmp_path / "called").read_text().strip().endswith(f"-r requirements.txt -c constraints.txt -c {constraints}")
    )


def test_image_and_template_start_the_same_script(steps: list[tuple[str, str]]) -> None:
    told = json.loads((ROOM / "template.json").read_text())
    (command,) = (json.loads(rest) for name, rest in steps if name == "CMD")
    (folder,) = (Path(rest) for name, rest in steps if name == "WORKDIR")
    assert told["dockerStartCmd"] == command and PROJECT_ROOT / Path(command[1]).relative_to(folder) == START
    assert "7860/http" in told["ports"] and ("EXPOSE", "7860") in steps
    assert Path(told["env"]["RESHOOT_HOME"]).is_relative_to(told["volumeMountPath"])
    assert not re.search(r"TOKEN|PASSWORD|SECRET|KEY|AUTH", " ".join(told["env"]))


def started(command: list[str]) -> None:
    """Let the command line read the command by which a worker is started, after what sets its environment."""
    assert command[:3] == ["env", "-u", "RUNPOD_API_KEY"]
    assert command[3:5] == ["python", "-m"]
    program, *words = command[5:]
    assert program == "pipeline"
    name, *rest = words
    typer.main.get_command(app).commands[name].make_context(name, rest)  # type: ignore[attr-defined]


def test_pods_that_help_start_a_worker_and_hold_no_secret() -> None:
    told, of_app = (json.loads((ROOM / f"{name}.json").read_text()) for name in ("worker", "template"))
    assert told["imageName"] == of_app["imageName"] and told["volumeMountPath"] == of_app["volumeMountPath"]
    started(told["dockerStartCmd"])
    assert not told["ports"], "no port is opened"
    secrets = {name: value for name, value in told["env"].items() if re.search(r"DATABASE|KEY", name)}
    assert set(secrets) <= set(WORKER_SECRETS) and len(secrets) == 3
    assert all(re.fullmatch(r"\{\{ RUNPOD_SECRET_\w+ \}\}", value) for value in secrets.values())
    check_location(told["env"]["RESHOOT_SHARED"])


def test_sky_pilot_starts_the_same_worker() -> None:
    told = yaml.safe_load((ROOM / "skypilot.yaml").read_text())
    pod = json.loads((ROOM / "worker.json").read_text())
    assert told["resources"]["image_id"] == f"docker:{pod['imageName']}"
    folder, start = told["run"].splitlines()
    assert folder == "cd /opt/reshoot" and ("WORKDIR /opt/reshoot") in (ROOM / "Dockerfile").read_text()
    started(shlex.split(start.removeprefix("exec ")))
    assert set(told["secrets"]) | set(told["envs"]) == {*pod["env"]} - {"RESHOOT_HOME", "HF_HOME"}
    assert set(told["secrets"]) <= set(WORKER_SECRETS) and not any(told["secrets"].values())
    command = re.search(r"sky launch (.*)", (ROOM / "skypilot.yaml").read_text())
    assert command and set(re.findall(r"--secret (\w+)", command[1])) == set(told["secrets"])


@pytest.fixture
def workshop() -> dict[str, Any]:
    """The services of the workshop."""
    told: dict[str, Any] = yaml.safe_load((ROOM / "compose.yaml").read_text())["services"]
    return told


def test_the_workshop_s_bucket_is_made_and_taken(
    workshop: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = {name: free_port() for name in ("s3", "master", "volume", "filer", "s3.port.grpc", "master.port.grpc",
                                             "volume.port.grpc", "filer.port.grpc")}  # fmt: skip
    (tmp_path / "data").mkdir()
    there = {"-dir=/data": f"-dir={tmp_path / 'data'}", "-ip=bucket": "-ip=127.0.0.1", "-s3.port=8333": ""}
    command = [there.get(word, word) for word in workshop["bucket"]["command"]]
    assert set(there) <= set(workshop["bucket"]["command"]) and workshop["bucket"]["ports"] == ["8333:8333"]
    elsewhere = [f"-{name if '.' in name else f'{name}.port'}={port}" for name, port in ports.items()]
    elsewhere += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.electionTimeout=1s", "-ip.bind=127.0.0.1"]
    elsewhere += [f"-filer.localSocket={tmp_path / 'f'}", f"-s3.localSocket={tmp_path / 's'}"]
    keys = {"AWS_ACCESS_KEY_ID": "reshoot", "AWS_SECRET_ACCESS_KEY": "of-the-workshop"}
    assert workshop["bucket"]["environment"]["AWS_ACCESS_KEY_ID"] == "reshoot"
    with (tmp_path / "log").open("wb") as log:
        words = [word for word in (*command, *elsewhere) if word]
        server = subprocess.Popen([WEED, *words], env={**os.environ, **keys}, stdout=log, stderr=log)
    try:
        (making,) = workshop["make-bucket"]["command"]
        making = making.replace("weed shell", f"{WEED} shell")
        for name, port in (("master", 9333), ("filer", 8888)):
            making = making.replace(f"bucket:{port}", f"127.0.0.1:{ports[name]}.{ports[f'{name}.port.grpc']}")
        subprocess.run([*workshop["make-bucket"]["entrypoint"], making], timeout=PATIENCE_S, check=True)
        for name, value in {**keys, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3']}", "AWS_REGION": "x"}.items():
            monkeypatch.setenv(name, value)
        objects = Objects("s3://reshoot/shared")
        until(lambda: claimed(objects), "place in the bucket")
        objects.close()
    finally:
        server.kill()
        server.wait()
        for part in ("s3", "master", "volume", "filer"):
            Path(f"/tmp/seaweedfs-{part}-grpc-{ports[f'{part}.port.grpc']}.sock").unlink(missing_ok=True)


def claimed(objects: Objects) -> bool:
    """Whether a place can be used, now or when its server is ready."""
    try:
        claim(objects, writes=True)
        return SIGN in {each.name for each in objects.list("", Cancel())}
    except (StoreError, ObjectError):
        return False


def test_the_workshop_s_database_is_the_one_that_the_readme_names(workshop: dict[str, Any]) -> None:
    about = workshop["database"]["environment"]
    (named,) = re.findall(r"RESHOOT_DATABASE=(postgresql://reshoot:\S+)", (ROOM / "README.md").read_text())
    url = sa.make_url(named)
    assert (url.username, url.database) == (about["POSTGRES_USER"], about["POSTGRES_DB"]) and url.port is None
    assert workshop["database"]["ports"] == ["5432:5432"]
    assert about["POSTGRES_PASSWORD"] == workshop["bucket"]["environment"]["AWS_SECRET_ACCESS_KEY"]
    assert about["POSTGRES_PASSWORD"].startswith("${WORKSHOP_PASSWORD:?"), "without a password nothing starts"


def test_the_readme_names_what_there_is() -> None:
    text = (ROOM / "README.md").read_text()
    named = set(re.findall(r"`((?:runpod|scripts)/[\w./-]+)`", text))
    assert named and all((PROJECT_ROOT / name).exists() for name in named)
    settings = set(re.findall(r"\bRESHOOT_[A-Z]+\b", text))
    known = "".join(path.read_text() for path in (START, PROJECT_ROOT / "app.py", PROJECT_ROOT / "utils" / "home.py"))
    assert settings and all(name in known for name in settings)
