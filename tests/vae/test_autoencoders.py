"""What folders of diffusers compute, against NumPy straight from their tensors; what is wrong with one is explained.

tests/parity compares with diffusers itself.
"""

import json

import ml_dtypes
import numpy as np
import pytest
from jax.numpy import asarray
from numpy.testing import assert_allclose
from safetensors.numpy import save_file

from vae.checkpoint import CONFIG, ModelFolderError
from vae.codec import describe, open_codec
from vae.diffusers import HALF_WEIGHTS, WEIGHTS, UpsampledConv

pytestmark = pytest.mark.usefixtures("quick_compiling")

KL = {
    "_class_name": "AutoencoderKL",
    "block_out_channels": [4, 8],
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
    "layers_per_block": 1,
    "latent_channels": 3,
    "norm_num_groups": 2,
    "sample_size": 16,
    "scaling_factor": 0.5,
}
FLUX2 = {name: value for name, value in KL.items() if name != "scaling_factor"} | {
    "_class_name": "AutoencoderKLFlux2",
    "decoder_block_out_channels": [2, 6],
    "batch_norm_eps": 0.01,
}
TINY = {
    "_class_name": "AutoencoderTiny",
    "encoder_block_out_channels": [4, 4, 4],
    "decoder_block_out_channels": [4, 4, 4],
    "num_encoder_blocks": [1, 0, 2],
    "num_decoder_blocks": [2, 1, 0],
    "latent_channels": 3,
}
POOLED = TINY | {"pool": True}  # a word of these tests, which diffusers does not know
VARIANTS = {
    "kl": KL,
    "kl shifted": KL | {"shift_factor": 0.25},
    "kl mean and deviation": KL | {"latents_mean": [0.5, -1.0, 0.0], "latents_std": [2.0, 1.0, 0.25]},
    "kl without": KL | {"use_quant_conv": False, "use_post_quant_conv": False, "mid_block_add_attention": False},
    "kl one stage": KL
    | {"block_out_channels": [4], "down_block_types": ["DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D"]},
    "flux2": FLUX2,
    "tiny": TINY,
    "tiny scaled": TINY | {"scaling_factor": 2.0, "shift_factor": 0.5},
    "tiny pooled": POOLED,
}


def shapes(config):
    """The tensors that diffusers writes for a configuration: name -> shape."""
    return tiny_shapes(config) if config["_class_name"] == "AutoencoderTiny" else kl_shapes(config)


def kl_shapes(config):
    found = {}

    def conv(name, before, after, size=3):
        found[f"{name}.weight"], found[f"{name}.bias"] = (after, before, size, size), (after,)

    def norm(name, channels):
        found[f"{name}.weight"] = found[f"{name}.bias"] = (channels,)

    def resnets(name, before, after, count):
        for i in range(count):
            norm(f"{name}.resnets.{i}.norm1", before)
            conv(f"{name}.resnets.{i}.conv1", before, after)
            norm(f"{name}.resnets.{i}.norm2", after)
            conv(f"{name}.resnets.{i}.conv2", after, after)
            if before != after:
                conv(f"{name}.resnets.{i}.conv_shortcut", before, after, 1)
            before = after

    def middle(name, channels):
        resnets(name, channels, channels, 2)
        if config.get("mid_block_add_attention", True):
            norm(f"{name}.attentions.0.group_norm", channels)
            for part in ("to_q", "to_k", "to_v", "to_out.0"):
                found[f"{name}.attentions.0.{part}.weight"] = (channels, channels)
                found[f"{name}.attentions.0.{part}.bias"] = (channels,)

    latent, layers = config["latent_channels"], config["layers_per_block"]
    widths = config["block_out_channels"]
    conv("encoder.conv_in", 3, widths[0])
    for i, width in enumerate(widths):
        resnets(f"encoder.down_blocks.{i}", widths[max(i - 1, 0)], width, layers)
        if i < len(widths) - 1:
            conv(f"encoder.down_blocks.{i}.downsamplers.0.conv", width, width)
    middle("encoder.mid_block", widths[-1])
    norm("encoder.conv_norm_out", widths[-1])
    conv("encoder.conv_out", widths[-1], 2 * latent)
    widths = config.get("decoder_block_out_channels", widths)[::-1]
    conv("decoder.conv_in", latent, widths[0])
    middle("decoder.mid_block", widths[0])
    for i, width in enumerate(widths):
        resnets(f"decoder.up_blocks.{i}", widths[max(i - 1, 0)], width, layers + 1)
        if i < len(widths) - 1:
            conv(f"decoder.up_blocks.{i}.upsamplers.0.conv", width, width)
    norm("decoder.conv_norm_out", widths[-1])
    conv("decoder.conv_out", widths[-1], 3)
    if config.get("use_quant_conv", True):
        conv("quant_conv", 2 * latent, 2 * latent, 1)
    if config.get("use_post_quant_conv", True):
        conv("post_quant_conv", latent, latent, 1)
    if config["_class_name"] == "AutoencoderKLFlux2":
        found |= {"bn.running_mean": (4 * latent,), "bn.running_var": (4 * latent,), "bn.num_batches_tracked": ()}
    return found


