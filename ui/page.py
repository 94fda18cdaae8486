"""The page: four tabs, and what browsers load with it."""

from typing import Any

import gradio as gr

from ui.create import create, element
from ui.studio import Studio

ELEMENTS = ("page", "clips", "reference", "look", "jobs", "result", "dashboard")
HEAD = "\n".join(
    [
        '<meta name="description" content="Restyle a person; keep the camera, the feet and the timing.">',
        '<link rel="stylesheet" href="/studio/static/studio.css">',
        *(f'<link rel="stylesheet" href="/studio/static/{name}.css">' for name in ELEMENTS),
        *(f'<script type="module" src="/studio/static/{name}.js"></script>' for name in ELEMENTS),
    ]
)
ASKS = '\n<meta name="reshoot-login" content="asked">'
"""For those who must be able to sign out."""
TABS = {"jobs": "Jobs", "result": "Result", "dashboard": "Dashboard"}
NOT_PLAIN = "an object or a list"
"""Stands for what no control of the form carries, and is refused like every wrong text."""


class Page(gr.Blocks):
    """Gradio's page for controls that carry plain values alone.

    Gradio itself copies every file of this machine, or of the web, that an object names ({"path": ..., "meta": ...})
    to where it gives files out, whichever control the object was sent for: so none gets as far as that.
    """

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *more: Any, **named: Any) -> Any:
        """What the function of an event is called with."""
        plain = [each if isinstance(each, str | int | float | None) else NOT_PLAIN for each in inputs]
        return await super().preprocess_data(block_fn, plain, *more, **named)


def page(studio: Studio) -> gr.Blocks:
    """The whole of it."""
    blocks: gr.Blocks
    with Page(title="Reshoot", analytics_enabled=False, fill_width=True) as blocks:
        element("header")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Create", id="create", elem_id="create-tab"):
                create(studio)
            for name, title in TABS.items():
                with gr.Tab(title, id=name, elem_id=f"{name}-tab"):
                    element(name)
    return blocks
