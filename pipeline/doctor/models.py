"""The checks of what engines with models need: torch that sees the card, its torchvision, and their other packages."""

import shlex

from pipeline.doctor.finding import Finding
from pipeline.doctor.graphics import CPU_IS_ENOUGH, Gpu, read_gpus
from pipeline.doctor.packages import incomplete, misfit
from pipeline.doctor.surroundings import PIP, Surroundings
from pipeline.doctor.torch_builds import OFFERS, Build, advice, installed_build
from pipeline.doctor.versions import read_requirements


def torch(where: Surroundings) -> Finding:
    """Check whether torch computes on the card; it is imported only where there is one that it can use."""
    build = installed_build("torch", where)
    cards, _ = read_gpus(where)
    if build is None:
        says = f"torch is not installed. {CPU_IS_ENOUGH}; engines with a model need it."
        return Finding("torch", "note", says, f"For those: {advice(cards[0].driver_major, where)}" if cards else "")
    if cards:
        return _on_card(build, cards[0], where)
    says = f"torch {build.version} is installed; no GPU is visible here, so it computes on the CPU alone."
    return Finding("torch", "note", says)


def _on_card(build: Build, card: Gpu, where: Surroundings) -> Finding:
    """Whether a torch computes on a card, or which build would."""
    fitting = advice(card.driver_major, where)
    if not build.cuda:
        says = f"torch {build.version} is a build for the CPU alone and cannot see the {card.name}."
        return Finding("torch", "problem", says, fitting)
    if card.driver_major < build.oldest_driver:
        says = f"torch {build.version} is built for CUDA {build.cuda}, which driver {card.driver} is too old for."
        is_hopeless = card.driver_major < OFFERS[-1].driver
        either = "" if is_hopeless else f"Update the driver to {build.oldest_driver} or newer; or: "
        return Finding("torch", "problem", says, either + fitting)
    answer = where.ask_python("torch")
    reason = answer.result["reason"] if answer.result else f"it does not import: {answer.reason}"
    if reason:
        says = f"torch {build.version} (CUDA {build.cuda}) cannot use the {card.name}: {reason}."
        return Finding(
            "torch", "problem", says, f"See that CUDA_VISIBLE_DEVICES does not hide the card; then: {fitting}"
        )
    says = f"torch {build.version} (CUDA {build.cuda}) computes on the {answer.result['device']}."
    return Finding("torch", "ok", says)


def torchvision(where: Surroundings) -> Finding:
    """Check that torchvision is of the same build as torch; otherwise its operators do not load."""
    vision, build = installed_build("torchvision", where), installed_build("torch", where)
    if vision is None or build is None:
        missing = "torch" if vision else "torchvision"
        return Finding("torchvision", "note", f"{missing} is not installed; engines with a model need it.")
    other = _made_for(vision, build, where)
    if not other:
        return Finding("torchvision", "ok", f"torchvision {vision.version} fits torch {build.version}.")
    says = f"torchvision {vision.version} is made for {other}, not for torch {build.version}: it will not load."
    cards, _ = read_gpus(where)
    return Finding("torchvision", "problem", says, advice(cards[0].driver_major if cards else OFFERS[0].driver, where))


def _made_for(vision: Build, build: Build, where: Surroundings) -> str:
    """The other torch that a torchvision is made for; empty where it fits the installed one."""
    wanted = [one for one in read_requirements(where.wanted_by("torchvision")) if one.name == "torch"]
    others = [str(one) for one in wanted if not one.allows(build.version)]
    if vision.platform and build.platform and vision.platform != build.platform:
        others.append(vision.platform)
    return " and ".join(others)


def model_packages(where: Surroundings) -> Finding:
    """Check the packages that requirements.txt adds to the core: none is needed by the embedded engine."""
    if not where.models.is_file():
        return incomplete("Models", where.models)
    versions = where.versions()
    required = list(read_requirements(where.models.read_text(encoding="utf-8")))
    missing = [one.name for one in required if one.name not in versions]
    wrong = {one.name: misfit(one, versions[one.name]) for one in required if one.name in versions}
    wrong = {name: text for name, text in wrong.items() if text}
    if not missing and not wrong:
        return Finding("Models", "ok", f"All {len(required)} packages of engines with models are installed.")
    command = _install(where, with_torch="torch" in {*missing, *wrong})
    if wrong:
        return Finding("Models", "problem", f"{'; '.join(wrong.values())}.", command)
    return Finding("Models", "note", f"Engines with models lack {', '.join(missing)}. {CPU_IS_ENOUGH}.", command)


def _install(where: Surroundings, *, with_torch: bool) -> str:
    """The one command that installs the packages of engines; it brings the tested torch where it has to bring one."""
    cards, _ = read_gpus(where)
    files = ["constraints.txt"]
    if with_torch and all(card.driver_major >= OFFERS[0].driver for card in cards):
        files.append("constraints-torch.txt")
    limits = " ".join(f"-c {shlex.quote(str(where.models.with_name(name)))}" for name in files)
    return f"{PIP} install -r {shlex.quote(str(where.models))} {limits}"
