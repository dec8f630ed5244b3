"""What a training run is: the model, the loss, the optimiser, the pictures. And the presets."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from vae.losses import L1SSIM, LossWeights, Objective, objective_record
from vae.model import VAEConfig

# GiB of pictures that live in each device's memory. Not part of a run: the weights are the same wherever they are.
DEVICE_MEMORY_BUDGET = 4


class FlagError(ValueError):
    """A wrong value of a flag, seen only once the data set, the model or the devices are known."""

    def __init__(self, flag: str, problem: str):
        super().__init__(f"argument {flag}: {problem}")


@dataclass(frozen=True)
class TrainConfig:
    """One training run, whole: the same configuration, data and machine give the same weights.

    Attributes:
        model: the architecture.
        objective: the loss.
        init_from: a model folder, whose parameters the run begins with; empty for random ones.
        decoder_only: leave the encoder as it is.
        free_bits: nats that each dimension of the latent may carry before it costs anything.
        kl_warmup: steps over which the KL weight rises from 0; lets the decoder find the latent useful first.
        steps: optimiser steps in all.
        batch_size: pictures a step.
        accumulate: equal parts that a step goes through its batch in: one is in memory at a time, and the step is the
            same but for rounding.
        learning_rate: peak of the schedule: linear warm-up, then a cosine to a hundredth.
        warmup: steps of the linear warm-up.
        weight_decay: AdamW's, on kernels only.
        clip_norm: gradients are scaled down to this global norm.
        ema_decay: of the average of the weights, which is what gets exported.
        load_size: pictures are centre-cropped and resized to this side when they are loaded, pixels.
        crop: side of the random crop taken for each step, pixels; a vector latent needs the model's own size.
        zoom: crops are magnified by a random factor from 1 to this.
        flip: mirror every other picture at random. Never for pictures that have a reading direction.
        seed: of the initial weights, the order of pictures, crops, flips and posterior samples.
    """

    model: VAEConfig = field(default_factory=VAEConfig)
    objective: Objective = L1SSIM()
    init_from: str = ""
    decoder_only: bool = False
    free_bits: float = 0.0
    kl_warmup: int = 500
    steps: int = 10_000
    batch_size: int = 32
    accumulate: int = 1
    learning_rate: float = 1e-3
    warmup: int = 200
    weight_decay: float = 1e-2
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    load_size: int = 256
    crop: int = 256
    zoom: float = 1.0
    flip: bool = False
    seed: int = 0

    def __post_init__(self):
        if self.model.latent == "vector" and self.crop != self.model.image_size:
            raise ValueError(
                f"crop is {self.crop}; a vector latent accepts only the model's image_size, {self.model.image_size}"
            )
        if self.crop > self.load_size or self.crop % self.model.downsampling:
            raise ValueError(
                f"crop is {self.crop}; accepted: multiples of {self.model.downsampling} up to {self.load_size}"
            )
        of_batch = "a dimension's free bits" if self.free_bits else self.objective.of_batch
        if self.accumulate > 1 and of_batch:
            raise FlagError(
                "--accumulate",
                f"{self.accumulate} given; accepted with this loss: 1, as {of_batch} can be told of whole batches only",
            )

    def with_model(self, model: VAEConfig) -> TrainConfig:
        """The same run of another architecture: pictures are loaded and cropped in proportion to its own size."""
        if model == self.model:
            return self
        load_size = self.load_size * model.image_size // self.model.image_size
        crop = model.image_size if model.latent == "vector" else min(self.crop, load_size)
        return dataclasses.replace(self, model=model, load_size=load_size, crop=crop)

    @property
    def is_perceptual(self) -> bool:
        """Whether the loss compares features, which come with a package."""
        return self.objective.weights is not None and self.objective.weights.perceptual > 0

    def to_dict(self) -> dict:
        """The configuration as JSON-ready types."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {"model": values.pop("model").to_dict(), **objective_record(values.pop("objective")), **values}


VECTOR_64 = VAEConfig(image_size=64, latent="vector", latent_dim=128, channels=(32, 64, 128), halve_first=True)

# The reference spatial configuration, for a GPU: crops of nearly the whole picture, as the norms average over places.
# It is fully convolutional: on a CPU, small crops (--crop 64 --batch-size 8) teach it most of that within an hour.
PHOTOS = TrainConfig(
    model=VAEConfig(),
    objective=L1SSIM(LossWeights(1.0, 0.2, 5e-7)),
    steps=10_000,
    batch_size=16,
    load_size=272,
    crop=256,
    zoom=2.0,
    flip=True,
)

PRESETS: dict[str, TrainConfig] = {
    # For any pictures, and for a first look: minutes on two CPU cores. Pictures that vary much need many numbers, and
    # the KL weighs little: what is asked first of a model is whether it can draw them at all. The average follows
    # closely, as the run is short.
    "pictures": TrainConfig(
        model=dataclasses.replace(VECTOR_64, latent_dim=256, channels=(32, 64, 64)),
        objective=L1SSIM(LossWeights(1.0, 0.25, 2e-5)),
        steps=1_500,
        learning_rate=2e-3,
        kl_warmup=0,
        ema_decay=0.99,
        load_size=64,
        crop=64,
    ),
    # One object in the middle of a white background: a vector latent, small enough for two CPU cores.
    # A mirrored fruit is a fruit.
    "fruits": TrainConfig(
        model=VECTOR_64, objective=L1SSIM(LossWeights(1.0, 0.5, 3.3e-4)), steps=18_000, load_size=64, crop=64, flip=True
    ),
    # Emoji read left to right and fill their frame: neither mirrored nor shifted.
    "emoji": TrainConfig(
        model=VECTOR_64, objective=L1SSIM(LossWeights(1.0, 0.25, 3e-5)), steps=5_000, load_size=64, crop=64
    ),
    # Drawn faces are what 12 nats of factors say: the KL can be cheap, and the samples come from a learnt prior.
    # Never mirrored, as a style looks in one direction. Slimmer at the end than VECTOR_64: 9.5 MiB of weights.
    "faces": TrainConfig(
        model=dataclasses.replace(VECTOR_64, channels=(40, 64, 120)),
        objective=L1SSIM(LossWeights(1.0, 0.5, 1.5e-4)),
        steps=4_000,
        load_size=64,
        crop=64,
    ),
    # The same faces, larger, and with a latent that keeps places apart. The KL is cheap, as a flow draws the samples.
    "faces128": TrainConfig(
        model=VAEConfig(image_size=128),
        objective=L1SSIM(LossWeights(1.0, 0.5, 1e-5)),
        steps=6_000,
        load_size=128,
        crop=128,
    ),
    # A latent of two numbers, all of which can be seen at once. The KL is dear, so that the digits fill N(0, I) without
    # gaps: two numbers cannot tell much more anyway. Small, so that it can be watched as it learns.
    "digits": TrainConfig(
        model=VAEConfig(image_size=32, latent="vector", latent_dim=2, channels=(16, 16), halve_first=True),
        objective=L1SSIM(LossWeights(1.0, 0.5, 8e-3)),
        kl_warmup=200,
        steps=1_500,
        batch_size=64,
        learning_rate=2e-3,
        ema_decay=0.99,
        load_size=32,
        crop=32,
    ),
    "photos": PHOTOS,
    # Four times the numbers a picture: what limits "photos" is its four channels, not its depth.
    "photos16": dataclasses.replace(
        PHOTOS, model=VAEConfig(latent_dim=16), objective=L1SSIM(LossWeights(1.0, 0.2, 2e-7))
    ),
}
