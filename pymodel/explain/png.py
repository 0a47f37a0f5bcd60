"""Pictures of numbers: PNG by the standard library alone, one byte a pixel with a palette, or three.

Format: https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import ctypes
import struct
import zlib

import torch
from torch import Tensor

Palette = bytes
"""256 colours of three bytes."""

VIRIDIS = ("440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725")
"""Told apart by its brightness alone, too: https://bids.github.io/colormap."""
SIGNED = ("a85400", "d18616", "f0c98c", "f7f7f7", "8cc0f5", "1a85ff", "004fb0")
"""Orange for against, blue for in favour: the eye's colour weaknesses leave this pair apart."""


def encode_pixels(pixels: Tensor, palette: Palette | None = None) -> bytes:
    """A PNG of (height, width) bytes, through a palette or as grey, or of (height, width, 3)."""
    return encode_all(pixels.unsqueeze(0), palette)[0]


def encode_all(pictures: Tensor, palette: Palette | None = None) -> list[bytes]:
    """Several of one size, (count, height, width) or (count, height, width, 3), each as a PNG of its own."""
    count, height, width = pictures.shape[:3]
    depth = 3 if pictures.dim() == 4 else 1
    kind = 2 if depth == 3 else 0 if palette is None else 3
    rows = pictures.to(torch.uint8).reshape(count, height, width * depth)
    filtered = torch.cat([rows.new_zeros(count, height, 1), rows], dim=2).cpu().contiguous()
    size = height * (width * depth + 1)
    content = ctypes.string_at(filtered.data_ptr(), count * size)
    head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
    if palette is not None:
        head += _chunk(b"PLTE", palette)
    tail = _chunk(b"IEND", b"")
    bodies = (content[start : start + size] for start in range(0, count * size, size))
    # What a layer gives hardly becomes smaller, and a model has thousands of maps.
    level = zlib.Z_BEST_SPEED if palette is None else zlib.Z_NO_COMPRESSION
    return [head + _chunk(b"IDAT", zlib.compress(body, level)) + tail for body in bodies]


def make_palette(stops: tuple[str, ...]) -> Palette:
    """256 colours between colours that are equally far apart, each written as six hexadecimal digits."""
    colours = torch.tensor([list(bytes.fromhex(stop)) for stop in stops], dtype=torch.float32)
    spread = torch.nn.functional.interpolate(colours.T.unsqueeze(0), size=256, mode="linear", align_corners=True)
    return bytes(spread[0].T.round().to(torch.uint8).flatten().tolist())


def scale_each(pictures: Tensor) -> Tensor:
    """(count, height, width) to bytes: each picture's lowest value is 0 and its highest 255. NaN is 0."""
    finite = pictures.float().nan_to_num()
    low, high = finite.amin(dim=(1, 2), keepdim=True), finite.amax(dim=(1, 2), keepdim=True)
    return ((finite - low) / (high - low).clamp_min(1e-30) * 255).round().to(torch.uint8)


def scale_signed(values: Tensor) -> Tensor:
    """To bytes around 128, by the largest magnitude."""
    finite = values.float().nan_to_num()
    return (128 + finite / finite.abs().amax().clamp_min(1e-30) * 127).round().clamp(0, 255).to(torch.uint8)


def tile(pictures: Tensor, gap: int = 1) -> Tensor:
    """(count, height, width) as one nearly square picture, `gap` pixels of 0 between."""
    count, height, width = pictures.shape
    columns = max(1, round((count * height / width) ** 0.5))
    rows = -(-count // columns)
    spare = pictures.new_zeros(rows * columns - count, height, width)
    padded = torch.nn.functional.pad(torch.cat([pictures, spare]), (0, gap, 0, gap))
    grid = padded.view(rows, columns, height + gap, width + gap).transpose(1, 2)
    return grid.reshape(rows * (height + gap), columns * (width + gap))[:-gap, :-gap]


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
