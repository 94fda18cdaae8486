"""Gradio theme that takes all colours from the CSS variables of studio.css, which define light and dark mode."""

from ui.quick_gradio import gr

FONTS = ("system-ui", "-apple-system", "Segoe UI", "sans-serif")
COLOURS = {
    "body_background_fill": "var(--ground)",
    "body_text_color": "var(--text)",
    "body_text_color_subdued": "var(--quiet)",
    "background_fill_primary": "var(--surface)",
    "background_fill_secondary": "var(--sunken)",
    "border_color_primary": "var(--line)",
    "border_color_accent": "var(--accent)",
    "link_text_color": "var(--accent)",
    "block_background_fill": "var(--surface)",
    "block_border_color": "var(--line)",
    "block_label_background_fill": "var(--surface)",
    "block_label_text_color": "var(--text)",
    "block_title_text_color": "var(--text)",
    "block_info_text_color": "var(--quiet)",
    "panel_background_fill": "var(--surface)",
    "accordion_text_color": "var(--text)",
    "checkbox_background_color": "var(--surface)",
    "checkbox_background_color_selected": "var(--accent)",
    "checkbox_border_color": "var(--edge)",
    "checkbox_border_color_selected": "var(--accent)",
    "checkbox_label_background_fill": "var(--surface)",
    "checkbox_label_background_fill_hover": "var(--sunken)",
    "checkbox_label_background_fill_selected": "var(--accent-soft)",
    "checkbox_label_border_color": "var(--line)",
    "checkbox_label_border_color_selected": "var(--accent)",
    "checkbox_label_text_color": "var(--text)",
    "checkbox_label_text_color_selected": "var(--text)",
    "input_background_fill": "var(--surface)",
    "input_border_color": "var(--edge)",
    "input_border_color_focus": "var(--accent)",
    "input_placeholder_color": "var(--quiet)",
    "slider_color": "var(--accent)",
    "loader_color": "var(--accent)",
    "button_primary_background_fill": "var(--accent)",
    "button_primary_background_fill_hover": "var(--accent-hover)",
    "button_primary_border_color": "var(--accent)",
    "button_primary_text_color": "var(--on-accent)",
    "button_secondary_background_fill": "var(--surface)",
    "button_secondary_background_fill_hover": "var(--sunken)",
    "button_secondary_border_color": "var(--line)",
    "button_secondary_text_color": "var(--text)",
    "error_background_fill": "var(--bad-soft)",
    "error_border_color": "var(--bad)",
    "error_text_color": "var(--bad)",
}
SHAPES = {"block_radius": "12px", "block_border_width": "1px", "block_shadow": "none", "color_accent": "var(--accent)"}


def _theme() -> gr.themes.Base:
    theme = gr.themes.Base(font=FONTS, font_mono=("ui-monospace", "monospace"))
    dark = {f"{name}_dark": value for name, value in COLOURS.items() if hasattr(theme, f"{name}_dark")}
    return theme.set(**COLOURS, **dark, **SHAPES)


THEME = _theme()