def tiny_shapes(config):
    latent, found = config["latent_channels"], {}

    def conv(name, before, after, size=3, bias=True):
        found[f"{name}.weight"] = (after, before, size, size)
        if bias:
            found[f"{name}.bias"] = (after,)

    def blocks(first, count, pool):
        for i in range(first, first + count):
            for place in (0, 2, 4):
                conv(f"{name}.{i}.conv.{place}", 4, 4)
            if pool:
                conv(f"{name}.{i}.pool.0", 4, 16, 1, bias=False)
                found[f"{name}.{i}.pool.1.weight"] = found[f"{name}.{i}.pool.1.bias"] = (16,)
                conv(f"{name}.{i}.pool.3", 16, 4, 1, bias=False)
        return first + count

    name, at, pool = "encoder.layers", 0, config.get("pool", False)
    for stage, count in enumerate(config["num_encoder_blocks"]):
        conv(f"{name}.{at}", 4 if stage else 3, 4, bias=stage == 0)
        at = blocks(at + 1, count, pool and stage == 2)
    conv(f"{name}.{at}", 4, latent)
    name, at = "decoder.layers", 2
    conv(f"{name}.0", latent, 4)
    for stage, count in enumerate(config["num_decoder_blocks"]):
        at = blocks(at, count, pool and stage == 0)
        if stage < 2:
            conv(f"{name}.{at + 1}", 4, 4, bias=False)
            at += 2
    conv(f"{name}.{at}", 4, 3)
    return found


def draw(config):
    """Random tensors, none of them at an initial value."""
    generator = np.random.default_rng(0)
    tensors = {}
    for name, shape in shapes(config).items():
        noise = generator.normal(size=shape).astype(np.float32)
        if len(shape) > 1:
            tensors[name] = noise / np.float32(np.sqrt(np.prod(shape[1:])))
        else:
            tensors[name] = np.float32(name.endswith((".weight", "_var"))) + np.float32(0.1) * noise
    if "bn.num_batches_tracked" in tensors:
        tensors["bn.num_batches_tracked"] = np.array(7, np.int64)
    return tensors


def write(folder, config, tensors=None):
    folder.mkdir(exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(config))
    save_file(draw(config) if tensors is None else tensors, folder / WEIGHTS)
    return folder


