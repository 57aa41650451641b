"""What a frame of the stand-in's video shows: whose background, the character, and the labels.

Sources: the notes, "What comes out": `animate-move` keeps the image's background, `animate-mix` the video's;
`input.watermark` writes a label at the bottom right. The frame's shape is an assumption, taken from the code that the
provider published with the model's weights (Wan-Video/Wan2.2, wan/modules/animate/preprocess): the shape of what the
background is taken from, with the tier's area and sides that are multiples of 16. What does not fit is cropped.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from local.wan.errors import ProviderError
from local.wan.motion import Place

LABEL = "STAND-IN · not the real model"
WATERMARK = "AI generated"
"""The provider writes it in Chinese; no font that is installed with the project has those letters."""
KEEPS_THE_VIDEO = "wan2.2-animate-mix"
_DIVISOR = 16
_TIER_ASPECT = 16 / 9
_TILT_DEGREES, _TILT_STEP = 6, 2
_CHARACTER_SHARE = 0.64
_INSET_SHARE = 0.27
_MARGIN_SHARE = 0.025
_WHITE = (255, 255, 255, 255)

Size = tuple[int, int]


@dataclass(frozen=True)
class Order:
    """What is to be rendered: the request's part, and the size that is set for all."""

    model: str
    mode: str
    watermark: bool
    short_side: int
    """Of a 16:9 video, in pixels; other shapes have the same area."""


def tier_size(width: float, height: float, short_side: int) -> Size:
    """Return the output's sides for a source of this shape: the tier's area, multiples of 16."""
    area = short_side**2 * _TIER_ASPECT
    return _divisible(math.sqrt(area * width / height)), _divisible(math.sqrt(area * height / width))


def _divisible(side: float) -> int:
    return max(1, round(side / _DIVISOR)) * _DIVISOR


class Scene:
    """All that stays the same from frame to frame, prepared once.

    `size` is the frame's, `clip_size` the one in which `drawn` wants the reference video's pictures.
    """

    def __init__(self, image: Path, clip_shape: Size, order: Order) -> None:
        picture = _opened(image)
        self._keeps_the_video = order.model == KEEPS_THE_VIDEO
        source = clip_shape if self._keeps_the_video else picture.size
        self.size = tier_size(*source, order.short_side)
        self._margin = max(4, round(min(self.size) * _MARGIN_SHARE))
        if self._keeps_the_video:
            self.clip_size = self.size
        else:
            self.clip_size = _inset_size(clip_shape, self.size)
            self._background = _background(picture, self.size)
        self._tilts = _tilted(_card(picture, self.size))
        self._labels = _labels(self.size, self._margin, watermark=order.watermark)

    def drawn(self, clip: Image.Image, place: Place) -> Image.Image:
        """Return a new frame: the background, the character where the reference moves, and the labels."""
        frame = clip.copy() if self._keeps_the_video else self._background.copy()
        tilt = round(place.lean * _TILT_DEGREES / _TILT_STEP) * _TILT_STEP
        character = self._tilts[tilt]
        x = round(frame.width * place.x - character.width / 2)
        y = round(frame.height * place.y - character.height / 2)
        frame.paste(character, (x, y), character)
        if not self._keeps_the_video:
            # The one hint of the reference, since nothing else of it is to be seen.
            left, top = frame.width - clip.width - self._margin, self._margin
            frame.paste(_WHITE[:3], (left - 2, top - 2, left + clip.width + 2, top + clip.height + 2))
            frame.paste(clip, (left, top))
        for label, at in self._labels:
            frame.paste(label, at, label)
        return frame


def _opened(path: Path) -> Image.Image:
    """Return the upright image with its transparency; raises InvalidImage.Openerror."""
    try:
        with Image.open(path) as opened:
            # Of a large JPEG no more is decoded than a frame can show.
            opened.draft("RGB", (2048, 2048))
            return ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ProviderError("InvalidImage.Openerror", "The image cannot be decoded.") from error


