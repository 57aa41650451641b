"""What a frame of the stand-in's video shows: the character as it moves, both inputs beside it, and the labels.

Sources: the notes, "What comes out": `animate-move` keeps the image's background, `animate-mix` the video's;
`input.watermark` writes a label at the bottom right. The frame's shape is an assumption, taken from the code that the
provider published with the model's weights (Wan-Video/Wan2.2, wan/modules/animate/preprocess): the shape of what the
background is taken from, with the tier's area and sides that are multiples of 16. What does not fit is cropped.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

from local.wan.errors import ProviderError
from local.wan.motion import Pose
from local.wan.puppet import Puppet

LABEL = "PLACEHOLDER · not the real model"
IMAGE_CAPTION, VIDEO_CAPTION = "image", "video"
WATERMARK = "AI generated"
"""The provider writes it in Chinese; no font that is installed with the project has those letters."""
KEEPS_THE_VIDEO = "wan2.2-animate-mix"
_DIVISOR = 16
_TIER_ASPECT = 16 / 9
_CHARACTER_SHARE = 0.72
_REACH = 0.2
_INSET_SHARE = 0.34
_MARGIN_SHARE = 0.025
_FLAT = 24
"""Levels, of all three colours together, that a background of one colour may vary by."""
_LEAST_BACKGROUND = 0.15
_OUTLINE_SIDE = 240
_MARK = (255, 0, 255)
_WHITE = (255, 255, 255, 255)

Size = tuple[int, int]


@dataclass(frozen=True)
class Order:
    """What is to be rendered: what the request asks for, and the size, which is the same for all requests."""

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

    `size` is the frame's; `clip_size` is the size that the pictures given to `drawn` must have.
    """

    def __init__(self, image: Path, clip_shape: Size, order: Order) -> None:
        picture = _opened(image)
        self._keeps_the_video = order.model == KEEPS_THE_VIDEO
        source = clip_shape if self._keeps_the_video else picture.size
        self.size = tier_size(*source, order.short_side)
        margin = max(4, round(min(self.size) * _MARGIN_SHARE))
        if self._keeps_the_video:
            self.clip_size = self.size
            self._puppet = Puppet(_cut_out(picture, self.size))
            self._smaller = max(1, round(max(self.size) / min(self.size) / _INSET_SHARE))
            inset = -(-self.size[0] // self._smaller), -(-self.size[1] // self._smaller)
        else:
            self.clip_size = inset = _inset_size(clip_shape, self.size)
            self._puppet = Puppet(_filling(picture, self.size))
        self._video = _Inset(inset, VIDEO_CAPTION, (self.size[0] - inset[0] - margin, margin))
        image_inset = _Inset(_inset_size(picture.size, self.size), IMAGE_CAPTION, (margin, margin))
        self._still = image_inset, ImageOps.fit(_on_grey(picture), image_inset.size, Image.Resampling.BILINEAR)
        self._labels = _labels(self.size, margin, watermark=order.watermark)

    def drawn(self, clip: Image.Image, pose: Pose) -> Image.Image:
        """Return a new frame: the character as the reference moves, with both inputs beside it, and the labels."""
        character = self._puppet.posed(pose)
        if self._keeps_the_video:
            frame = clip.copy()
            x = 0.5 + max(-_REACH, min(_REACH, pose.body[0]))
            at = round(frame.width * x - character.width / 2), frame.height - character.height
            frame.paste(character, at, character)
            clip = clip.reduce(self._smaller)
        else:
            frame = character
        self._video.paste(clip, frame)
        inset, still = self._still
        inset.paste(still, frame)
        for label, at in self._labels:
            frame.paste(label, at, label)
        return frame


class _Inset:
    """A small picture in a corner, with round corners, a light edge and a caption."""

    def __init__(self, size: Size, caption: str, at: Size) -> None:
        self.size = size
        self._at = at
        radius, edge = max(2, min(size) // 14), max(1, min(size) // 90)
        box = (0, 0, size[0] - 1, size[1] - 1)
        self._mask = Image.new("L", size, 0)
        ImageDraw.Draw(self._mask).rounded_rectangle(box, radius, fill=255)
        words = _written(caption, size[0], max(size) * 0.085, (0, 0, 0, 200), full_width=True)
        self._cover = Image.new("RGBA", size, (0, 0, 0, 0))
        self._cover.paste(words, (0, size[1] - words.height))
        ImageDraw.Draw(self._cover).rounded_rectangle(box, radius, outline=_WHITE, width=edge)
        self._cover.putalpha(ImageChops.darker(self._cover.getchannel("A"), self._mask))

    def paste(self, picture: Image.Image, frame: Image.Image) -> None:
        """Paste a picture of this size into its corner."""
        frame.paste(picture, self._at, self._mask)
        frame.paste(self._cover, self._at, self._cover)


def _opened(path: Path) -> Image.Image:
    """Return the upright image with its transparency; raises InvalidImage.Openerror."""
    try:
        with Image.open(path) as opened:
            # A large JPEG is decoded at a reduced size: a frame cannot show more.
            opened.draft("RGB", (2048, 2048))
            return ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ProviderError("InvalidImage.Openerror", "The image cannot be decoded.") from error


def _on_grey(picture: Image.Image) -> Image.Image:
    """Return the image on a grey ground, without transparency."""
    whole = Image.new("RGB", picture.size, (200, 200, 200))
    whole.paste(picture, (0, 0), picture)
    return whole


def _filling(picture: Image.Image, size: Size) -> Image.Image:
    return ImageOps.fit(_on_grey(picture), size, Image.Resampling.BILINEAR)


def _inset_size(shape: Size, frame: Size) -> Size:
    side = max(16.0, min(frame) * _INSET_SHARE)
    scale = side / max(shape)
    return max(2, round(shape[0] * scale)), max(2, round(shape[1] * scale))


def _cut_out(picture: Image.Image, frame: Size) -> Image.Image:
    """Return the character: the image without its transparent or one-colour background, or else small, soft-edged."""
    outline = picture.getchannel("A")
    if outline.getextrema() == (255, 255):
        outline = _without_flat_background(picture)
    if (box := outline.getbbox()) is None or outline.getextrema() == (255, 255):
        small = ImageOps.contain(picture, _share(frame, _CHARACTER_SHARE), Image.Resampling.BILINEAR)
        small.putalpha(ImageChops.multiply(small.getchannel("A"), _soft_edges(small.size)))
        return small
    alone = picture.copy()
    alone.putalpha(outline)
    room = picture.width // 10  # into which the character moves
    box = (max(0, box[0] - room), max(0, box[1] - room), min(picture.width, box[2] + room), picture.height)
    scale = min(frame[0] / picture.width, frame[1] / picture.height)
    size = max(8, round((box[2] - box[0]) * scale)), max(8, round((box[3] - box[1]) * scale))
    return alone.resize(size, Image.Resampling.BILINEAR, box)


def _share(frame: Size, share: float) -> Size:
    return max(8, int(frame[0] * share)), max(8, int(frame[1] * share))


def _without_flat_background(picture: Image.Image) -> Image.Image:
    """Return a mask of the pixels that a flood fill from the top corners does not reach; of all, if it reaches few."""
    small = picture.convert("RGB")
    small.thumbnail((_OUTLINE_SIDE, _OUTLINE_SIDE))
    marked = small.copy()
    for corner in ((0, 0), (small.width - 1, 0)):
        ImageDraw.floodfill(marked, corner, _MARK, thresh=_FLAT)
    far = ImageChops.difference(marked, Image.new("RGB", small.size, _MARK)).convert("L")
    # One pixel less at the edge, where the background shows through.
    outline = far.point(lambda level: 255 if level else 0).filter(ImageFilter.MinFilter(3))
    outline = outline.filter(ImageFilter.GaussianBlur(1))
    if outline.histogram()[0] < small.width * small.height * _LEAST_BACKGROUND:
        return Image.new("L", picture.size, 255)
    return outline.resize(picture.size, Image.Resampling.BICUBIC)


def _soft_edges(size: Size) -> Image.Image:
    edge = max(1, min(size) // 20)
    soft = Image.new("L", size, 0)
    soft.paste(255, (edge, edge, size[0] - edge, size[1] - edge))
    return soft.filter(ImageFilter.BoxBlur(edge))


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
    """Return white words on a dark ground, in a smaller font if they would be too wide."""
    points = max(10.0, points)
    font = ImageFont.load_default(points)
    too_wide = font.getlength(text) / (width * 0.94)
    if too_wide > 1:
        font = ImageFont.load_default(points / too_wide)
    left, _, right, _ = font.getbbox(text)
    _, top, _, bottom = font.getbbox("Ag")  # the same height for all words
    edge = (bottom - top) * 0.35
    size = (width if full_width else round(right - left + 4 * edge), round(bottom - top + 2 * edge))
    written = Image.new("RGBA", size, ground)
    at = ((size[0] - right + left) / 2 - left, (size[1] - bottom + top) / 2 - top)
    ImageDraw.Draw(written).text(at, text, font=font, fill=_WHITE)
    return written
