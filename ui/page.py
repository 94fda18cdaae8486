"""The page: four tabs, and what browsers load with it."""

import gradio as gr

from ui.create import create, element
from ui.studio import Studio

ELEMENTS = ("page", "clips", "look", "jobs", "result", "dashboard")
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
SWEPT_S = (3600, 24 * 3600)
"""How often, and of what age, pictures that were dropped into the form go; what jobs use of them is kept elsewhere."""
TABS = {"jobs": "Jobs", "result": "Result", "dashboard": "Dashboard"}


def page(studio: Studio) -> gr.Blocks:
    """The whole of it."""
    blocks: gr.Blocks
    with gr.Blocks(title="Reshoot", analytics_enabled=False, fill_width=True, delete_cache=SWEPT_S) as blocks:
        element("header")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Create", id="create", elem_id="create-tab"):
                create(studio)
            for name, title in TABS.items():
                with gr.Tab(title, id=name, elem_id=f"{name}-tab"):
                    element(name)
    return blocks
