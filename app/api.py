"""The HTTP API: the same questions as the tabs ask, as named endpoints for `gradio_client`.

Every endpoint's docstring is its description, and the types and names of its parameters are part of the contract.

Pictures are given to Gradio as files. Of a Pillow picture it writes a file under a name of its content, anew each time:
who is fetching the same picture meanwhile gets half of it.
"""

from __future__ import annotations

import gradio as gr

from app.explore import files, interpolate, latents, map, reconstruct, sample
from app.explore.library import Library
from app.explore.limits import RequestError, check_seed
from app.explore.subject import Subject, open_subject
from app.explore.turns import each_in_turn
from app.kit.events import explained
from app.kit.inputs import LabelJSON, LatentJSON, PictureFile, RawNumber


class _API:
    """The endpoints. Their names are those of the methods."""

    def __init__(self, library: Library):
        self._library = library

    def models(self) -> list[dict]:
        """The models that can be asked, the default first.

        Returns:
            For each: name, title, summary, image_size, latent ("vector" or "spatial"), latent_shape, has_variance,
            has_map, metrics, default.
        """
        return self._library.list()

    def reconstruct(self, image, temperature, seed, model):
        """Encodes a picture and decodes it again.

        Args:
            image: any picture; of another shape than square, its central square.
            temperature: 0 decodes the posterior mean, 1 a sample of the posterior; 0 to 3.
            seed: of that sample; a whole number from 0 to 4294967295.
            model: a model's name; empty for the default.

        Returns:
            The reconstruction (PNG); and psnr_db, ssim, l1, kl_nats (null where the encoder has no variance).
        """
        opened = self._library[model]
        made = reconstruct.reconstruct(opened, _subject(image, "image"), temperature, seed)
        return files.save_picture(made.reconstruction, opened.name, "reconstruction"), made.metrics

    def interpolate(self, image_a, image_b, t, method, model):
        """The picture at t between the latents of two pictures.

        Args:
            image_a: any picture.
            image_b: another picture.
            t: the place between them: 0 is image_a's, 1 is image_b's.
            method: "slerp" or "lerp".
            model: a model's name; empty for the default.

        Returns:
            The picture (PNG), which carries its latent.
        """
        opened, a, b = self._library[model], _subject(image_a, "image_a"), _subject(image_b, "image_b")
        return files.save_picture(interpolate.interpolate(opened, a, b, t, method), opened.name, "interpolation")

    def interpolation(self, image_a, image_b, steps, method, model):
        """Pictures at even steps between the latents of two pictures.

        Args:
            image_a: any picture; the first is its reconstruction.
            image_b: another picture; the last is its reconstruction.
            steps: how many pictures; 2 to 65.
            method: "slerp" or "lerp".
            model: a model's name; empty for the default.

        Returns:
            The pictures (PNG).
        """
        opened, a, b = self._library[model], _subject(image_a, "image_a"), _subject(image_b, "image_b")
        drawn = interpolate.interpolation(opened, a, b, steps, method)
        return [files.save_picture(picture, opened.name, f"interpolation {k}") for k, picture in enumerate(drawn, 1)]

    def sample(self, count, temperature, seed, model, distribution, label):
        """Pictures decoded from latents drawn at random.

        Args:
            count: how many pictures; 1 to 64.
            temperature: scales the noise; 0 to 3.
            seed: the same seed gives the same pictures; a whole number from 0 to 4294967295.
            model: a model's name; empty for the default.
            distribution: "prior", N(0, I); "gaussian" or "mixture", fitted to the data; or "flow", where there is one.
            label: what every picture shall show, as {"column": "label"}; {} for any. Only "flow" knows labels.

        Returns:
            The pictures (PNG), which carry their latents.
        """
        opened = self._library[model]
        seed = check_seed(seed)
        drawn = sample.sample(opened, distribution, count, temperature, seed, label)

        def save(number, latent):
            return files.save_drawn(opened, latent, f"sample {number} of seed {seed}")

        return each_in_turn(save, enumerate(drawn, 1))

    def encode(self, image, model):
        """What the encoder makes of a picture: a normal distribution of each number of the latent.

        Args:
            image: any picture; of another shape than square, its central square.
            model: a model's name; empty for the default.

        Returns:
            mean and log_var, as nested lists of the model's latent_shape; log_var is null where the encoder has no
            variance.
        """
        posterior = self._library[model].posterior(_subject(image, "image"))
        return posterior.mean.tolist(), None if posterior.log_var is None else posterior.log_var.tolist()

    def decode(self, latent, model):
        """The picture of a latent.

        Args:
            latent: numbers in nested lists, of the model's latent_shape; of up to 128 x 128 places.
            model: a model's name; empty for the default.

        Returns:
            The picture (PNG), which carries its latent.
        """
        opened = self._library[model]
        return files.save_drawn(opened, latents.from_lists(latent, opened), "a latent of your own")

    def locate(self, image, model):
        """Where on the map a picture belongs.

        Args:
            image: any picture.
            model: the name of a model with a map; empty for the default.

        Returns:
            x, y, and its nearest neighbours in latent space, nearest first: index, id, labels, weight of each.
        """
        place = map.locate(self._library[model], _subject(image, "image"))
        neighbours = [
            {"index": point.index, "id": point.id, "labels": point.labels, "weight": weight}
            for point, weight in zip(place.neighbours, place.weights, strict=True)
        ]
        return place.x, place.y, neighbours

    def decode_at(self, x, y, model):
        """The picture of a place on the map, from the latents of the nearest points, weighted by distance.

        Args:
            x: a map coordinate.
            y: the other one.
            model: the name of a model with a map; empty for the default.

        Returns:
            The picture (PNG), which carries its latent.
        """
        opened = self._library[model]
        latent, _ = map.latent_at(opened, x, y)
        return files.save_drawn(opened, latent, f"the map at {float(x):.2f}, {float(y):.2f}")


