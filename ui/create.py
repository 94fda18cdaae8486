"""The Create tab: add clips, choose settings, preview them on one frame, and submit jobs."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import groupby
from typing import Any

import gradio as gr

from pipeline.engines import engines
from pipeline.settings import Field, Settings, presets
from ui import form, references
from ui.restore_form import restored
from ui.routes.jobs import submit
from ui.routes.references import MOST_BYTES
from ui.studio import Studio
from utils.errors import ReshootError
from utils.untrusted_json import UntrustedJson, read_json

CLIPS = "<reshoot-clips class='studio'></reshoot-clips>"
CARRY_VALUE = """
element.addEventListener('change', (event) => {
  if (event.detail === undefined || event.detail === props.value) return;
  props.value = event.detail; trigger('change');
});"""
REFERENCE = f"<reshoot-reference class='studio' most-bytes='{MOST_BYTES}'></reshoot-reference>"
TAKE_VALUE = """
watch('value', () => element.querySelector('reshoot-reference').take?.(props.value));"""
"""JavaScript that passes a value set by the server to the element."""
ON_ITS_WAY = "on its way"
"""The form's value for a picture that is still uploading."""
CARRY_EVENTS = """
for (const kind of ['use', 'edit'])
  window.addEventListener('reshoot:' + kind, (event) => {
    props.value = JSON.stringify({...event.detail, kind, at: Date.now()}); trigger('submit');
  });"""
TELL = """(said) => {
  const told = JSON.parse(said);
  window.dispatchEvent(new CustomEvent('reshoot:' + told.kind, {detail: told}));
}"""
FRONT = ("generate.engine", "generate.look", "generate.reference", "generate.apply_to", "composite.background",
         "segments.count")  # fmt: skip
"""Settings shown outside of `Advanced`; the others have good defaults."""


@dataclass(frozen=True)
class _Controls:
    """The controls of the form, one for each setting."""

    preset: gr.Radio
    fields: tuple[Field, ...]
    parts: tuple[gr.components.Component, ...]

    @property
    def all(self) -> list[gr.components.Component]:
        return [self.preset, *self.parts]


def element(name: str) -> None:
    """Place a custom element, whose script renders it."""
    gr.HTML(f"<reshoot-{name} class='studio'></reshoot-{name}>", apply_default_css=False)


def create(studio: Studio) -> None:
    """Build the tab and connect its events."""
    with gr.Row(elem_id="create-columns"):
        with gr.Column(scale=3, min_width=320):
            clips = gr.HTML("", html_template=CLIPS, js_on_load=CARRY_VALUE, elem_id="clips", apply_default_css=False)
            element("look")
        with gr.Column(scale=2, min_width=320):
            controls = _controls()
            with gr.Row(elem_id="actions"):
                look = gr.Button("First look", elem_id="first-look")
                go = gr.Button("Restyle", variant="primary", elem_id="submit")
    courier = gr.HTML("", html_template="", js_on_load=CARRY_EVENTS, visible="hidden")
    told = gr.Textbox(visible="hidden")
    _connect(studio, clips, controls, look, go, courier, told)


def _controls() -> _Controls:
    preset = gr.Radio(
        [(name.capitalize(), name) for name in presets()],
        value="balanced",
        label="Preset",
        info=" ".join(f"{name.capitalize()}: {what}" for name, what in presets().items()),
        elem_id="preset",
    )
    drawn = {name: _front(Settings.field(name)) for name in FRONT}
    rest = [field for field in Settings.fields() if field.name not in FRONT]
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        for group, fields in groupby(rest, key=lambda field: field.group):
            with gr.Accordion(form.GROUPS[group], open=False):
                drawn |= {field.name: form.control(field) for field in fields}
    return _Controls(preset, tuple(map(Settings.field, drawn)), tuple(drawn.values()))


