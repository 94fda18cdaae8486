"""The page: its four tabs, and the styles and scripts that browsers load with it."""

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
"""Tells the page that there is a login, so that it shows a button to sign out."""
TABS = {"jobs": "Jobs", "result": "Result", "dashboard": "Dashboard"}
NOT_PLAIN = "an object or a list"
"""Replaces a value that no control of the form sends; it is then refused like any other wrong text."""


class Page(gr.Blocks):
    """A Gradio page whose event handlers receive only plain values.

    Gradio copies any local file or URL that an object names ({"path": ..., "meta": ...}) to a folder that it serves,
    whatever the control is. So objects and lists are replaced before Gradio processes them.
    """

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *more: Any, **named: Any) -> Any:
        """The arguments of an event handler, with everything but plain values replaced."""
        plain = [value if isinstance(value, str | int | float | None) else NOT_PLAIN for value in inputs]
        return await super().preprocess_data(block_fn, plain, *more, **named)


def page(studio: Studio) -> gr.Blocks:
    """Build the page."""
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
