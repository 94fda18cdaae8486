"""The doctor, with each illness made real: programs on PATH, packages in folders, sockets, folders that are files."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from pipeline.doctor import CHECKS, Check, Finding, Surroundings, disk, examine, machine, packages
from pipeline.doctor.port import port
from pipeline.doctor.versions import read_requirements
from utils.project import PROJECT_ROOT


@pytest.fixture
def where(tmp_path: Path) -> Callable[..., Surroundings]:
    """Surroundings with an empty home, changed as a test says."""
    (tmp_path / "home").mkdir()
    return lambda **changed: Surroundings(**{"home": tmp_path / "home", **changed})


def problem(finding: Finding) -> Finding:
    assert finding.state == "problem" and finding.says.endswith(".") and finding.remedy
    return finding


def package(folder: Path, name: str, code: str) -> tuple[str, ...]:
    """A package of our own that comes before the installed one."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(code)
    return (str(folder),)


def installed(folder: Path, name: str, version: str) -> tuple[str, ...]:
    """What pip leaves beside an installed package."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return (str(folder),)


# Python and packages


@pytest.mark.parametrize(
    ("version", "state"), [((3, 10), "problem"), ((3, 11), "ok"), ((3, 12), "ok"), ((3, 13), "problem")]
)
def test_only_two_versions_of_python_will_do(where, version, state) -> None:
    finding = packages.python_version(where(python=version))
    assert finding.state == state and f"{version[0]}.{version[1]}" in finding.says


def test_packages_that_fit(where, tmp_path: Path) -> None:
    wanted = tmp_path / "requirements.txt"
    wanted.write_text("# ours\n-r other.txt\npytest>=7,<1000  # tests\nRuff\nnot-here>=1; sys_platform == 'win32'\n")
    finding = packages.requirements(where(requirements=wanted))
    assert finding.state == "ok" and "3 required" in finding.says


def test_packages_that_do_not_fit_are_named_with_the_range(where, tmp_path: Path) -> None:
    wanted = tmp_path / "requirements.txt"
    wanted.write_text("pytest>=999\nno_such.package>=1\nold-one>=2,<3\n")
    finding = problem(packages.requirements(where(requirements=wanted, packages=installed(tmp_path, "old_one", "1.9"))))
    assert "pytest 9" in finding.says and "pytest>=999 is needed" in finding.says
    assert "no-such-package is not installed" in finding.says
    assert "old-one 1.9 is installed, but old-one>=2,<3 is needed" in finding.says
    assert finding.remedy == f"{sys.executable} -m pip install -r {wanted}"


def test_a_package_half_removed_is_not_installed(where, tmp_path: Path) -> None:
    (tmp_path / "lost-1.0.dist-info").mkdir()
    wanted = tmp_path / "requirements.txt"
    wanted.write_text("lost\n")
    assert (
        "lost is not installed"
        in problem(packages.requirements(where(requirements=wanted, packages=(str(tmp_path),)))).says
    )


def test_a_checkout_without_requirements(where, tmp_path: Path) -> None:
    assert "requirements.txt" in problem(packages.requirements(where(requirements=tmp_path / "requirements.txt"))).says


releases = st.lists(st.integers(0, 12), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
signs = st.sampled_from(["==", "!=", ">=", "<=", ">", "<"])


@given(releases, st.lists(st.tuples(signs, releases), max_size=3))
def test_ranges_mean_what_pip_means(version: str, clauses: list[tuple[str, str]]) -> None:
    text = ",".join(sign + limit for sign, limit in clauses)
    (wanted,) = read_requirements(f"name {text}")
    assert wanted.allows(version) == SpecifierSet(text).contains(version)


@given(releases, releases.filter(lambda limit: "." in limit), st.sampled_from(["~={}", "=={}.*", "!={}.*"]))
def test_families_of_versions_mean_what_pip_means(version: str, limit: str, form: str) -> None:
    (wanted,) = read_requirements(f"name[extra]{form.format(limit)}")
    assert wanted.allows(version) == SpecifierSet(form.format(limit)).contains(version)


def test_a_local_build_counts_as_its_release() -> None:
    (wanted,) = read_requirements("torch>=2.4,<3")
    assert wanted.allows("2.15.0+cu130") and not wanted.allows("3.0.0+cpu")


# OpenCV and the packages that are used for real


def test_a_second_opencv_of_another_version(where, tmp_path: Path) -> None:
    finding = problem(packages.opencv(where(packages=installed(tmp_path, "opencv-python", "4.9.0.80"))))
    assert "opencv-python 4.9.0.80" in finding.says and "opencv-contrib-python 4.11.0.86" in finding.says
    assert "-m pip install --force-reinstall --no-deps" in finding.remedy
    assert "opencv-contrib-python==4.11.0.86" in finding.remedy and "opencv-python==4.11.0.86" in finding.remedy


def test_an_opencv_that_was_overwritten(where, tmp_path: Path) -> None:
    other = package(tmp_path, "cv2", "__version__ = '4.9.0'\ndef resize(*_): pass")
    assert "imports is 4.9.0" in problem(packages.opencv(where(packages=other))).says


def test_an_opencv_that_does_not_import(where, tmp_path: Path) -> None:
    broken = package(tmp_path, "cv2", "raise ImportError('libGL.so.1: cannot open shared object file')")
    finding = problem(packages.opencv(where(packages=broken)))
    assert "libGL.so.1" in finding.says and "force-reinstall" in finding.remedy


def test_the_installed_opencv(where) -> None:
    assert packages.opencv(where()).state == "ok"


USED = [
    (packages.pose_model, "mediapipe", "offline"),
    (packages.compiler, "numba", "compiles"),
    (packages.media, "av", "libx264"),
]


@pytest.mark.parametrize(("look", "name", "says"), USED)
def test_a_package_is_really_used(where, look, name: str, says: str) -> None:
    finding = look(where())
    assert finding.state == "ok" and says in finding.says


@pytest.mark.parametrize(("look", "name", "says"), USED)
def test_a_broken_package_says_what_it_said(where, tmp_path: Path, look, name: str, says: str) -> None:
    finding = problem(look(where(packages=package(tmp_path, name, "raise OSError('its file is missing')"))))
    assert f"{name} does not work" in finding.says and "its file is missing" in finding.says
    assert "--force-reinstall" in finding.remedy and name in finding.remedy
    assert f"-c {PROJECT_ROOT / 'requirements-core.txt'}" in finding.remedy


def test_a_package_that_crashes_does_not_take_the_doctor_along(where, tmp_path: Path) -> None:
    crash = package(tmp_path, "numba", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert "crashed (signal 9)" in problem(packages.compiler(where(packages=crash))).says


def test_a_package_that_hangs_is_left(where, tmp_path: Path) -> None:
    hang = package(tmp_path, "numba", "import time\ntime.sleep(60)")
    began = time.monotonic()
    assert "did not answer in time" in problem(packages.compiler(where(packages=hang, limit_s=0.5))).says
    assert time.monotonic() - began < 50, "nobody waited for its end"


FILTERS = {
    "subtitles": " .. subtitles         V->V       Render text subtitles.",
    "vidstabdetect": " .. vidstabdetect     V->V       Extract relative transformations.",
    "libvmaf": " .. libvmaf           VV->V      Calculate the VMAF.",
}


def program(folder: Path, name: str, script: str) -> str:
    """A program of our own."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


