"""The list of all checks in the order of the report, and `examine`, which runs them in parallel."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pipeline.doctor import disk, encoders, graphics, machine, models, packages, port
from pipeline.doctor.finding import Finding
from pipeline.doctor.surroundings import Surroundings

AT_ONCE = 4
"""The number of checks that run at a time; most of them wait for a child process that loads a package."""


@dataclass(frozen=True)
class Check:
    """One check: its name in the report, and the function that gives the finding."""

    name: str
    look: Callable[[Surroundings], Finding]


CHECKS = (
    Check("Python", packages.python_version),
    Check("Packages", packages.requirements),
    Check("GPU", graphics.gpu),
    Check("torch", models.torch),
    Check("torchvision", models.torchvision),
    Check("Models", models.model_packages),
    Check("OpenCV", packages.opencv),
    Check("Pose model", packages.pose_model),
    Check("numba", packages.compiler),
    Check("PyAV", packages.media),
    Check("Look picture", packages.style_networks),
    Check("Encoders", encoders.encoders),
    Check("Home folder", disk.home_folder),
    Check("Memory", machine.memory),
    Check("Cores", machine.cores),
    Check("Port", port.port),
)


def examine(where: Surroundings, checks: Sequence[Check] = CHECKS) -> Iterator[Finding]:
    """Yield the finding of each check in order, as soon as it and those before it are done."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="doctor") as pool:
        for pending in [pool.submit(check.look, where) for check in checks]:
            yield pending.result()
