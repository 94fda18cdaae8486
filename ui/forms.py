"""Describes the form of each kind of job as JSON; the page draws it from that (`ui/static/form.js`)."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, get_args

from pipeline.animate.settings import CARRIED
from pipeline.engines import Engine, effort, engines
from pipeline.engines.base import Readiness
from pipeline.engines.looks import LOOKS, nets
from pipeline.engines.looks.styles import STYLES
from pipeline.engines.meant import meant
from pipeline.guide.settings import TIMELINE
from pipeline.kind import Kind
from pipeline.models.registry import Registry
from pipeline.settings import Field, Settings
from pipeline.types import REFERENCES
from ui.routes.references import MOST_BYTES
from utils.home import home

GUIDE, KEYS, WINDOWS = "generate.guide", "generate.keys", "generate.windows"
TRIM = "trim"
"""The group of settings that each clip has for itself; the page has handles for it beside the clips."""
GROUPS = {
    "analysis": "Finding the person",
    "stabilise": "Calming the camera",
    "segments": "Segments",
    "generate": "What is made",
    "memory": "The graphics card",
    "consistency": "Against flicker",
    "foot_lock": "Feet",
    "composite": "Putting the person back",
    "reshake": "The camera's own movement",
    "encode": "The file",
    "pair": "Both clips",
    "space": "Where the foreground lies",
    "match": "How times are found",
    "laid": "How it is laid over",
    "film": "What is done to the clip",
    "wanted": "What is wanted of the film",
    "given": "What you bring",
    "silence": "Pauses",
    "speech": "What is said",
    "correction": "Correction by a language model",
    "retakes": "Said again, and filler words",
    "seen": "What is seen",
}


def form(kind: Kind) -> dict[str, Any]:
    """The description of a kind's form. `preset` is what is chosen at first, and `default` is its value of a field."""
    fields = [field for field in kind.settings.fields() if field.group != TRIM]
    by_preset = {name: kind.settings.load(name).flat() for name in kind.presets}
    preset, usual = kind.settings.USUAL_PRESET, kind.settings.load().flat()
    differ = [name for name in usual if len({values[name] for values in by_preset.values()}) > 1]
    return {
        "name": kind.name,
        "title": kind.title,
        "about": kind.about,
        "elsewhere": kind.name in OF_A_TAB,
        "preview": bool(kind.preview),
        "preset": preset,
        "presets": [
            {
                "name": name,
                "title": name.capitalize(),
                "about": about,
                "values": {each: by_preset[name][each] for each in differ},
            }
            for name, about in kind.presets.items()
        ],
        "groups": [{"name": name, "title": _title(name)} for name in dict.fromkeys(field.group for field in fields)],
        "front": list(kind.front),
        "engine": kind.engine,
        "fields": [_field(field, usual[field.name]) | _only_led(kind, field) for field in fields],
        "meant": list(_meant()) if effort.SETTING in usual else [],
    }


def _meant() -> Iterator[dict[str, Any]]:
    """What each model and effort mean for each engine that has models, where steps and guidance are left open."""
    registry = Registry.load(home())
    for engine in engines():
        for model in ("", *(each.name for each in registry.choices(engine.name))):
            for each in get_args(effort.Effort):
                if found := meant(engine.name, {"generate.model": model, effort.SETTING: each}):
                    yield {"engine": engine.name, "model": model, "effort": each, **asdict(found)}


def _title(group: str) -> str:
    return GROUPS.get(group, group.replace("_", " ").capitalize())


def _field(field: Field, default: Any) -> dict[str, Any]:
    described = {
        "name": field.name,
        "group": field.group,
        "title": field.title,
        "help": field.help,
        "unit": field.unit,
        "kind": field.kind,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "step": _step(field),
        "choices": [{"value": each, "title": str(each).capitalize()} for each in field.choices],
        "default": default,
        "note": "",
        "elsewhere": field.name in ELSEWHERE,
    }
    described |= {"most_bytes": MOST_BYTES} if field.kind == "file" else {}
    return described | _readers(field) | MORE.get(field.name, dict)()


