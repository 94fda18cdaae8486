"""The checks of Python and of packages: versions, and whether those that break easily really work."""

import re
import shlex
from pathlib import Path

from pipeline.doctor.finding import Finding
from pipeline.doctor.surroundings import PIP, Surroundings
from pipeline.doctor.versions import Requirement, read_requirements

OLDEST, NEWEST = (3, 11), (3, 12)
_OPENCV = re.compile(r"opencv(-contrib)?-python(-headless)?(-rolling)?")


def python_version(where: Surroundings) -> Finding:
    """Check the version of Python, which mediapipe's wheels limit."""
    is_known = OLDEST <= where.python <= NEWEST
    says = f"Python {where.python[0]}.{where.python[1]}{'' if is_known else '; Reshoot needs 3.11 or 3.12'}."
    remedy = "" if is_known else "Install Python 3.11 or 3.12 and make the virtual environment anew with it."
    return Finding("Python", "ok" if is_known else "problem", says, remedy)


def requirements(where: Surroundings) -> Finding:
    """Check every installed version against the ranges of the core."""
    if not where.requirements.is_file():
        return incomplete("Packages", where.requirements)
    versions = where.versions()
    required = list(read_requirements(where.requirements.read_text(encoding="utf-8")))
    wrong = [text for text in (misfit(one, versions.get(one.name)) for one in required) if text]
    if not wrong:
        return Finding("Packages", "ok", f"All {len(required)} required packages are installed in versions that fit.")
    return Finding(
        "Packages", "problem", f"{'; '.join(wrong)}.", f"{PIP} install -r {shlex.quote(str(where.requirements))}"
    )


def opencv(where: Surroundings) -> Finding:
    """Check the OpenCV wheels. All write into one folder, so they must be of one version, which must import."""
    wheels = {(name, version) for name, version in where.installed() if _OPENCV.fullmatch(name)}
    required = _required_opencv(where)
    names = sorted({name for name, _ in wheels} | {required.name})
    versions = sorted({version for _, version in wheels})
    version = next((limit for sign, limit in required.clauses if sign == "=="), versions[-1] if versions else "")
    mend = " ".join(f"{name}=={version}" if version else name for name in names)
    remedy = f"{PIP} install --force-reinstall --no-deps {mend}"
    if not wheels:
        return Finding("OpenCV", "problem", "OpenCV is not installed.", remedy)
    if len(versions) > 1:
        listed = ", ".join(f"{name} {version}" for name, version in sorted(wheels))
        says = f"The OpenCV wheels overwrite each other and are of different versions: {listed}."
        return Finding("OpenCV", "problem", says, remedy)
    answer = where.ask_python("opencv")
    imported = answer.result.get("version", "")
    if not imported:
        return Finding("OpenCV", "problem", f"OpenCV {versions[0]} does not import: {answer.reason}.", remedy)
    if not f"{versions[0]}.".startswith(f"{imported}."):
        says = f"OpenCV {versions[0]} is installed, but what imports is {imported}: one wheel overwrote another."
        return Finding("OpenCV", "problem", says, remedy)
    return Finding("OpenCV", "ok", f"OpenCV {imported}; wheels installed, all of one version: {len(wheels)}.")


def pose_model(where: Surroundings) -> Finding:
    """Check that the pose model loads from the package itself, without a download."""
    return _probed(
        where, "Pose model", "pose", "mediapipe", "mediapipe {version}: its own pose model loads and runs, offline."
    )


def compiler(where: Surroundings) -> Finding:
    """Check that numba compiles for this processor."""
    return _probed(where, "numba", "numba", "numba", "numba {version} compiles and runs.")


def media(where: Surroundings) -> Finding:
    """Check that PyAV's own ffmpeg writes and reads H.264."""
    says = "PyAV {version} (ffmpeg {ffmpeg}) writes H.264 with libx264 and reads it back."
    return _probed(where, "PyAV", "media", "av", says)


def style_networks(where: Surroundings) -> Finding:
    """Check that the networks of the look `picture` are here and unchanged; nothing else needs them."""
    from pipeline.engines.looks.nets import readiness

    ready = readiness()
    if ready.ready:
        return Finding("Look picture", "ok", "Its two networks are here, with the content that was checked.")
    return Finding("Look picture", "note", f"{ready.reason} No other look needs that.", ready.remedy)


def _probed(where: Surroundings, name: str, probe: str, package: str, says: str) -> Finding:
    """The finding of a probe that uses a package in a child process."""
    answer = where.ask_python(probe)
    if answer.result:
        return Finding(name, "ok", says.format(**answer.result))
    requirement = next((str(one) for one in _required(where) if one.name == package), package)
    return Finding(name, "problem", f"{package} does not work: {answer.reason}.", where.reinstall(requirement))


def _required(where: Surroundings) -> list[Requirement]:
    text = where.requirements.read_text(encoding="utf-8") if where.requirements.is_file() else ""
    return list(read_requirements(text))


def _required_opencv(where: Surroundings) -> Requirement:
    fallback = Requirement("opencv-contrib-python", (), False)
    return next((one for one in _required(where) if one.name.startswith("opencv-")), fallback)


def incomplete(name: str, file: Path) -> Finding:
    """The finding of a check that misses its file of the checkout."""
    return Finding(
        name, "problem", f"There is no {file.name} to compare with.", "Run the doctor from a whole checkout."
    )


def misfit(required: Requirement, version: str | None) -> str:
    """What is wrong with an installed version, as part of a sentence; empty if it fits."""
    if version is None:
        return "" if required.is_conditional else f"{required.name} is not installed"
    return "" if required.allows(version) else f"{required.name} {version} is installed, but {required} is needed"
