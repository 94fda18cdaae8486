"""What the doctor says about GPU, driver and torch, with programs and packages that play each part."""

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.doctor import Finding, Surroundings
from pipeline.doctor.graphics import gpu, torch, torchvision

H200 = "echo 'NVIDIA H200, 580.95.05, 140000, 143771'"
OLD = "echo 'NVIDIA A40, 535.104.05, 44000, 46068'"

CPU_BUILD = "__version__ = '2.9.0+cpu'\nclass version: cuda = None\n"
CUDA_BUILD = """
__version__ = '2.9.0+cu130'
class version: cuda = '13.0'
class Number:
    def __add__(self, _): return self
    def sum(self): return self
    def item(self): return 4
class cuda:
    init = staticmethod(lambda: None)
    get_device_name = staticmethod(lambda _: 'NVIDIA H200')
ones = lambda *_, **__: Number()
"""
BLIND_BUILD = CUDA_BUILD + "def fail(): raise RuntimeError('No CUDA GPUs are available\\nmore')\ncuda.init = fail\n"


@pytest.fixture
def where(tmp_path: Path) -> Callable[..., Surroundings]:
    """Surroundings without a GPU, or with what the given nvidia-smi says, and with the given torch."""

    def make(
        nvidia_smi: str | None = None, packages: dict[str, str] | None = None, limit_s: float = 60
    ) -> Surroundings:
        programs, folder = tmp_path / "bin", tmp_path / "packages"
        programs.mkdir()
        if nvidia_smi is not None:
            (programs / "nvidia-smi").write_text(f"#!/bin/sh\n{nvidia_smi}\n")
            (programs / "nvidia-smi").chmod(0o755)
        for name, code in (packages or {}).items():
            (folder / name).mkdir(parents=True)
            (folder / name / "__init__.py").write_text(code)
        return Surroundings(tmp_path, path=str(programs), packages=(str(folder),), limit_s=limit_s)

    return make


def problem(finding: Finding) -> Finding:
    assert finding.state == "problem" and finding.says.endswith(".") and finding.remedy
    return finding


def test_no_gpu_is_worth_a_note(where) -> None:
    finding = gpu(where())
    assert finding.state == "note" and "works on the CPU without it" in finding.says


def test_a_gpu_is_named_with_driver_and_free_memory(where) -> None:
    finding = gpu(where(H200))
    assert finding.state == "ok" and finding.says == "NVIDIA H200, driver 580.95.05, 136.7 of 140.4 GiB free."


def test_several_gpus_are_all_named(where) -> None:
    says = gpu(where(f"{H200}\n{OLD}")).says
    assert "H200" in says and "A40" in says


def test_a_gpu_whose_memory_others_hold(where) -> None:
    finding = gpu(where("echo 'NVIDIA A40, 580.1, 900, 46068'"))
    assert finding.state == "note" and "0.9 of 45.0 GiB" in finding.says and "nvidia-smi" in finding.remedy


def test_a_gpu_that_does_not_tell_its_memory(where) -> None:
    finding = gpu(where("echo 'NVIDIA GB10, 580.1, [N/A], [N/A]'"))
    assert finding.state == "ok" and finding.says == "NVIDIA GB10, driver 580.1."


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (
            "echo 'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.'; exit 9",
            "communicate",
        ),
        ("echo 'No devices were found'; exit 6", "No devices"),
        ("exit 3", "code 3"),
        ("kill -9 $$", "crashed"),
        ("printf '\\377\\376 , , ,'; exit 1", "does not answer"),
    ],
)
def test_a_driver_that_does_not_answer(where, script: str, says: str) -> None:
    finding = problem(gpu(where(script)))
    assert says in finding.says and "driver" in finding.remedy


@pytest.mark.parametrize("script", ["exec /bin/sleep 60", "/bin/sleep 5"])
def test_a_driver_that_hangs_is_left(where, script: str) -> None:
    """The second script's own child keeps the pipe open when the script is killed."""
    began = time.monotonic()
    assert "in time" in problem(gpu(where(script, limit_s=0.3))).says
    assert time.monotonic() - began < 4.5


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is installed")
def test_no_torch_is_fine_for_the_embedded_engine(where) -> None:
    machine = where(H200)
    for finding in (torch(machine), torchvision(machine)):
        assert finding.state == "note" and "not installed" in finding.says and "restyle" in finding.says
    assert "install" in torch(machine).remedy


def test_torch_for_the_cpu_beside_a_gpu(where) -> None:
    finding = problem(torch(where(H200, {"torch": CPU_BUILD})))
    assert "2.9.0+cpu" in finding.says and "CPU alone" in finding.says and "H200" in finding.says
    assert "-m pip install --force-reinstall torch" in finding.remedy


def test_torch_for_the_cpu_without_a_gpu(where) -> None:
    assert torch(where(None, {"torch": CPU_BUILD})).state == "note"


def test_torch_that_computes_on_the_gpu(where) -> None:
    finding = torch(where(H200, {"torch": CUDA_BUILD}))
    assert finding.state == "ok" and "CUDA 13.0" in finding.says and "H200" in finding.says


def test_torch_that_computes_where_nvidia_smi_is_missing(where) -> None:
    assert torch(where(None, {"torch": CUDA_BUILD})).state == "ok"


def test_torch_with_cuda_but_without_a_gpu(where) -> None:
    finding = torch(where(None, {"torch": BLIND_BUILD}))
    assert finding.state == "note" and "CPU alone" in finding.says


def test_a_driver_too_old_for_torch(where) -> None:
    finding = problem(torch(where(OLD, {"torch": BLIND_BUILD})))
    assert "535.104.05 is too old" in finding.says and "CUDA 13.0" in finding.says
    assert "580 or newer" in finding.remedy and "choose CUDA 12" in finding.remedy


def test_a_gpu_that_is_hidden_from_torch(where) -> None:
    finding = problem(torch(where(H200, {"torch": BLIND_BUILD})))
    assert "No CUDA GPUs are available." in finding.says and "CUDA_VISIBLE_DEVICES" in finding.remedy


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise ImportError('libcudart.so.13: cannot open shared object file')", "libcudart.so.13"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "crashed (signal 9)"),
        ("import time\ntime.sleep(60)", "in time"),
    ],
)
def test_a_broken_torch_does_not_take_the_doctor_along(where, code: str, says: str) -> None:
    finding = problem(torch(where(None, {"torch": code}, limit_s=2)))
    assert says in finding.says and "force-reinstall torch" in finding.remedy


def test_a_torchvision_of_another_build(where) -> None:
    code = "raise RuntimeError('operator torchvision::nms does not exist')"
    assert "torchvision::nms" in problem(torchvision(where(None, {"torchvision": code}))).says
