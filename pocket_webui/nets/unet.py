"""The denoiser: a U-Net with text cross-attention, in the layout of SD1 checkpoints (`model.diffusion_model.*`)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GROUPS = 32


def timestep_embedding(timesteps: Tensor, width: int, max_period: float = 10_000.0) -> Tensor:
    """Sinusoids of diffusion times [B] -> [B, width], cosines first (Vaswani et al. 2017, as DDPM uses it)."""
    half = width // 2
    rates = torch.exp(-math.log(max_period) / half * torch.arange(half, device=timesteps.device))
    angles = timesteps.float()[:, None] * rates[None]
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def norm(channels: int, eps: float = 1e-5) -> nn.GroupNorm:
    return nn.GroupNorm(GROUPS, channels, eps=eps)


class ResBlock(nn.Module):
    """Two 3x3 convolutions; the time embedding is added between them."""

    def __init__(self, channels: int, time_width: int, out_channels: int) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(norm(channels), nn.SiLU(), nn.Conv2d(channels, out_channels, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time_width, out_channels))
        last = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.out_layers = nn.Sequential(norm(out_channels), nn.SiLU(), nn.Identity(), last)
        same = channels == out_channels
        self.skip_connection: nn.Module = nn.Identity() if same else nn.Conv2d(channels, out_channels, 1)

    def forward(self, x: Tensor, emb: Tensor, context: Tensor | None = None) -> Tensor:
        h = self.in_layers(x) + self.emb_layers(emb)[:, :, None, None]
        return self.skip_connection(x) + self.out_layers(h)


class CrossAttention(nn.Module):
    def __init__(self, width: int, context_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context_width, width, bias=False)
        self.to_v = nn.Linear(context_width, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width), nn.Identity())

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        source = x if context is None else context
        q, k, v = (
            t.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for t in (self.to_q(x), self.to_k(source), self.to_v(source))
        )
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class GEGLU(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, inner * 2)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, width: int, expansion: int = 4) -> None:
        super().__init__()
        inner = width * expansion
        self.net = nn.Sequential(GEGLU(width, inner), nn.Identity(), nn.Linear(inner, width))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class TransformerBlock(nn.Module):
    def __init__(self, width: int, context_width: int, heads: int) -> None:
        super().__init__()
        self.attn1 = CrossAttention(width, width, heads)
        self.ff = FeedForward(width)
        self.attn2 = CrossAttention(width, context_width, heads)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        x = x + self.attn1(self.norm1(x))
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class SpatialTransformer(nn.Module):
    """Attention over the pixels [B,C,h,w], and from the pixels to the text [B,n,context_width]."""

    def __init__(self, channels: int, context_width: int, heads: int) -> None:
        super().__init__()
        self.norm = norm(channels, eps=1e-6)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(channels, context_width, heads)])
        self.proj_out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, emb: Tensor, context: Tensor) -> Tensor:
        shape = x.shape
        tokens = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        for block in self.transformer_blocks:
            tokens = block(tokens, context)
        return x + self.proj_out(tokens.transpose(1, 2).reshape(shape))


class Downsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, emb: Tensor, context: Tensor) -> Tensor:
        return self.op(x)


class Upsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, emb: Tensor, context: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Stage(nn.Sequential):
    """One numbered block of the U-Net: its parts take (x, emb, context), the first and last convolution only x."""

    def forward(self, x: Tensor, emb: Tensor, context: Tensor) -> Tensor:  # type: ignore[override]
        for layer in self:
            x = layer(x) if isinstance(layer, nn.Conv2d) else layer(x, emb, context)
        return x


class UNetModel(nn.Module):
    """Predicts the noise in x.

    Args: `attention_resolutions` are downsampling factors (1, 2, 4 ...) that get a transformer; `adm_in_channels` is
    the width of SDXL's extra vector, None without. Every channel count must be a multiple of 32 and of `num_heads`.
    """

    def __init__(
        self,
        in_channels: int = 4,
        model_channels: int = 64,
        out_channels: int = 4,
        num_res_blocks: int = 1,
        attention_resolutions: Sequence[int] = (2, 4),
        channel_mult: Sequence[int] = (1, 2, 4),
        num_heads: int = 4,
        context_dim: int = 128,
        adm_in_channels: int | None = None,
        **ignored: object,
    ) -> None:
        super().__init__()
        self.in_channels, self.model_channels, self.out_channels = in_channels, model_channels, out_channels
        time_width = model_channels * 4
        self.time_embed = nn.Sequential(
            nn.Linear(model_channels, time_width), nn.SiLU(), nn.Linear(time_width, time_width)
        )
        if adm_in_channels:
            self.label_emb = nn.Sequential(
                nn.Sequential(nn.Linear(adm_in_channels, time_width), nn.SiLU(), nn.Linear(time_width, time_width))
            )
        attends = set(attention_resolutions)

        def residual(ch: int, out: int, factor: int) -> list[nn.Module]:
            block: list[nn.Module] = [ResBlock(ch, time_width, out)]
            return block + ([SpatialTransformer(out, context_dim, num_heads)] if factor in attends else [])

        self.input_blocks = nn.ModuleList([Stage(nn.Conv2d(in_channels, model_channels, 3, padding=1))])
        widths, ch, factor = [model_channels], model_channels, 1
        for level, mult in enumerate(channel_mult):
            for _ in range(num_res_blocks):
                self.input_blocks.append(Stage(*residual(ch, mult * model_channels, factor)))
                ch = mult * model_channels
                widths.append(ch)
            if level < len(channel_mult) - 1:
                self.input_blocks.append(Stage(Downsample(ch)))
                widths.append(ch)
                factor *= 2
        self.middle_block = Stage(
            ResBlock(ch, time_width, ch), SpatialTransformer(ch, context_dim, num_heads), ResBlock(ch, time_width, ch)
        )
        self.output_blocks = nn.ModuleList()
        for level, mult in reversed(list(enumerate(channel_mult))):
            for index in range(num_res_blocks + 1):
                parts = residual(ch + widths.pop(), mult * model_channels, factor)
                ch = mult * model_channels
                if level and index == num_res_blocks:
                    parts.append(Upsample(ch))
                    factor //= 2
                self.output_blocks.append(Stage(*parts))
        final = nn.Conv2d(model_channels, out_channels, 3, padding=1)
        nn.init.zeros_(final.weight)
        nn.init.zeros_(final.bias)  # type: ignore[arg-type]
        self.out = nn.Sequential(norm(ch), nn.SiLU(), final)

    @property
    def dtype(self) -> torch.dtype:
        return self.out[2].weight.dtype  # type: ignore[return-value, union-attr]

    def forward(self, x: Tensor, timesteps: Tensor, context: Tensor, y: Tensor | None = None) -> Tensor:
        """x [B,4,h,w], timesteps [B] in 0..999, context [B,n,context_dim], y [B,adm_in_channels] -> noise like x."""
        emb = self.time_embed(timestep_embedding(timesteps, self.model_channels).to(x.dtype))
        if y is not None:
            emb = emb + self.label_emb(y.to(x.dtype))
        kept = []
        for stage in self.input_blocks:
            x = stage(x, emb, context)
            kept.append(x)
        x = self.middle_block(x, emb, context)
        for stage in self.output_blocks:
            x = stage(torch.cat([x, kept.pop()], dim=1), emb, context)
        return self.out(x)