def _front(field: Field) -> gr.components.Component:
    """A control outside of `Advanced`, some with more explanation than the setting's description."""
    key = field.key
    if field.name == "generate.engine":
        ready = {each.name: each.probe() for each in engines()}
        choices = [(each.label, each.name) for each in engines()]
        why = [f"{name}: {it.reason} {it.remedy}" for name, it in ready.items() if not it.ready]
        return gr.Radio(choices, value=field.default, label="Model", info=" ".join(why) or field.help, elem_id=key)
    if field.name == "generate.look":
        choices = [(str(each).capitalize(), str(each)) for each in field.choices]
        return gr.Radio(choices, value=field.default, label=field.title, info="What it is made into.", elem_id=key)
    if field.name == "generate.reference":
        about: dict[str, Any] = {"label": field.title, "elem_id": key, "apply_default_css": False}
        return gr.HTML("", html_template=REFERENCE, js_on_load=CARRY_VALUE + TAKE_VALUE, **about)
    return form.control(field, elem_id=key)


def _connect(
    studio: Studio,
    clips: gr.HTML,
    controls: _Controls,
    look: gr.Button,
    go: gr.Button,
    courier: gr.HTML,
    told: gr.Textbox,
) -> None:
    quick: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    def said(preset: str, values: Sequence[Any]) -> dict[str, Any]:
        filled = {field.name: value for field, value in zip(controls.fields, values, strict=True)}
        if filled["generate.reference"] == ON_ITS_WAY:
            raise ReshootError("The reference picture is still on its way.", "Wait until it is shown, or remove it.")
        settled = references.settled(studio.home, filled, ["generate.reference"])
        return form.read(preset, controls.fields, [settled.get(field.name) for field in controls.fields])

    def use(asked: str) -> list[Any]:
        try:
            found = restored(studio, asked, controls.fields)
            about = {"kind": "used", "clips": found.clips, "missing": found.missing}
            return [found.preset, *found.values, json.dumps(about)]
        except ReshootError as error:
            return [*([gr.skip()] * len(controls.all)), _problem(error)]

    @_speaking
    def first_look(value: str, preset: str, *values: Any) -> dict[str, Any]:
        return {"kind": "look", "clip": _ready(value)[0], "preset": preset, "settings": said(preset, values)}

    @_speaking
    def order(request: gr.Request, value: str, preset: str, *values: Any) -> dict[str, Any]:
        assert request.request is not None
        jobs = submit(studio, request.request.state.owner, _ready(value), "restyle", preset, said(preset, values))
        return {"kind": "submitted", "jobs": [job.id for job in jobs]}

    _follow_preset(controls, quick)
    courier.submit(use, courier, [*controls.all, told], **quick).then(None, told, None, js=TELL)
    look.click(first_look, [clips, *controls.all], told, **quick).then(None, told, None, js=TELL)
    go.click(order, [clips, *controls.all], told, **quick).then(None, told, None, js=TELL)


def _follow_preset(controls: _Controls, quick: dict[str, Any]) -> None:
    """Apply a preset in the browser: an answer of the server could arrive late and overwrite a newer choice."""
    decided = form.decided(controls.fields)
    names = next(iter(decided.values()))
    parts = [part for field, part in zip(controls.fields, controls.parts, strict=True) if field.name in names]
    values = json.dumps({preset: list(shown.values()) for preset, shown in decided.items()})
    controls.preset.input(None, controls.preset, parts, js=f"(preset) => ({values})[preset]", **quick)


def _ready(value: str) -> list[str]:
    """The ids of the form's clips; an error with a remedy if there are none or they cannot be read."""
    try:
        clips = read_json(str(value or "[]"))
    except UntrustedJson as error:
        raise ReshootError("The clips are not in a form that can be read.", "Reload the page.") from error
    if not isinstance(clips, list) or not all(isinstance(each, dict) and each.get("id") for each in clips):
        raise ReshootError("The clips are not in a form that can be read.", "Reload the page.")
    if not clips:
        raise ReshootError("There is no clip yet.", "Add one, or try the example.")
    return [str(each["id"]) for each in clips]


def _speaking(work: Callable[..., dict[str, Any]]) -> Callable[..., str]:
    """Wrap an event handler so that it returns JSON for the page, also for an error: its problem and remedy."""

    @wraps(work)
    def speaking(*values: Any) -> str:
        try:
            return json.dumps(work(*values))
        except ReshootError as error:
            return _problem(error)

    return speaking


def _problem(error: ReshootError) -> str:
    return json.dumps({"kind": "problem", "problem": error.problem, "remedy": error.remedy})
