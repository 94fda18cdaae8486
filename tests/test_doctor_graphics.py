"""What the doctor says about GPU, driver and torch, with programs and packages that play each part."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.doctor import Finding, Surroundings
from pipeline.doctor.graphics import gpu
from pipeline.doctor.models import model_packages, torch, torchvision
from pipeline.doctor.torch_builds import OFFERS
from pipeline.doctor.versions import read_requirements
from utils.project import PROJECT_ROOT

H200 = "echo 'NVIDIA H200, 580.95.05, 140000, 143771'"
MIDDLE = "echo 'NVIDIA L40S, 570.86.15, 44000, 46068'"
OLD = "echo 'NVIDIA A40, 535.104.05, 44000, 46068'"
ANCIENT = "echo 'Tesla T4, 470.57.02, 14000, 15360'"

CPU_BUILD = "__version__ = '2.9.0+cpu'\ncuda = None\n"
CUDA_13_BUILD = "from typing import Optional\n__version__ = '2.14.1+cu130'\ncuda: Optional[str] = '13.0'\n"
CUDA_12_BUILD = "__version__ = '2.8.0+cu128'\ncuda = '12.8'\n"

SEES = """
class Number:
    def __add__(self, _): return self
    def sum(self): return self
    def item(self): return 4
class cuda:
    init = staticmethod(lambda: None)
    get_device_name = staticmethod(lambda _: 'NVIDIA H200')
