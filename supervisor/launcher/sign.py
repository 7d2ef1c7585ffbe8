"""What the icon in the tray looks like."""

from typing import Any, NamedTuple

_SIZE = 64
_CURVE = [(14, 44), (26, 30), (36, 38), (50, 18)]


class Look(NamedTuple):
    """What the icon tells: the colour of the lamp, and a sentence when the pointer rests on it."""

    colour: str
    sentence: str


def image(colour: str, *, round_corners: bool = True) -> Any:
    """The sign of the program on a ground of that colour, 64 x 64 pixels (RGBA)."""
    from PIL import Image, ImageDraw

    made = Image.new("RGBA", (_SIZE, _SIZE), (0, 0, 0, 0))
    draw = ImageDraw.Draw(made)
    radius = 14 if round_corners else 0
    draw.rounded_rectangle((0, 0, _SIZE - 1, _SIZE - 1), radius=radius, fill=colour)
    draw.line(_CURVE, fill="white", width=6, joint="curve")
    return made
