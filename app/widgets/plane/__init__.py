"""Plane: a latent space of two numbers, all of it decoded, at any moment of the training, with a digit of one's own."""

from __future__ import annotations

from typing import Any, ClassVar

from app.explore.opened import OpenModel
from app.kit.examples import examples_for
from app.kit.pictures import data_url
from app.kit.web import snapshot_address
from app.kit.widget import Widget
from vae.checkpoint import load_info
from vae.images import open_picture


class Plane(Widget):
    """Shows, from left to right, a digit that is drawn, its place among all latents, and what is decoded there.

    All is computed in the browser, from the model's snapshots; the server is asked nothing.

    The value is the stage, which decides what is shown: "1" the place, "2" the posterior and samples of it as well, "3"
    the data, the prior and the training without the KL; any other value shows, and fetches, nothing.

    Props:
        plane: what `describe` builds.
    """

    PROPS: ClassVar[dict[str, Any]] = {"plane": None}

    @staticmethod
    def describe(model: OpenModel) -> dict[str, Any]:
        """What the page needs of a model whose latent is two numbers, and which has snapshots of both runs.

        Returns:
            `architecture`; `runs`: of each, its moments in order, with the `step` and where the `file` is; `digits`:
            pictures to take instead of drawing one, with a `name` and a `url`.
        """
        return {
            "architecture": load_info(model.folder).config.to_dict(),
            "runs": {
                run: [{"step": one.step, "file": snapshot_address(model.name, one.digest)} for one in snapshots]
                for run, snapshots in model.snapshots.items()
            },
            "digits": [
                {"name": path.stem.partition("-")[2], "url": data_url(open_picture(path))}
                for path in examples_for(model).values()
            ],
        }