def _readers(field: Field) -> dict[str, Any]:
    """The engines that read a setting, for one that others do not read; the form shows it only with these."""
    if field.name == REFERENCES[0]:
        names = [each.name for each in engines() if each.caps.references]
    elif field.name == GUIDE:
        names = [each.name for each in engines() if each.caps.controls]
    elif field.name == WINDOWS:
        names = [each.name for each in engines() if each.caps.carry and each.caps.given_frames]
    elif field.name == KEYS:
        names = [each.name for each in engines() if each.caps.takes_paintings]
    else:
        names = [each.name for each in engines() if field.name in each.settings]
    return {"engines": names} if 0 < len(names) < len(engines()) else {}


def _only_led(kind: Kind, field: Field) -> dict[str, Any]:
    """The engines of a kind that are led by what its structure video shows, which pictures that are carried are not."""
    if kind.name != "animate" or field.name != "structure.type":
        return {}
    return {"engines": [each.name for each in engines() if _animates(each)]}


def _animates(engine: Engine) -> bool:
    """Whether an engine makes a clip from given frames alone, without a source between them."""
    return engine.caps.given_frames and not engine.caps.takes_paintings


def _step(field: Field) -> float | None:
    if field.kind == "whole number":
        return 1
    if field.kind != "number" or field.maximum is None:
        return None
    return 0.01 if field.maximum <= 3 else 0.1


def _engine() -> dict[str, Any]:
    """The engines by their labels, each with what it is good for, and why it cannot run on this machine if so."""
    good_for = {model.family.engine: model.family.good_for for model in reversed(Registry.load(home()).models)}
    choices = [_engine_choice(each, WITHOUT_MODEL.get(each.name) or good_for[each.name]) for each in engines()]
    return {"control": "engines", "title": "Made by", "help": "What makes the new pixels.", "choices": choices}


def _engine_choice(engine: Engine, good_for: str) -> dict[str, Any]:
    readiness = engine.probe()
    why_not = "" if readiness.ready else f"It cannot run here yet. {readiness.reason} {readiness.remedy}"
    ready = {"ready": readiness.ready, "good_for": good_for, "about": why_not}
    return {"value": engine.name, "title": engine.label, **ready}


def _model() -> dict[str, Any]:
    """The checkpoints of all engines; the page asks for itself which of them are here."""
    usual = "The one that the effort means, or another one if only that is here."
    choices: list[dict[str, Any]] = [{"value": "", "title": "Usual", "good_for": usual}]
    registry = Registry.load(home())
    choices += [
        {"value": model.name, "title": model.name, "good_for": model.checkpoint.good_for, "engines": [engine.name]}
        for engine in engines()
        for model in registry.choices(engine.name)
    ]
    return {"kind": "choice", "control": "models", "help": "The checkpoint to use.", "choices": choices}


def _control() -> dict[str, Any]:
    """What may lead an engine: the form offers what the chosen one can be led by, and leaves `none` to all."""
    return {"choices": [_lead(str(each)) for each in Settings.field("generate.control").choices]}


def _lead(control: str) -> dict[str, Any]:
    names = [each.name for each in engines() if control in each.caps.controls]
    return {"value": control, "title": control.replace("_", " ").capitalize()} | ({"engines": names} if names else {})


def _references() -> dict[str, Any]:
    """The settings of all reference pictures, which have one control, and how many of them each engine takes."""
    most = {each.name: each.caps.references for each in engines()}
    about = (
        "The built-in engine takes on its colours, contrast and texture, and in the look picture its strokes; a model "
        "takes after what it shows."
    )
    several_for = {each.name: sorted(each.caps.several_for) for each in engines() if each.caps.several_for}
    styles = [{"name": name, "about": line, "url": f"/studio/styles/{name}"} for name, line in STYLES.items()]
    words = {"heading": "Reference picture (optional)", "noun": "reference picture", "about": about}
    return {
        "control": "references",
        "settings": list(REFERENCES),
        "most": most,
        "several_for": several_for,
        "styles": styles,
        **words,
    }


