"""The Create tab: clips and the preview of a frame on one side, the form on the other."""

from ui.quick_gradio import gr


def element(name: str) -> None:
    """Place a custom element, whose script renders it."""
    gr.HTML(f"<reshoot-{name} class='studio'></reshoot-{name}>", apply_default_css=False)


def create() -> None:
    """Place the elements of the tab."""
    with gr.Row(elem_id="create-columns"):
        with gr.Column(scale=3, min_width=320):
            element("clips")
            element("trim")
            element("timeline")
            element("intro")
            element("keys")
            element("look")
            element("person")
        with gr.Column(scale=2, min_width=320):
            element("presets")
            element("form")
