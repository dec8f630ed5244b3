"""The look of the page: one calm theme for light and dark. What it does not cover is in these style sheets."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

HERE = Path(__file__).parent
DOWNLOADS = HERE / "web" / "downloads.css"  # which the pages of app/export have too
STYLE = (HERE / "style.css", DOWNLOADS)


def theme() -> gr.themes.Base:
    """Teal on slate, with labels and buttons dark enough to read (WCAG AA)."""
    return gr.themes.Soft(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="slate",
        font=["ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    ).set(
        # Labels are captions, not buttons: plain text.
        block_label_background_fill="*background_fill_primary",
        block_label_background_fill_dark="*background_fill_primary",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_label_text_weight="500",
        block_title_background_fill="transparent",
        block_title_background_fill_dark="transparent",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        block_title_text_weight="500",
        block_title_padding="0",
        block_border_width="1px",
        block_border_width_dark="1px",
        # White on the lighter shades is too pale.
        checkbox_label_background_fill_selected="*primary_700",
        checkbox_label_background_fill_selected_dark="*primary_700",
        checkbox_label_text_color_selected="white",
        checkbox_label_text_color_selected_dark="white",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_600",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_secondary_background_fill="*neutral_200",
        button_secondary_background_fill_hover="*neutral_300",
        button_secondary_text_color="*neutral_800",
    )