def _anchor_engine() -> dict[str, Any]:
    """What makes the frames of a picture that is brought to life: its own pixels, or an engine that takes frames."""
    about = "The picture's own pixels are carried along the motion, and painted in the look that you choose."
    plain = {"value": CARRIED, "title": "Carried along (CPU, no model)", "ready": True, "good_for": about, "about": ""}
    others = [_engine_choice(each, MAKES) for each in engines() if _animates(each)]
    return {"control": "engines", "help": "What makes the frames.", "choices": [plain, *others]}


def _anchor() -> dict[str, Any]:
    """The picture that is brought to life; its control is that of reference pictures, and it takes one."""
    return {"control": "references", "settings": ["animate.anchor"]}


def _look() -> dict[str, Any]:
    """The looks with their pictures, and what each one is."""
    choices = [_look_choice(name, about) for name, about in LOOKS.items()]
    return {"help": "What the picture is made into; the preview shows it on your own frame.", "choices": choices}


def _look_choice(name: str, about: str) -> dict[str, Any]:
    """A look, with what is missing here where it needs something."""
    ready = nets.readiness() if name == nets.LOOK else Readiness(True)
    why_not = "" if ready.ready else f" It cannot be painted here yet. {ready.reason} {ready.remedy}"
    picture = f"/studio/static/looks/{name}.jpg"
    return {"value": name, "title": name.capitalize(), "about": about + why_not, "picture": picture} | (
        {} if ready.ready else {"ready": False}
    )


def _anchor_look() -> dict[str, Any]:
    """The looks, and before them that a picture stays as it is."""
    plain = {"value": "none", "title": "None", "about": "The picture stays as it is."}
    return {"choices": [plain, *_look()["choices"]]}


def _background() -> dict[str, Any]:
    """What a plate is, in words for those who never heard of one."""
    choices = [{"value": "keep", "title": "As filmed"}, {"value": "plate", "title": "Cleaned"}]
    about = (
        "What the person stands before: the source's own pixels, or a background from which their old outline and "
        "shadow are cleaned, for looks that change the person's shape."
    )
    return {"help": about, "choices": choices}


ELSEWHERE = (
    "analysis.matte", "analysis.strokes", KEYS, *REFERENCES[1:], *TIMELINE, "film.plan", "given.transcript",
    "given.changes", "given.music", "given.logo", "given.broll", "given.pictures",
)  # fmt: skip
"""Settings that another part of the page sets; the form only keeps them."""
OF_A_TAB = ("analyse",)
"""Kinds of jobs that a tab of their own submits; the form does not offer them."""
WITHOUT_MODEL = {
    "restyle": f"{len(LOOKS)} looks, each an edit of the source's own pixels. Only picture needs weights: 3 MB.",
    "keyframe": "A few frames that you paint in any program, carried through the clip. It needs no weights.",
}
MAKES = "All frames are made anew from the picture, what leads them and a prompt."
MORE: dict[str, Callable[[], dict[str, Any]]] = {
    "animate.anchor": _anchor,
    "animate.engine": _anchor_engine,
    "animate.look": _anchor_look,
    "generate.engine": _engine,
    "generate.model": _model,
    "generate.look": _look,
    "generate.prompt": lambda: {"control": "prompt"},
    "generate.control": _control,
    "generate.loras": lambda: {"control": "loras"},
    GUIDE: lambda: {"control": "guide", "noun": "guide"},
    "pair.background": lambda: {"control": "guide", "noun": "background"},
    "generate.seed": lambda: {"control": "seed"},
    "generate.reference": _references,
    "composite.background": _background,
}
"""Settings that a form explains better than their description does."""