def _background(picture: Image.Image, size: Size) -> Image.Image:
    """Return the image as a backdrop: it fills the frame, blurred and dimmed so that the character stands out."""
    filled = ImageOps.fit(picture, size, Image.Resampling.BILINEAR)
    backdrop = Image.new("RGB", size, (200, 200, 200))
    backdrop.paste(filled, (0, 0), filled)
    backdrop = backdrop.filter(ImageFilter.BoxBlur(max(2, min(size) // 40)))
    return ImageEnhance.Brightness(backdrop).enhance(0.75)


def _inset_size(shape: Size, frame: Size) -> Size:
    side = max(16.0, min(frame) * _INSET_SHARE)
    scale = side / max(shape)
    return max(2, round(shape[0] * scale)), max(2, round(shape[1] * scale))


def _card(picture: Image.Image, frame: Size) -> Image.Image:
    """Return the character as a card: rounded corners, a thin light edge, its own transparency kept."""
    bounds = (max(8, int(frame[0] * _CHARACTER_SHARE)), max(8, int(frame[1] * _CHARACTER_SHARE)))
    card = ImageOps.contain(picture, bounds, Image.Resampling.BILINEAR)
    if card.getchannel("A").getextrema() == (255, 255):
        radius = max(2, min(card.size) // 14)
        mask = Image.new("L", card.size, 0)
        box = (0, 0, card.width - 1, card.height - 1)
        ImageDraw.Draw(mask).rounded_rectangle(box, radius, fill=255)
        card.putalpha(mask)
        ImageDraw.Draw(card).rounded_rectangle(box, radius, outline=_WHITE, width=max(1, radius // 6))
    return card


def _tilted(card: Image.Image) -> dict[int, Image.Image]:
    """Return the card by degrees of tilt, each with its shadow."""
    softness = max(1, min(card.size) // 40)
    size = (card.width + 6 * softness, card.height + 6 * softness)
    shadow = Image.new("L", size, 0)
    shadow.paste(card.getchannel("A").point(lambda level: level // 2), (3 * softness, 4 * softness))
    whole = Image.new("RGBA", size, (0, 0, 0, 0))
    whole.putalpha(shadow.filter(ImageFilter.BoxBlur(softness)))
    whole.alpha_composite(card, (3 * softness, 3 * softness))
    steps = range(-_TILT_DEGREES, _TILT_DEGREES + 1, _TILT_STEP)
    return {tilt: whole.rotate(tilt, Image.Resampling.BILINEAR, expand=True) for tilt in steps}


def _labels(size: Size, margin: int, *, watermark: bool) -> list[tuple[Image.Image, tuple[int, int]]]:
    """Return what is written on every frame, and where: the stand-in's band, and the watermark if it was asked for."""
    width, height = size
    band = _written(LABEL, width, min(size) * 0.042, (0, 0, 0, 200), full_width=True)
    labels = [(band, (0, height - band.height))]
    if watermark:
        mark = _written(WATERMARK, width // 2, min(size) * 0.034, (0, 0, 0, 110))
        labels.append((mark, (width - mark.width - margin, height - band.height - mark.height - margin)))
    return labels


def _written(
    text: str, width: int, points: float, ground: tuple[int, int, int, int], *, full_width: bool = False
) -> Image.Image:
    """Return white words on a dark ground; smaller ones where the width is too small for them."""
    points = max(10.0, points)
    font = ImageFont.load_default(points)
    too_wide = font.getlength(text) / (width * 0.94)
    if too_wide > 1:
        font = ImageFont.load_default(points / too_wide)
    left, top, right, bottom = font.getbbox(text)
    edge = (bottom - top) * 0.35
    size = (width if full_width else round(right - left + 4 * edge), round(bottom - top + 2 * edge))
    written = Image.new("RGBA", size, ground)
    at = ((size[0] - right + left) / 2 - left, (size[1] - bottom + top) / 2 - top)
    ImageDraw.Draw(written).text(at, text, font=font, fill=_WHITE)
    return written
