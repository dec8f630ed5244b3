"""Components of our own: each a gr.HTML beside its script and its style."""

from app.widgets.heat_maps import HeatMaps
from app.widgets.latent_editor import LatentEditor
from app.widgets.latent_map import LatentMap
from app.widgets.scrubber import Scrubber

__all__ = ["HeatMaps", "LatentEditor", "LatentMap", "Scrubber"]
