"""The form of all settings, made from their description: what a person sees of each, and what the form says back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import gradio as gr

from pipeline.settings import Field, Settings, presets

SHORTEST_SLIDER, MOST_RADIOS = 2, 4
GROUPS = {
    "analysis": "Finding the person",
    "stabilise": "Calming the camera",
    "segments": "Segments",
    "generate": "What is made",
    "consistency": "Against flicker",
    "foot_lock": "Feet",
    "composite": "Putting the person back",
    "reshake": "The camera's own movement",
    "encode": "The file",
}


def control(field: Field, **more: Any) -> gr.components.Component:
    """The control of one setting. More may be said of it than its description knows."""
    about = {"label": _label(field), "info": field.help, "value": shown(field, field.default), **more}
    if field.kind == "choice":
        choices = [(str(each).capitalize(), str(each)) for each in field.choices]
        kind = gr.Radio if len(choices) <= MOST_RADIOS else gr.Dropdown
        return kind(**{"choices": choices, **about})
    if field.minimum is not None and field.maximum is not None and field.maximum <= 1000:
        return gr.Slider(field.minimum, field.maximum, step=_step(field), **about)
    return gr.Number(minimum=field.minimum, maximum=field.maximum, precision=0, **about)


def shown(field: Field, value: Any) -> Any:
    """A setting's value as its control holds it."""
    return str(value) if field.kind == "choice" else value


def read(preset: str, fields: Sequence[Field], values: Iterable[Any]) -> dict[str, Any]:
    """What a filled form says beyond its preset; a wrong value is refused with a sentence."""
    said = {field.name: value for field, value in zip(fields, values, strict=True)}
    chosen, usual = Settings.load(preset, said).flat(), Settings.load(preset).flat()
    return {name: value for name, value in chosen.items() if value != usual[name]}


def filled(preset: str, settings: Mapping[str, Any], fields: Sequence[Field]) -> list[Any]:
    """What each control shows for these settings."""
    values = Settings.load(preset, settings).flat()
    return [shown(field, values[field.name]) for field in fields]


def decided(fields: Sequence[Field]) -> dict[str, dict[str, Any]]:
    """What each preset shows for the settings that presets differ in; whatever else was chosen is not theirs."""
    all_shown = {preset: filled(preset, {}, fields) for preset in presets()}
    differ = [index for index in range(len(fields)) if len({values[index] for values in all_shown.values()}) > 1]
    return {preset: {fields[index].name: values[index] for index in differ} for preset, values in all_shown.items()}


def _label(field: Field) -> str:
    return f"{field.title} ({field.unit})" if field.unit else field.title


def _step(field: Field) -> float:
    if field.kind == "whole number":
        return 1
    assert field.maximum is not None
    return 0.01 if field.maximum <= 3 else 0.1
