"""Components of our own: each a gr.HTML beside its script and its style."""

from app.widgets.latent_map import LatentMap
from app.widgets.scrubber import Scrubber

__all__ = ["LatentMap", "Scrubber"]