class Reference:
    """What the tensors of a folder compute on one picture or latent, channels first, in float64."""

    def __init__(self, config, tensors):
        self.config, self.tensors = config, {name: value.astype(np.float64) for name, value in tensors.items()}
        self.groups = config.get("norm_num_groups", 4)

    def has(self, name):
        return f"{name}.weight" in self.tensors

    def conv(self, name, x, stride=1, ends=None):
        kernel = self.tensors[f"{name}.weight"]
        side = kernel.shape[-1]
        before, after = ends or (side // 2, side // 2)
        x = np.pad(x, ((0, 0), (before, after), (before, after)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), (1, 2))[:, ::stride, ::stride]
        y = np.einsum("ihwab,oiab->ohw", windows, kernel)
        return y + self.tensors[f"{name}.bias"][:, None, None] if f"{name}.bias" in self.tensors else y

    def norm(self, name, x, epsilon=1e-6):
        grouped = x.reshape(self.groups, -1)
        centred = grouped - grouped.mean(1, keepdims=True)
        normal = (centred / np.sqrt(grouped.var(1, keepdims=True) + epsilon)).reshape(x.shape)
        return normal * self.tensors[f"{name}.weight"][:, None, None] + self.tensors[f"{name}.bias"][:, None, None]

    def resnets(self, name, x):
        i = 0
        while self.has(f"{name}.resnets.{i}.conv1"):
            here = f"{name}.resnets.{i}"
            h = self.conv(f"{here}.conv1", silu(self.norm(f"{here}.norm1", x)))
            h = self.conv(f"{here}.conv2", silu(self.norm(f"{here}.norm2", h)))
            x = h + (self.conv(f"{here}.conv_shortcut", x) if self.has(f"{here}.conv_shortcut") else x)
            i += 1
            if i == 1 and self.has(f"{name}.attentions.0.group_norm"):
                x = self.attention(f"{name}.attentions.0", x)
        return x

    def attention(self, name, x):
        places = self.norm(f"{name}.group_norm", x).reshape(len(x), -1).T

        def linear(part, y):
            return y @ self.tensors[f"{name}.{part}.weight"].T + self.tensors[f"{name}.{part}.bias"]

        query, key, value = (linear(part, places) for part in ("to_q", "to_k", "to_v"))
        weights = np.exp(query @ key.T / np.sqrt(len(x)))
        attended = weights / weights.sum(1, keepdims=True) @ value
        return x + linear("to_out.0", attended).T.reshape(x.shape)

    def encode(self, picture):
        """Mean and log-variance (None for a tiny one) of a picture in [0, 1]."""
        if self.config["_class_name"] == "AutoencoderTiny":
            mean, log_var = self.sequence("encoder.layers", picture, stride=2), None
        else:
            x = self.conv("encoder.conv_in", 2 * picture - 1)
            for i in range(len(self.config["block_out_channels"])):
                x = self.resnets(f"encoder.down_blocks.{i}", x)
                if self.has(f"encoder.down_blocks.{i}.downsamplers.0.conv"):
                    x = self.conv(f"encoder.down_blocks.{i}.downsamplers.0.conv", x, stride=2, ends=(0, 1))
            x = self.resnets("encoder.mid_block", x)
            x = self.conv("encoder.conv_out", silu(self.norm("encoder.conv_norm_out", x)))
            x = self.conv("quant_conv", x) if self.has("quant_conv") else x
            mean, log_var = np.split(x, 2)
        offset, deviation = self.statistics(mean)
        return (mean - offset) / deviation, None if log_var is None else log_var - 2 * np.log(deviation)

    def decode(self, latent):
        """The picture of a latent, in [0, 1]."""
        offset, deviation = self.statistics(latent)
        x = latent * deviation + offset
        if self.config["_class_name"] == "AutoencoderTiny":
            x = self.sequence("decoder.layers", 3 * np.tanh(x / 3), stride=1)
            return np.clip(x, 0, 1)
        x = self.conv("post_quant_conv", x) if self.has("post_quant_conv") else x
        x = self.resnets("decoder.mid_block", self.conv("decoder.conv_in", x))
        for i in range(len(self.config["block_out_channels"])):
            x = self.resnets(f"decoder.up_blocks.{i}", x)
            if self.has(f"decoder.up_blocks.{i}.upsamplers.0.conv"):
                x = self.conv(f"decoder.up_blocks.{i}.upsamplers.0.conv", x.repeat(2, 1).repeat(2, 2))
        x = self.conv("decoder.conv_out", silu(self.norm("decoder.conv_norm_out", x)))
        return np.clip((x + 1) / 2, 0, 1)

    def statistics(self, latent):
        if "bn.running_var" in self.tensors:
            deviation = np.sqrt(self.tensors["bn.running_var"] + self.config["batch_norm_eps"])
            channels, height, width = latent.shape
            return (
                np.tile(numbers.reshape(channels, 2, 2), (1, height // 2, width // 2))
                for numbers in (self.tensors["bn.running_mean"], deviation)
            )
        scale = self.config.get("scaling_factor", 1.0)
        if "latents_mean" in self.config:
            mean, deviation = (np.array(self.config[key])[:, None, None] for key in ("latents_mean", "latents_std"))
            return mean, deviation / scale
        return self.config.get("shift_factor", 0.0), 1 / scale

    def sequence(self, name, x, stride):
        """A tiny one's layers: the convolutions without a bias change the resolution."""
        for i in range(40):
            here = f"{name}.{i}"
            if self.has(f"{here}.conv.0"):
                if self.has(f"{here}.pool.0"):
                    h = self.norm(f"{here}.pool.1", self.conv(f"{here}.pool.0", x), epsilon=1e-5)
                    x = x + self.conv(f"{here}.pool.3", np.maximum(h, 0))
                h = np.maximum(self.conv(f"{here}.conv.0", x), 0)
                h = np.maximum(self.conv(f"{here}.conv.2", h), 0)
                x = np.maximum(x + self.conv(f"{here}.conv.4", h), 0)
            elif self.has(here) and f"{here}.bias" in self.tensors:
                x = self.conv(here, x)
                x = np.maximum(x, 0) if here == "decoder.layers.0" else x
            elif self.has(here):
                x = x if stride == 2 else x.repeat(2, 1).repeat(2, 2)
                x = self.conv(here, x, stride)
        return x


def silu(x):
    return x / (1 + np.exp(-x))


@pytest.fixture
def pictures():
    return np.random.default_rng(1).random((2, 16, 24, 3), dtype=np.float32)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_folder_computes_what_its_tensors_say(name, tmp_path, pictures):
    config = VARIANTS[name]
    reference = Reference(config, draw(config))
    codec = open_codec(write(tmp_path / "model", config))
    posterior = codec.encode(pictures)
    latents = np.random.default_rng(2).standard_normal(posterior.mean.shape, dtype=np.float32)
    drawn = codec.decode(latents)
    assert drawn.shape == pictures.shape
    assert drawn.dtype == posterior.mean.dtype == np.float32
    for i, picture in enumerate(pictures):
        mean, log_var = reference.encode(picture.transpose(2, 0, 1))
        assert_allclose(posterior.mean[i], mean.transpose(1, 2, 0), atol=1e-4)
        if log_var is None:
            assert posterior.log_var is None
        else:
            assert_allclose(posterior.log_var[i], log_var.transpose(1, 2, 0), atol=1e-4)
        assert_allclose(drawn[i], reference.decode(latents[i].transpose(2, 0, 1)).transpose(1, 2, 0), atol=1e-4)
    assert np.ptp(drawn) > 0.3  # and is not clipped all over


def test_a_large_mean_does_not_drown_the_variance(tmp_path, pictures):
    tensors = draw(KL)
    tensors["encoder.conv_in.bias"] += 1000
    codec = open_codec(write(tmp_path / "model", KL, tensors))
    mean, _ = Reference(KL, tensors).encode(pictures[0].transpose(2, 0, 1))
    assert_allclose(codec.encode(pictures[:1]).mean[0], mean.transpose(1, 2, 0), atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_weights_of_any_precision_are_computed_with_in_float32(dtype, tmp_path, pictures):
    tensors = {name: value.astype(dtype) for name, value in draw(TINY).items()}
    rounded = open_codec(write(tmp_path / "rounded", TINY, {k: v.astype(np.float32) for k, v in tensors.items()}))
    codec = open_codec(write(tmp_path / "model", TINY, tensors))
    mean = codec.encode(pictures).mean
    assert mean.dtype == np.float32
    assert_allclose(mean, rounded.encode(pictures).mean, atol=1e-6)


def test_a_file_of_half_precision_stands_in_for_the_full_one(tmp_path):
    folder = write(tmp_path / "model", TINY)
    full = open_codec(folder)
    (folder / WEIGHTS).rename(folder / HALF_WEIGHTS)
    latents = np.random.default_rng(0).normal(size=(1, *full.description.latent_shape)).astype(np.float32)
    np.testing.assert_array_equal(open_codec(folder).decode(latents), full.decode(latents))


@pytest.mark.parametrize("as_convolutions", [False, True])
def test_attention_opens_under_its_names_of_old(as_convolutions, tmp_path, pictures):
    former = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = {}
    for name, value in draw(KL).items():
        renamed = name
        for today, then in former.items():
            renamed = renamed.replace(f".{today}.", f".{then}.")
        as_convolution = as_convolutions and renamed != name and value.ndim == 2
        tensors[renamed] = value[:, :, None, None] if as_convolution else value
    old, new = open_codec(write(tmp_path / "old", KL, tensors)), open_codec(write(tmp_path / "new", KL))
    assert_allclose(old.encode(pictures).mean, new.encode(pictures).mean, atol=1e-6)


def test_upsampling_before_the_convolution_is_the_same_as_after():
    layer = UpsampledConv(2, 3)
    generator = np.random.default_rng(0)
    layer.kernel[...] = generator.normal(size=(3, 3, 2, 3))
    layer.bias[...] = generator.normal(size=3)
    x = generator.normal(size=(2, 4, 6, 2)).astype(np.float32)
    plain = Reference(
        {}, {"up.weight": np.array(layer.kernel[...]).transpose(3, 2, 0, 1), "up.bias": np.array(layer.bias)}
    )
    for i in range(2):
        large = x[i].transpose(2, 0, 1).repeat(2, 1).repeat(2, 2)
        assert_allclose(layer(asarray(x))[i], plain.conv("up", large).transpose(1, 2, 0), atol=1e-5)


@pytest.mark.parametrize(
    ("config", "kind", "has_variance", "size", "latent_shape"),
    [
        (KL, "autoencoder-kl", True, 16, (8, 8, 3)),
        (KL | {"sample_size": 1024}, "autoencoder-kl", True, 256, (128, 128, 3)),
        (KL | {"sample_size": [512, 768]}, "autoencoder-kl", True, 256, (128, 128, 3)),
        (KL | {"sample_size": 101}, "autoencoder-kl", True, 100, (50, 50, 3)),
        (FLUX2 | {"sample_size": 102}, "autoencoder-kl", True, 100, (50, 50, 3)),
        (TINY, "autoencoder-tiny", False, 256, (64, 64, 3)),
    ],
)
def test_a_description_says_what_the_app_asks(config, kind, has_variance, size, latent_shape, tmp_path):
    (tmp_path / "my model").mkdir()
    (tmp_path / "my model" / CONFIG).write_text(json.dumps(config))
    found = describe(tmp_path / "my model")
    assert (found.kind, found.has_variance, found.image_size) == (kind, has_variance, size)
    assert (found.latent_shape, found.title) == (latent_shape, "my model")
    assert (found.objective, found.training) == (None, {})
    assert f"become {config['latent_channels']} numbers" in found.summary


@pytest.mark.parametrize(
    ("place", "title"),
    [
        ("taesd", "taesd"),
        ("sd-turbo/vae", "sd-turbo/vae"),
        ("hub/models--madebyollin--taesd/snapshots/0123abcd", "madebyollin/taesd"),
        ("hub/models--stabilityai--sd-turbo/snapshots/0123abcd/vae", "stabilityai/sd-turbo/vae"),
    ],
)
def test_the_title_is_the_name_that_people_know(place, title, tmp_path):
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / CONFIG).write_text(json.dumps(TINY))
    assert describe(tmp_path / place).title == title


def test_pictures_of_any_multiple_of_the_downsampling(tmp_path):
    folder = write(tmp_path / "model", TINY)
    assert describe(folder, image_size=12).latent_shape == (3, 3, 3)
    assert open_codec(folder, image_size=512).description.image_size == 512
    for size in (0, -4, 18):
        with pytest.raises(ModelFolderError, match=f"multiples of 4 pixels, not {size}"):
            describe(folder, image_size=size)
    with pytest.raises(ModelFolderError, match="multiples of 4 pixels, not 18"):  # squares of 2x2, halved once
        describe(write(tmp_path / "flux2", FLUX2), image_size=18)


NAN = float("nan")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (KL | {"_class_name": "AutoencoderDC"}, ["'AutoencoderDC'", "AutoencoderKL", "AutoencoderTiny"]),
        (KL | {"_class_name": None}, ["None", "this version opens"]),
        (KL | {"_class_name": ["AutoencoderKL"]}, ["this version opens"]),
        (KL | {"_class_name": "x" * 10_000}, ["this version opens"]),
        (KL | {"block_out_channels": [64] * 1000}, ["block_out_channels", "1 to 8 whole numbers"]),
        (KL | {"block_out_channels": []}, ["block_out_channels"]),
        (KL | {"block_out_channels": 64}, ["block_out_channels is 64"]),
        (KL | {"block_out_channels": {"0": 64}}, ["block_out_channels"]),
        (KL | {"block_out_channels": [4, "8"]}, ["block_out_channels"]),
        (KL | {"block_out_channels": [4, 10**9]}, ["block_out_channels", "to 4096"]),
        (KL | {"block_out_channels": [4, 7]}, ["block_out_channels is (4, 7)", "multiples of norm_num_groups, 2"]),
        (KL | {"layers_per_block": 100_000}, ["layers_per_block is 100000", "from 1 to 32"]),
        (KL | {"layers_per_block": True}, ["layers_per_block is True"]),
        (KL | {"layers_per_block": 1.5}, ["layers_per_block is 1.5"]),
        (KL | {"norm_num_groups": 0}, ["norm_num_groups is 0"]),
        (KL | {"latent_channels": -1}, ["latent_channels is -1"]),
        (KL | {"scaling_factor": NAN}, ["scaling_factor is nan"]),
        (KL | {"scaling_factor": 0}, ["scaling_factor is 0"]),
        (KL | {"scaling_factor": None}, ["scaling_factor is None"]),
        (KL | {"scaling_factor": "0.18215"}, ["scaling_factor is '0.18215'"]),
        (KL | {"scaling_factor": 10**400}, ["scaling_factor"]),
        (KL | {"shift_factor": float("inf")}, ["shift_factor is inf"]),
        (KL | {"latents_mean": [0, 0], "latents_std": [1, 1, 1]}, ["latents_mean", "a list of 3 numbers"]),
        (KL | {"latents_std": [1, 0, NAN]}, ["latents_std"]),
        (KL | {"sample_size": 0}, ["sample_size is 0"]),
        (KL | {"sample_size": [512]}, ["sample_size"]),
        (KL | {"use_quant_conv": "yes"}, ["use_quant_conv is 'yes'", "true or false"]),
        (KL | {"act_fn": "gelu"}, ["act_fn is 'gelu'", "'silu'"]),
        (KL | {"in_channels": 6}, ["in_channels is 6"]),
        (KL | {"down_block_types": ["AttnDownEncoderBlock2D"] * 2}, ["down_block_types"]),
        (FLUX2 | {"decoder_block_out_channels": [4]}, ["decoder_block_out_channels", "2 numbers"]),
        (FLUX2 | {"patch_size": [1, 1]}, ["patch_size"]),
        (FLUX2 | {"batch_norm_eps": -1}, ["batch_norm_eps"]),
        (TINY | {"num_encoder_blocks": [10**6, 1, 1]}, ["num_encoder_blocks", "0 to 32"]),
        (TINY | {"num_decoder_blocks": [1, 1]}, ["num_decoder_blocks", "as many stages"]),
        (TINY | {"encoder_block_out_channels": [4, 8, 4]}, ["encoder_block_out_channels", "the same throughout"]),
        (TINY | {"decoder_block_out_channels": [4, 4]}, ["decoder_block_out_channels", "each of the 3 stages"]),
        (TINY | {"act_fn": "silu"}, ["act_fn is 'silu'", "'relu'"]),
        (TINY | {"upsample_fn": "bilinear"}, ["upsample_fn"]),
    ],
)
def test_an_invalid_config_is_explained(config, words, tmp_path):
    (tmp_path / CONFIG).write_text(json.dumps(config))  # there are no weights: nothing of them is asked before
    for attempt in (describe, open_codec):
        with pytest.raises(ModelFolderError) as error:
            attempt(tmp_path)
        message = str(error.value)
        assert [word for word in words if word not in message] == []
        assert CONFIG in message
        assert len(message) < 1000


def renamed(tensors, name, to):
    return {to if key == name else key: value for key, value in tensors.items()}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            lambda tensors: renamed(tensors, "quant_conv.weight", "quant.weight"),
            ["missing: quant_conv.weight", "left over: quant.weight"],
        ),
        (
            lambda tensors: tensors | {"quant_conv.weight": np.zeros((6, 5, 1, 1), np.float32)},
            ["quant_conv.weight is (6, 5, 1, 1)", "asks for (6, 6, 1, 1)"],
        ),
        (lambda tensors: tensors | {"quant_conv.bias": np.zeros(6, np.int32)}, ["quant_conv.bias is of type I32"]),
        (
            lambda tensors: tensors | {"quant_conv.bias": np.full(6, np.nan, np.float32)},
            ["quant_conv.bias", "not finite"],
        ),
        (lambda tensors: tensors | {"one": np.zeros(1, np.float32)}, ["left over: one"]),
        (
            lambda tensors: tensors | {"encoder.mid_block.attentions.0.query.bias": np.zeros(8, np.float32)},
            ["left over: encoder.mid_block.attentions.0."],
        ),
        (
            lambda tensors: {f"more.{i}": np.zeros(1, np.float32) for i in range(1000)},
            ["missing", "more.0", "988 more"],
        ),
        (lambda tensors: {}, ["missing: decoder.conv_in.bias"]),
    ],
)
def test_every_tensor_is_accounted_for(damage, words, tmp_path):
    folder = write(tmp_path / "model", KL, damage(draw(KL)))
    with pytest.raises(ModelFolderError) as error:
        open_codec(folder)
    message = str(error.value)
    assert [word for word in words if word not in message] == []
    assert str(folder) in message
    assert len(message) < 3000


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, [f"has no {WEIGHTS}", "save_pretrained"]),
        (b"", ["damaged", "again"]),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0123", ["damaged", "again"]),
        (b"\xff" * 64, ["damaged"]),
    ],
)
def test_damaged_weights_are_explained(content, words, tmp_path):
    for config in (KL, TINY):
        folder = write(tmp_path / config["_class_name"], config)
        (folder / WEIGHTS).unlink()
        if content is not None:
            (folder / WEIGHTS).write_bytes(content)
        with pytest.raises(ModelFolderError) as error:
            open_codec(folder)
        assert [word for word in words if word not in str(error.value)] == []


def test_a_file_cut_short_is_explained(tmp_path):
    folder = write(tmp_path / "model", KL)
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelFolderError, match="damaged"):
        open_codec(folder)


def test_a_pipeline_points_to_its_autoencoder(tmp_path):
    (tmp_path / "vae").mkdir()
    write(tmp_path / "vae", TINY)
    with pytest.raises(ModelFolderError) as error:
        describe(tmp_path)
    assert f"open {tmp_path / 'vae'}" in str(error.value)
