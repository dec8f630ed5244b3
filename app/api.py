"""The HTTP API: the same questions as the tabs ask, as named endpoints for `gradio_client`."""

from __future__ import annotations

import gradio as gr

from app.library import Library
from app.tabs.common import PictureFile, explained
from app.widgets.numbers import RawNumber


def build(library: Library) -> None:
    """Registers the endpoints on the page. Their inputs and outputs are components, hidden, that give them types."""

    def models() -> list:
        """The models there are: name, title, summary, image size, latent, whether there is a map, held-out metrics."""
        return library.list()

    def reconstruct(image, temperature, seed, model):
        """Encodes a picture and decodes it. Temperature 0 decodes the posterior mean, 1 a sample of the posterior.

        Returns the picture (PNG) and psnr_db, ssim, l1, kl_nats.
        """
        made = library[model].reconstruct(_needed(image, "image"), temperature, seed)
        return made.reconstruction, made.metrics

    def interpolate(image_a, image_b, t, method, model):
        """The picture (PNG) at t, 0 to 1, between the encodings of two pictures; method "slerp" or "lerp"."""
        return library[model].interpolate(_needed(image_a, "image_a"), _needed(image_b, "image_b"), t, method)

    def interpolation(image_a, image_b, steps, method, model):
        """Pictures (PNG), 2 to 65, at even steps between the encodings of two pictures; method "slerp" or "lerp"."""
        return library[model].interpolation(_needed(image_a, "image_a"), _needed(image_b, "image_b"), steps, method)

    def sample(count, temperature, seed, model):
        """Pictures (PNG), 1 to 64, decoded from N(0, temperature^2 I); the same seed gives the same pictures."""
        return library[model].sample(count, temperature, seed)

    def locate(image, model):
        """Where on the map a picture belongs: x, y, and its nearest neighbours in latent space, nearest first."""
        explorer = library[model]
        place, atlas = explorer.locate(_needed(image, "image")), explorer.atlas
        found = [
            {"index": i, "id": atlas.ids[i], "labels": atlas.labels_of(i), "weight": weight}
            for i, weight in zip(place.neighbours.tolist(), place.weights.tolist(), strict=True)
        ]
        return place.x, place.y, found

    def decode_at(x, y, model):
        """The picture (PNG) of a place on the map, from the latents of the nearest points, weighted by distance."""
        return library[model].decode_at(x, y)[0]

    with gr.Row(visible=False):
        image, image_a, image_b = (PictureFile(name) for name in ("image", "image_a", "image_b"))
        posterior_temperature = RawNumber(0.0, label="temperature")
        prior_temperature = RawNumber(1.0, label="temperature")
        seed = RawNumber(0, label="seed")
        t = RawNumber(0.5, label="t")
        x, y = RawNumber(0.0, label="x"), RawNumber(0.0, label="y")
        steps, count = RawNumber(9, label="steps"), RawNumber(16, label="count")
        method = gr.Textbox("slerp", label="method")
        model = gr.Textbox("", label="model")
        picture = gr.Image(label="picture", format="png")
        pictures = gr.Gallery(label="pictures", format="png")
        every_model, metrics, neighbours = (gr.JSON(label=name) for name in ("models", "metrics", "neighbours"))

        _endpoint(models, [], every_model)
        _endpoint(reconstruct, [image, posterior_temperature, seed, model], [picture, metrics])
        _endpoint(interpolate, [image_a, image_b, t, method, model], picture)
        _endpoint(interpolation, [image_a, image_b, steps, method, model], pictures)
        _endpoint(sample, [count, prior_temperature, seed, model], pictures)
        _endpoint(locate, [image, model], [x, y, neighbours])
        _endpoint(decode_at, [x, y, model], picture)


def _endpoint(handler, inputs, outputs) -> None:
    gr.Button(visible=False).click(explained(handler), inputs, outputs, api_name=handler.__name__)


def _needed(picture: str | None, name: str) -> str:
    if picture is None:
        raise gr.Error(f"{name} is missing: give a picture.", print_exception=False)
    return picture