ones = lambda *_, **__: Number()
"""
BLIND = SEES + "def fail(): raise RuntimeError('No CUDA GPUs are available.\\nmore')\ncuda.init = fail\n"
UNTOUCHABLE = "raise AssertionError('it was imported')"


@pytest.fixture
def where(tmp_path: Path) -> Callable[..., Surroundings]:
    """Surroundings without a GPU, or with a given nvidia-smi; packages by the text of __init__.py and version.py."""

    def make(
        nvidia_smi: str | None = None, packages: dict[str, tuple[str, str]] | None = None, limit_s: float = 60
    ) -> Surroundings:
        programs, folder = tmp_path / "bin", tmp_path / "packages"
        programs.mkdir()
        if nvidia_smi is not None:
            (programs / "nvidia-smi").write_text(f"#!/bin/sh\n{nvidia_smi}\n")
            (programs / "nvidia-smi").chmod(0o755)
        for name, (code, version) in (packages or {}).items():
            (folder / name).mkdir(parents=True)
            (folder / name / "__init__.py").write_text(code)
            (folder / name / "version.py").write_text(version)
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


@pytest.mark.parametrize("script", ["exec /bin/sleep 60", "/bin/sleep 60"])
def test_a_driver_that_hangs_is_left(where, script: str) -> None:
    """The second script's own child keeps the pipe open when the script is killed."""
    began = time.monotonic()
    assert "in time" in problem(gpu(where(script, limit_s=0.3))).says
    assert time.monotonic() - began < 50, "nobody waited for its end"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python with no packages but the standard library."""
    monkeypatch.setattr(sys, "path", [each for each in sys.path if "site-packages" not in each])


def test_no_torch_is_fine_for_the_embedded_engine(where, bare: None) -> None:
    machine = where()
    found = [torch(machine), torchvision(machine), model_packages(machine)]
    assert {finding.state for finding in found} == {"note"}
    assert "torch is not installed" in found[0].says and "restyle" in found[0].says and not found[0].remedy


@pytest.mark.parametrize(("card", "version"), [(H200, "2.14.1"), (MIDDLE, "2.10.0"), (OLD, "2.8.0+cu126")])
def test_where_there_is_no_torch_the_one_that_fits_the_driver_is_named(where, bare: None, card, version) -> None:
    assert f"install --force-reinstall torch=={version} torchvision==" in torch(where(card)).remedy


def test_torch_for_the_cpu_beside_a_gpu(where) -> None:
    finding = problem(torch(where(H200, {"torch": (UNTOUCHABLE, CPU_BUILD)})))
    assert "2.9.0+cpu" in finding.says and "CPU alone" in finding.says and "H200" in finding.says
    assert "-m pip install --force-reinstall torch==2.14.1" in finding.remedy


@pytest.mark.parametrize("version", [CPU_BUILD, CUDA_13_BUILD])
def test_torch_without_a_gpu_is_not_imported(where, version: str) -> None:
    finding = torch(where(None, {"torch": (UNTOUCHABLE, version)}))
    assert finding.state == "note" and "no GPU" in finding.says and "CPU alone" in finding.says


def test_torch_that_computes_on_the_gpu(where) -> None:
    finding = torch(where(H200, {"torch": (SEES, CUDA_13_BUILD)}))
    assert finding.state == "ok" and finding.says == "torch 2.14.1+cu130 (CUDA 13.0) computes on the NVIDIA H200."


def test_a_driver_too_old_for_torch(where) -> None:
    finding = problem(torch(where(OLD, {"torch": (UNTOUCHABLE, CUDA_13_BUILD)})))
    assert "535.104.05 is too old" in finding.says and "CUDA 13.0" in finding.says
    assert "580 or newer" in finding.remedy and "whl/cu126" in finding.remedy


def test_a_driver_older_than_any_torch_that_the_engines_take(where) -> None:
    finding = problem(torch(where(ANCIENT, {"torch": (UNTOUCHABLE, CUDA_12_BUILD)})))
    assert "470.57.02 is too old" in finding.says and finding.remedy.startswith(
        "Update the driver to 580 or newer, then: "
    )


def test_a_driver_older_than_its_cuda_may_do_and_is_tried(where) -> None:
    """Driver 535 came with CUDA 12.2; it runs programs that were built for CUDA 12.8."""
    assert torch(where(OLD, {"torch": (SEES, CUDA_12_BUILD)})).state == "ok"


def test_a_gpu_that_is_hidden_from_torch(where) -> None:
    finding = problem(torch(where(H200, {"torch": (BLIND, CUDA_13_BUILD)})))
    assert "No CUDA GPUs are available." in finding.says and "CUDA_VISIBLE_DEVICES" in finding.remedy


@pytest.mark.parametrize(
    ("code", "says", "limit_s"),
    [
        ("raise ImportError('libcudart.so.13: cannot open shared object file')", "libcudart.so.13", 60),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "crashed (signal 9)", 60),
        ("import time\ntime.sleep(60)", "in time", 2),
    ],
)
def test_a_broken_torch_does_not_take_the_doctor_along(where, code: str, says: str, limit_s: float) -> None:
    finding = problem(torch(where(H200, {"torch": (code, CUDA_13_BUILD)}, limit_s=limit_s)))
    assert says in finding.says and "force-reinstall torch" in finding.remedy


def test_a_torch_whose_version_cannot_be_read(where) -> None:
    assert "of unknown version" in torch(where(None, {"torch": ("", "not python")})).says


def test_the_first_torch_on_offer_is_the_tested_one() -> None:
    tested = [str(one) for one in read_requirements((PROJECT_ROOT / "constraints-torch.txt").read_text())]
    assert tested == [f"torch=={OFFERS[0].torch}", f"torchvision=={OFFERS[0].torchvision}"]


def test_all_torches_on_offer_are_in_the_range_of_the_engines() -> None:
    wanted = {one.name: one for one in read_requirements((PROJECT_ROOT / "requirements.txt").read_text())}
    assert all(wanted["torch"].allows(each.torch) for each in OFFERS)
    assert all(wanted["torchvision"].allows(each.torchvision) for each in OFFERS)


def asking(folder: Path, name: str, version: str, *wants: str) -> None:
    """What pip leaves beside an installed package that asks for others."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {each}" for each in wants),
    ]
    (info / "METADATA").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("version", "wants", "other"),
    [
        ("0.23.0+cu128", "torch (==2.8.0)", ""),
        ("0.23.0a0+95f10a4e", "torch (==2.8.0)", ""),
        ("0.24.0+cu128", "torch (==2.9.0)", "made for torch==2.9.0, not for torch 2.8.0+cu128"),
        ("0.23.0+cu126", "torch (==2.8.0)", "made for cu126, not for torch 2.8.0+cu128"),
    ],
)
def test_a_torchvision_of_another_build(where, tmp_path: Path, version: str, wants: str, other: str) -> None:
    asking(tmp_path / "packages", "torchvision", version.partition("+")[0], wants)
    vision = (UNTOUCHABLE, f"__version__ = '{version}'\n")
    finding = torchvision(where(MIDDLE, {"torch": (UNTOUCHABLE, CUDA_12_BUILD), "torchvision": vision}))
    if other:
        assert other in problem(finding).says and "torchvision==0.25.0" in finding.remedy
    else:
        assert finding.state == "ok" and version in finding.says


def test_packages_of_engines_that_are_missing_come_with_one_command(where, bare: None) -> None:
    finding = model_packages(where())
    assert finding.state == "note" and "diffusers" in finding.says and "controlnet-aux" in finding.says
    told = finding.remedy.replace(f" {PROJECT_ROOT}/", " ")
    assert told == f"{sys.executable} -m pip install -r requirements.txt -c constraints.txt -c constraints-torch.txt"


def test_the_tested_torch_is_not_brought_where_the_driver_cannot_run_it(where, bare: None) -> None:
    assert "constraints-torch" not in model_packages(where(MIDDLE)).remedy


def test_a_package_of_engines_of_another_version_is_a_problem(where, tmp_path: Path) -> None:
    asking(tmp_path / "packages", "diffusers", "0.30.0")
    finding = problem(model_packages(where()))
    assert "diffusers 0.30.0 is installed, but diffusers>=0.42.1,<0.43 is needed" in finding.says
    assert finding.remedy.endswith("constraints.txt")


def test_the_installed_packages_of_engines_fit(where) -> None:
    assert model_packages(where()).state == "ok"
