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

from utils.project import PROJECT_ROOT

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
        return next((pid for pid, command in self.processes().items() if "pipeline.jobs.worker" in command), None)

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


def test_the_readme_names_what_there_is() -> None:
    text = (ROOM / "README.md").read_text()
    named = set(re.findall(r"`((?:runpod|scripts)/[\w./-]+)`", text))
    assert named and all((PROJECT_ROOT / name).exists() for name in named)
    settings = set(re.findall(r"\bRESHOOT_[A-Z]+\b", text))
    known = "".join(path.read_text() for path in (START, PROJECT_ROOT / "app.py", PROJECT_ROOT / "utils" / "home.py"))
    assert settings and all(name in known for name in settings)
