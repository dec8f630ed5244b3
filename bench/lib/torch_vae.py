"""The same network and training step in PyTorch, written as PyTorch likes it: what the JAX side is measured against.

channels_last throughout; SSIM by the same banded matrix products (faster here than a depthwise convolution).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from vae.layers import GROUPS
from vae.losses import LossWeights, _gaussian_band
from vae.model import LOG_VAR_RANGE, VAEConfig

NORM_EPSILON = 1e-6  # nnx.GroupNorm's


class ResNetBlock(nn.Module):
    """`vae.layers.ResNetBlock`."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(GROUPS, in_channels, NORM_EPSILON)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(GROUPS, out_channels, NORM_EPSILON)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.skip = nn.Conv2d(in_channels, out_channels, 1, bias=False) if in_channels != out_channels else None

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(functional.silu(self.norm1(x)))
        h = self.conv2(functional.silu(self.norm2(h)))
        return h + (x if self.skip is None else self.skip(x))


def upsample(in_channels: int, out_channels: int) -> nn.Module:
    """`vae.layers.Upsample`."""
    return nn.Sequential(nn.Conv2d(in_channels, 4 * out_channels, 3, padding=1), nn.PixelShuffle(2))


class VAE(nn.Module):
    """`vae.model.VAE` with a spatial latent."""

    def __init__(self, config: VAEConfig):
        super().__init__()
        first, last = config.channels[0], config.channels[-1]
        down, width = [nn.Conv2d(3, first, 3, padding=1)], first
        for channels in config.channels:
            for _ in range(config.blocks):
                down.append(ResNetBlock(width, channels))
                width = channels
            down.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
        down += [
            nn.GroupNorm(GROUPS, last, NORM_EPSILON),
            nn.SiLU(),
            nn.Conv2d(last, 2 * config.latent_dim, 3, padding=1),
        ]
        self.encoder = nn.Sequential(*down)
        up, width = [nn.Conv2d(config.latent_dim, last, 3, padding=1)], last
        for channels in reversed(config.channels):
            up.append(upsample(width, channels))
            width = channels
            up += [ResNetBlock(width, width) for _ in range(config.blocks)]
        up += [nn.GroupNorm(GROUPS, first, NORM_EPSILON), nn.SiLU(), nn.Conv2d(first, 3, 3, padding=1), nn.Sigmoid()]
        self.decoder = nn.Sequential(*up)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance; pixels in [0, 1], channels second."""
        mean, log_var = self.encoder(2 * images - 1).float().chunk(2, dim=1)
        return mean, log_var.clamp(*LOG_VAR_RANGE)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_var = self.encode(images)
        latent = mean + torch.exp(log_var / 2) * torch.randn_like(mean)
        return self.decoder(latent).float(), mean, log_var


def ssim(x: Tensor, y: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """`vae.losses.ssim`, averaged; `rows` and `columns` are its banded matrices."""
    centre = ((x + y) / 2).mean(dim=(2, 3), keepdim=True)
    dx, dy = x - centre, y - centre
    moments = rows @ torch.stack([dx, dy, dx * dx, dy * dy, dx * dy]) @ columns.T
    mean_dx, mean_dy, xx, yy, xy = moments
    mean_x, mean_y = mean_dx + centre, mean_dy + centre
    luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
    structure = (2 * (xy - mean_dx * mean_dy) + 0.03**2) / (xx - mean_dx**2 + yy - mean_dy**2 + 0.03**2)
    return (luminance * structure).mean()


def make_step(config: VAEConfig, side: int, weights: LossWeights, device: str) -> Callable[[Tensor], Tensor]:
    """A full training step on float pictures (batch, 3, side, side): loss with SSIM, backward, clipping, AdamW.

    On a GPU it is compiled and computes in bfloat16 (the loss in TF32, which JAX does not use for it).
    """
    torch.set_float32_matmul_precision("high" if device == "cuda" else "highest")
    torch.manual_seed(0)
    model = VAE(config).to(device).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=1e-2, fused=True)
    band = torch.from_numpy(_gaussian_band(side)).to(device)

    def loss_fn(images: Tensor) -> Tensor:
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            reconstruction, mean, log_var = model(images)
        kl = 0.5 * (mean**2 + torch.expm1(log_var) - log_var).sum(dim=(1, 2, 3)).mean()
        structure = 1 - ssim(images, reconstruction, band, band)
        return weights.l1 * (images - reconstruction).abs().mean() + weights.ssim * structure + weights.kl * kl

    if device == "cuda":
        loss_fn = torch.compile(loss_fn)

    def step(images: Tensor) -> Tensor:
        optimiser.zero_grad(set_to_none=True)
        loss = loss_fn(images)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        return loss.detach()

    return step
