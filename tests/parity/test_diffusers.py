"""The same numbers as diffusers, from the same folder: published configurations with random weights, and real weights.

Real weights are looked for in the folder that the environment variable LATENTSCAPE_AUTOENCODERS names, which holds
`taesd` and `taesd3`.
"""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderKLFlux2, AutoencoderTiny
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from vae.codec import describe, open_codec
from vae.diffusers import WEIGHTS

TOLERANCE = 1e-4  # of the range of what is compared
SIZE = 64
EXAMPLES = sorted((Path(__file__).parents[2] / "assets" / "examples").glob("photo-*.jpg"))
REAL = Path(os.environ.get("LATENTSCAPE_AUTOENCODERS", "nowhere"))

WIDE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
}
WITHOUT_QUANT = {"latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False, "sample_size": 1024}
# As published, in the config.json of each.
PUBLISHED = {
    "sd": (AutoencoderKL, WIDE | {"sample_size": 512}),
    "sdxl": (AutoencoderKL, WIDE | {"sample_size": 1024, "scaling_factor": 0.13025}),
    "sd3": (AutoencoderKL, WIDE | WITHOUT_QUANT | {"scaling_factor": 1.5305, "shift_factor": 0.0609}),
    "flux1": (AutoencoderKL, WIDE | WITHOUT_QUANT | {"scaling_factor": 0.3611, "shift_factor": 0.1159}),
    "flux2": (AutoencoderKLFlux2, {}),
    "flux2-small-decoder": (AutoencoderKLFlux2, {"decoder_block_out_channels": (96, 192, 384, 384)}),
    "playground": (
        AutoencoderKL,
        WIDE
        | {"scaling_factor": 0.5, "latents_mean": (-1.6574, 1.886, -1.383, 2.5155)}
        | {"latents_std": (8.4927, 5.9022, 6.5498, 5.2299)},
    ),
    "no-attention": (
        AutoencoderKL,
        {"block_out_channels": (32, 64), "mid_block_add_attention": False}
        | {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2},
    ),
    "taesd": (AutoencoderTiny, {}),
    "taesd3": (AutoencoderTiny, {"latent_channels": 16}),
    "tiny-scaled": (AutoencoderTiny, {"scaling_factor": 1.5, "shift_factor": 0.25}),
}


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture
def folder(tmp_path):
    """A place for a folder, deleted at once: the published sizes are hundreds of megabytes."""
    yield tmp_path / "model"
    shutil.rmtree(tmp_path)


@pytest.fixture
def pictures():
    return np.random.default_rng(0).random((2, SIZE, SIZE, 3), dtype=np.float32)


def draw(kind, config, seed=0):
    """A model of random weights, in which no norm is 1 and no bias 0."""
    torch.manual_seed(seed)
    model = kind(**config).eval()
    for name, value in model.named_parameters():
        if value.ndim == 1:
            value.copy_(name.endswith("weight") + 0.2 * torch.randn_like(value))
    if kind is AutoencoderKLFlux2:
        model.bn.running_mean.copy_(torch.randn(128))
        model.bn.running_var.copy_(torch.rand(128) + 0.5)
    return model


def first(x):
    """Channels first, in PyTorch."""
    return torch.from_numpy(np.array(x)).permute(0, 3, 1, 2)


def last(x):
    return x.permute(0, 2, 3, 1).numpy()


def statistics(model, latent):
    """Mean and deviation of the encoder's latents, as diffusers' pipelines take them away."""
    config = model.config
    if isinstance(model, AutoencoderKLFlux2):

        def laid_out(numbers):
            _, channels, height, width = latent.shape
            squares = numbers.reshape(channels, 2, 2)
            return squares.repeat(1, height // 2, width // 2)[None]

        deviation = torch.sqrt(model.bn.running_var + config.batch_norm_eps)
        return laid_out(model.bn.running_mean), laid_out(deviation)
    if config.get("latents_mean"):
        mean, deviation = (torch.tensor(config[key]).reshape(1, -1, 1, 1) for key in ("latents_mean", "latents_std"))
        return mean, deviation / config.scaling_factor
    return config.shift_factor or 0.0, 1 / config.scaling_factor


def error(actual, expected):
    """The largest error, in shares of the range of what is expected."""
    assert actual.shape == expected.shape
    return np.abs(np.asarray(actual) - expected).max() / np.ptp(expected)


def assert_parity(model, codec, pictures):
    """`codec` encodes and decodes as `model`."""
    posterior = codec.encode(pictures)
    encoded = model.encode(first(2 * pictures - 1))
    errors = {}
    if isinstance(model, AutoencoderTiny):
        offset, deviation = statistics(model, encoded.latents)
        errors["mean"] = error(posterior.mean, last((encoded.latents - offset) / deviation))
        assert posterior.log_var is None
    else:
        found = encoded.latent_dist
        offset, deviation = statistics(model, found.mean)
        errors["mean"] = error(posterior.mean, last((found.mean - offset) / deviation))
        errors["log_var"] = error(posterior.log_var, last(found.logvar - 2 * torch.log(torch.as_tensor(deviation))))
    # Latents that the model itself gives, and some that it does not.
    noise = np.random.default_rng(1).standard_normal(posterior.mean.shape, dtype=np.float32)
    for name, latent in {"decode": np.asarray(posterior.mean), "decode noise": noise}.items():
        decoded = model.decode(first(latent) * deviation + offset).sample
        expected = last(decoded / 2 + 0.5).clip(0, 1)
        assert np.ptp(expected) > 0.05  # something is left to compare
        errors[name] = error(codec.decode(latent), expected)
    print({name: f"{value:.1e}" for name, value in errors.items()})
    assert max(errors.values()) <= TOLERANCE, errors


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_configurations(name, folder, pictures):
    model = draw(*PUBLISHED[name])
    model.save_pretrained(folder)
    codec = open_codec(folder, image_size=SIZE)
    assert_parity(model, codec, pictures)
    assert codec.encode(pictures).mean.shape[1:] == codec.description.latent_shape


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", [AutoencoderKL, AutoencoderTiny])
def test_weights_of_half_precision(kind, dtype, folder, pictures):
    draw(kind, {}).to(dtype).save_pretrained(folder)
    assert_parity(
        kind.from_pretrained(folder, torch_dtype=torch.float32, low_cpu_mem_usage=False), open_codec(folder), pictures
    )


@pytest.mark.parametrize("as_convolutions", [False, True])
def test_names_of_attention_before_diffusers_0_12(as_convolutions, folder, pictures):
    model = draw(AutoencoderKL, {})
    model.save_pretrained(folder)
    former = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = {}
    for name, value in load_file(folder / WEIGHTS).items():
        renamed = name
        for today, then in former.items():
            renamed = renamed.replace(f".{today}.", f".{then}.")
        tensors[renamed] = value[..., None, None] if as_convolutions and renamed != name and value.ndim == 2 else value
    assert any(".proj_attn." in name for name in tensors)
    save_file({name: value.contiguous() for name, value in tensors.items()}, folder / WEIGHTS)
    assert_parity(model, open_codec(folder), pictures)


def test_the_pool_of_taef2(folder, pictures):
    """diffusers has none: each middle block gets one as in the author's taesd.py."""
    torch.manual_seed(0)
    model = AutoencoderTiny(latent_channels=32).eval()
    for block in [*model.encoder.layers[-4:-1], *model.decoder.layers[2:5]]:
        block.pool = nn.Sequential(
            nn.Conv2d(64, 256, 1, bias=False), nn.GroupNorm(4, 256), nn.ReLU(), nn.Conv2d(256, 64, 1, bias=False)
        )
        block.register_forward_pre_hook(lambda block, inputs: (inputs[0] + block.pool(inputs[0]),))
    for value in model.parameters():
        if value.ndim == 1:
            value.add_(0.2 * torch.randn_like(value))
    model.save_pretrained(folder)
    assert_parity(model, open_codec(folder), pictures)


@pytest.mark.parametrize("name", ["taesd", "taesd3"])
def test_real_weights(name):
    if not (REAL / name).is_dir():
        pytest.skip(f"LATENTSCAPE_AUTOENCODERS names no folder with {name}")
    model = AutoencoderTiny.from_pretrained(REAL / name, torch_dtype=torch.float32, low_cpu_mem_usage=False).eval()
    photos = [np.asarray(Image.open(path).convert("RGB").resize((256, 256))) / np.float32(255) for path in EXAMPLES[:2]]
    codec = open_codec(REAL / name)
    assert codec.description == describe(REAL / name)
    assert_parity(model, codec, np.stack(photos))
    reconstructed = codec.decode(codec.encode(np.stack(photos)).mean)
    assert np.mean((np.asarray(reconstructed) - photos) ** 2) < 0.01  # 20 dB: pictures, not only the same numbers
