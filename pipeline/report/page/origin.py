"""The provenance section of the report page: the clip, the engine, the tools, the machine, and every setting."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.report.page.markup import Markup, folded, joined, table, tag
from pipeline.report.page.words import quantity
from pipeline.settings import Settings


def origin(report: dict[str, Any]) -> Markup:
    """Two folded tables: provenance and settings."""
    facts = table("Provenance", ("what", "value"), list(_facts(report)))
    settings = table("Settings", ("setting", "value", "default"), list(_settings(report["provenance"]["settings"])))
    return joined((folded("Clip, engine, tools and machine", facts), folded("All settings", settings)))


def _facts(report: dict[str, Any]) -> Iterator[Sequence[object]]:
    provenance, clip = report["provenance"], report["clip"]
    engine = provenance["engine"]
    yield "clip", tag("bdi", clip["name"])
    yield "picture", f"{clip['size'][0]}\u202f×\u202f{clip['size'][1]} px"
    yield "calm picture", f"{report['camera']['canvas'][0]}\u202f×\u202f{report['camera']['canvas'][1]} px"
    yield "camera confidence", quantity(report["camera"]["confidence"])
    yield "digest of the clip", tag("code", provenance["clip_digest"])
    yield "engine", engine.get("label") or engine.get("engine")
    if engine.get("version") is not None:
        yield "version of the engine", engine["version"]
    for fallback in engine.get("fallbacks") or ():
        yield "fallback of the engine", fallback
    yield from (*provenance["tools"].items(), *provenance["machine"].items())
    yield "largest memory", quantity(report["peak_rss_mb"], "MiB")
    yield "form of the report", report["schema"]


def _settings(settings: dict[str, Any]) -> Iterator[Sequence[object]]:
    """Each setting with its title, value and default; those that differ from the default stand out."""
    known = {field.name: field for field in Settings.fields()}
    for name, value in settings.items():
        field = known.get(name)
        title = joined((field.title, " ", tag("code", name))) if field else tag("code", name)
        unit = f" {field.unit}" if field and field.unit and value is not None else ""
        shown: object = _text(value) + unit
        changed = field is not None and value != field.default
        yield title, tag("strong", shown) if changed else shown, _text(field.default) if changed and field else "same"


def _text(value: object) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else json.dumps(value)
