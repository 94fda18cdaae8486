"""The page: its five tabs, and the styles and scripts that browsers load with it. Gradio is its shell, and no more."""

from ui.create import create, element
from ui.quick_gradio import gr

ELEMENTS = (
    "page", "clips", "trim", "timeline", "intro", "reference", "keys", "look", "person", "presets", "form", "film",
    "jobs", "aligned", "result", "dashboard", "models",
)  # fmt: skip
HEAD = "\n".join(
    [
        '<meta name="description" content="Restyle a person; keep the camera, the feet and the timing.">',
        '<link rel="stylesheet" href="/studio/static/studio.css">',
        '<link rel="stylesheet" href="/studio/align/scrub.css">',
        *(f'<link rel="stylesheet" href="/studio/static/{name}.css">' for name in ELEMENTS),
        *(f'<script type="module" src="/studio/static/{name}.js"></script>' for name in ELEMENTS),
    ]
)
ASKS = '\n<meta name="reshoot-login" content="asked">'
"""Tells the page that there is a login, so that it shows a button to sign out."""
TAKES_ADDRESSES = '\n<meta name="reshoot-addresses" content="taken">'
"""Tells the page that clips may be given by their addresses."""
TABS = {"finish": "Finish", "jobs": "Jobs", "result": "Result", "dashboard": "Dashboard"}

ELEMENT = {"finish": "film"}
"""The element of a tab, where it has another name."""


def page() -> gr.Blocks:
    """Build the page."""
    blocks: gr.Blocks
    with gr.Blocks(title="Reshoot", analytics_enabled=False, fill_width=True) as blocks:
        element("header")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Create", id="create", elem_id="create-tab"):
                create()
            for name, title in TABS.items():
                with gr.Tab(title, id=name, elem_id=f"{name}-tab"):
                    element(ELEMENT.get(name, name))
                    if name == "dashboard":
                        element("models")
    return blocks