# the home folder


def test_a_home_that_can_be_written_is_left_as_it_was(where, tmp_path: Path) -> None:
    finding = disk.home_folder(where(), least=0, ample=0)
    assert finding.state == "ok" and "GiB free" in finding.says
    assert list((tmp_path / "home").iterdir()) == []


def test_a_home_that_is_not_there_is_not_made(where, tmp_path: Path) -> None:
    finding = disk.home_folder(where(home=tmp_path / "new" / "home"), least=0, ample=0)
    assert finding.state == "ok" and "not made yet" in finding.says
    assert not (tmp_path / "new").exists()


def test_a_home_that_is_a_file(where, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        finding = problem(disk.home_folder(where(home=home)))
        assert f"{tmp_path / 'file'} is a file" in finding.says and "RESHOOT_HOME" in finding.remedy


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root can write")
def test_a_home_that_cannot_be_written(where) -> None:
    assert "/proc cannot be written" in problem(disk.home_folder(where(home=Path("/proc/reshoot")))).says


def test_a_disk_that_is_nearly_full(where) -> None:
    assert "too little" in problem(disk.home_folder(where(), least=1 << 62)).says
    finding = disk.home_folder(where(), least=0, ample=1 << 62)
    assert finding.state == "note" and finding.remedy


# memory, cores, port


@pytest.mark.parametrize(
    ("available_gib", "limit", "state", "says"),
    [
        (23, "max", "ok", "23.0 GiB"),
        (23, str(4 << 30), "note", "4.0 GiB"),
        (1, str(4 << 30), "problem", "1.0 GiB"),
        (23, str(1 << 30), "problem", "1.0 GiB"),
    ],
)
def test_memory_is_what_the_system_and_the_container_leave(where, tmp_path, available_gib, limit, state, says) -> None:
    (tmp_path / "meminfo").write_text(f"MemTotal: 99 kB\nMemAvailable:   {available_gib << 20} kB\n")
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    finding = machine.memory(where(proc=tmp_path, cgroup=tmp_path))
    assert finding.state == state and says in finding.says


def test_memory_that_nobody_tells(where, tmp_path: Path) -> None:
    assert machine.memory(where(proc=tmp_path, cgroup=tmp_path)).state == "note"


def test_cores_of_a_container(where, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    finding = machine.cores(where(cgroup=tmp_path))
    assert finding.state == "note" and "0.5" in finding.says
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert machine.cores(where(cgroup=tmp_path)).says.startswith(str(len(os.sched_getaffinity(0))))


@pytest.fixture(params=["0.0.0.0", "127.0.0.1", "::"])
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    family = socket.AF_INET6 if request.param == "::" else socket.AF_INET
    try:
        listener = socket.create_server((request.param, 0), family=family, dualstack_ipv6=request.param == "::")
    except (OSError, ValueError):
        pytest.skip("no IPv6 here")
    with listener:
        yield listener.getsockname()[1]


def test_a_port_that_is_taken_names_who_has_it(where, taken: int) -> None:
    finding = problem(port(where(port=taken)))
    assert f"Port {taken} is taken by process {os.getpid()} (" in finding.says
    assert f"kill {os.getpid()}" in finding.remedy and "GRADIO_SERVER_PORT=" in finding.remedy


def test_a_port_of_somebody_else(where, taken: int, tmp_path: Path) -> None:
    finding = problem(port(where(port=taken, proc=tmp_path)))
    assert "another user" in finding.says and "ss -ltnp" in finding.remedy


def test_a_free_port(where) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    assert port(where(port=number)).state == "ok"


def test_an_app_that_is_open_already_is_no_problem(where, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import socket, sys\n"
        "with socket.create_server(('', 0)) as listener:\n"
        "    print(listener.getsockname()[1], flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, str(tmp_path / "app.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as app:
        assert app.stdout is not None
        finding = port(where(port=int(app.stdout.readline())))
        app.communicate("")
    assert finding.state == "note" and str(app.pid) in finding.says


# all together


def test_findings_come_in_the_order_of_the_report(where) -> None:
    """The first check ends only when the third runs beside it."""
    meeting = threading.Barrier(2)

    def meets(name: str) -> Check:
        def look(_: Surroundings) -> Finding:
            meeting.wait(timeout=20)
            return Finding(name, "ok", "Fine.")

        return Check(name, look)

    checks = [meets("first"), Check("second", lambda _: Finding("second", "ok", "Fine.")), meets("third")]
    assert [finding.name for finding in examine(where(), checks)] == ["first", "second", "third"]


def test_a_problem_without_a_remedy_is_a_mistake() -> None:
    with pytest.raises(AssertionError):
        Finding("Disk", "problem", "It is full.")


def run_doctor(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "import typer; from pipeline.commands.doctor import doctor; typer.run(doctor)"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def test_the_command_ends_with_1_when_something_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run_doctor("--port", free_port(), RESHOOT_HOME=str(tmp_path / "file"))
    assert done.returncode == 1 and not done.stderr
    told = " ".join(done.stdout.split())
    assert "is a file." in told and "To do: Choose a folder" in told and told.endswith("1 problem; see above.")
    for check in CHECKS:
        assert check.name in done.stdout


def test_the_command_prints_json_about_the_packages_that_are_there(tmp_path: Path) -> None:
    (other,) = installed(tmp_path, "opencv-python-headless", "4.9.0.80")
    done = run_doctor("--json", "--home", str(tmp_path), "--port", free_port(), PYTHONPATH=other)
    told = json.loads(done.stdout)
    findings = {each["name"]: each for each in told["findings"]}
    assert list(findings) == [check.name for check in CHECKS]
    assert done.returncode == 1 and told["ok"] is False
    assert findings["OpenCV"]["state"] == "problem" and "4.9.0.80" in findings["OpenCV"]["says"]
    assert findings["Home folder"]["state"] != "problem" and findings["Port"]["state"] == "ok"
