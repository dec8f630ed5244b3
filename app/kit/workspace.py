"""What the tabs share: the models, what keeps them drawn, and the ways from one to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from app.explore.library import Library
from app.kit.events import Refresh
from app.kit.sending import Target, send_buttons


@dataclass(frozen=True)
class Workspace:
    """Handed to each tab as it is built.

    Attributes:
        library: the models.
        refresh: keeps what a tab shows true to the model and the tab's inputs.
        tabs: to open one from another.
        targets: where pictures can be sent, by name; each tab renders the inputs of its own.
    """

    library: Library
    refresh: Refresh
    tabs: gr.Tabs
    targets: Mapping[str, Target]

    @property
    def model(self) -> gr.Dropdown:
        """The picker; its value is a name in the library."""
        return self.refresh.model

    def send_buttons(self, picture: Component, *but: str) -> None:
        """A row of buttons that take the path that `picture` holds to every target but those named."""
        send_buttons(self.targets, self.tabs, picture, *but)
