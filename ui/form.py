"""Builds the settings form from the description of the settings, and reads a filled form."""

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
    """The Gradio control of one setting; `more` overrides what its description gives."""
    about = {"label": _label(field), "info": field.help, "value": shown(field, field.default), **more}
    if field.kind == "choice":
        choices = [(str(each).capitalize(), str(each)) for each in field.choices]
        kind = gr.Radio if len(choices) <= MOST_RADIOS else gr.Dropdown
        return kind(**{"choices": choices, **about})
    if field.minimum is not None and field.maximum is not None and field.maximum <= 1000:
        return gr.Slider(field.minimum, field.maximum, step=_step(field), **about)
    return gr.Number(minimum=field.minimum, maximum=field.maximum, precision=0, **about)


def shown(field: Field, value: Any) -> Any:
    """A setting's value in the form that its control holds."""
    return str(value) if field.kind == "choice" else value


def read(preset: str, fields: Sequence[Field], values: Iterable[Any]) -> dict[str, Any]:
    """The settings of a filled form that differ from its preset; raises SettingsError for an invalid value."""
    entered = {field.name: value for field, value in zip(fields, values, strict=True)}
    chosen, usual = Settings.load(preset, entered).flat(), Settings.load(preset).flat()
    return {name: value for name, value in chosen.items() if value != usual[name]}


def filled(preset: str, settings: Mapping[str, Any], fields: Sequence[Field]) -> list[Any]:
    """The value of each control for these settings."""
    values = Settings.load(preset, settings).flat()
    return [shown(field, values[field.name]) for field in fields]


def decided(fields: Sequence[Field]) -> dict[str, dict[str, Any]]:
    """For each preset the values of the settings in which presets differ; choosing one leaves all other settings."""
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