def build(library: Library) -> None:
    """Registers the endpoints on the page. Their inputs and outputs are components, hidden, that give them types."""
    api = _API(library)
    with gr.Row(visible=False):
        image, image_a, image_b = (PictureFile(name) for name in ("image", "image_a", "image_b"))
        posterior_temperature = RawNumber(0.0, label="temperature")
        prior_temperature = RawNumber(1.0, label="temperature")
        seed = RawNumber(0, label="seed")
        t = RawNumber(0.5, label="t")
        x, y = RawNumber(0.0, label="x"), RawNumber(0.0, label="y")
        steps, count = RawNumber(9, label="steps"), RawNumber(16, label="count")
        method = gr.Textbox("slerp", label="method")
        distribution = gr.Textbox("prior", label="distribution")
        model = gr.Textbox("", label="model")
        label = LabelJSON({}, label="label")
        latent = LatentJSON(label="latent")
        picture = gr.Image(label="picture", format="png")
        pictures = gr.Gallery(label="pictures", format="png")
        every_model, metrics, neighbours, mean, log_var = (
            gr.JSON(label=name) for name in ("models", "metrics", "neighbours", "mean", "log_var")
        )

        _endpoint(api.models, [], every_model)
        _endpoint(api.reconstruct, [image, posterior_temperature, seed, model], [picture, metrics])
        _endpoint(api.interpolate, [image_a, image_b, t, method, model], picture)
        _endpoint(api.interpolation, [image_a, image_b, steps, method, model], pictures)
        _endpoint(api.sample, [count, prior_temperature, seed, model, distribution, label], pictures)
        _endpoint(api.encode, [image, model], [mean, log_var])
        _endpoint(api.decode, [latent, model], picture)
        _endpoint(api.locate, [image, model], [x, y, neighbours])
        _endpoint(api.decode_at, [x, y, model], picture)


def _endpoint(handler, inputs, outputs) -> None:
    gr.Button(visible=False).click(explained(handler), inputs, outputs, api_name=handler.__name__)


def _subject(path: str | None, name: str) -> Subject:
    if path is None:
        raise RequestError(f"{name} is missing: give a picture.")
    return open_subject(path)
