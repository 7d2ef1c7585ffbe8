"""The icon as pixels: the shape of supervisor/install/icon.svg at any size, as PNG, ICO and ICNS."""

import struct
import zlib
from functools import cache

_BLUE, _WHITE = (0x32, 0x57, 0xD6), (255, 255, 255)
_SIDE, _RADIUS, _HALF = 32.0, 9.0, 1.3
# Vertical strokes: x, from, to, in the units of the SVG's 32 by 32 view box.
_STROKES = (
    (9, 12, 20), (9, 9, 12), (9, 20, 22), (16, 10, 17), (16, 8, 10), (16, 17, 24),
    (23, 14, 22), (23, 10, 14), (23, 22, 23),
)  # fmt: skip
_ICNS = {"ic07": 128, "ic08": 256, "ic09": 512}


@cache
def png(size: int) -> bytes:
    """A square PNG with an alpha channel."""
    rows = b"".join(b"\x00" + _row(y, size) for y in range(size))
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def ico(sizes: tuple[int, ...] = (16, 32, 48, 256)) -> bytes:
    """An icon file of Windows."""
    images = [png(size) for size in sizes]
    offset = 6 + 16 * len(images)
    entries = b""
    for size, image in zip(sizes, images, strict=True):
        entries += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(image), offset)
        offset += len(image)
    return struct.pack("<HHH", 0, 1, len(images)) + entries + b"".join(images)


def icns() -> bytes:
    """An icon file of macOS."""
    parts = b""
    for kind, size in _ICNS.items():
        image = png(size)
        parts += kind.encode() + struct.pack(">I", len(image) + 8) + image
    return b"icns" + struct.pack(">I", len(parts) + 8) + parts


def _row(y: int, size: int) -> bytes:
    scale = _SIDE / size
    return b"".join(_pixel((x + 0.5) * scale, (y + 0.5) * scale, scale) for x in range(size))


def _pixel(x: float, y: float, scale: float) -> bytes:
    """Distances to the shapes, in pixels, give smooth edges."""
    inside = _cover(_rounded(x, y), scale)
    reach = _HALF + scale
    near = (_cover(_stroke(x, y, *stroke), scale) for stroke in _STROKES if abs(x - stroke[0]) < reach)
    white = max(near, default=0.0)
    colour = (round(b + (w - b) * white) for b, w in zip(_BLUE, _WHITE, strict=True))
    return bytes((*colour, round(255 * inside)))


def _cover(distance: float, scale: float) -> float:
    return min(1.0, max(0.0, 0.5 - distance / scale))


def _rounded(x: float, y: float) -> float:
    far = _SIDE / 2 - _RADIUS
    dx, dy = max(abs(x - 16) - far, 0.0), max(abs(y - 16) - far, 0.0)
    return float((dx * dx + dy * dy) ** 0.5 - _RADIUS)


def _stroke(x: float, y: float, at: float, top: float, bottom: float) -> float:
    dy = max(top - y, y - bottom, 0.0)
    return float(((x - at) ** 2 + dy * dy) ** 0.5 - _HALF)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
