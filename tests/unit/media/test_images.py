"""Images, as encoders write them and as accidents and attackers leave them."""

import io
import struct
import zlib

import pytest
from PIL import Image

from motiondrop.domain.formats import Kind
from motiondrop.media.check import check
from motiondrop.media.limits import Media, Rejected
from tests.support.media import KNOWN_AS, Padded, checked, picture, saved


def refused(key: str, data: bytes) -> str:
    with pytest.raises(Rejected) as refusal:
        checked(key, data)
    return refusal.value.reason


@pytest.mark.parametrize(
    ("key", "extension"),
    [("a.jpg", "jpg"), ("a.JPEG", "jpg"), ("b/a.PNG", "png"), ("a.Bmp", "bmp"), ("a.webp", "webp")],
)
def test_whole_images_are_accepted(key: str, extension: str) -> None:
    data = picture(extension)
    expected = Media(Kind.IMAGE, KNOWN_AS[extension].lower(), extension, 300, 240, len(data))
    assert checked(key, data) == expected


@pytest.mark.parametrize(("extension", "orientation"), [("jpg", 6), ("png", 8), ("webp", 5)])
def test_a_turned_image_has_the_sides_it_is_displayed_with(extension: str, orientation: int) -> None:
    media = checked(f"a.{extension}", picture(extension, orientation=orientation))
    assert (media.width, media.height) == (240, 300)


@pytest.mark.parametrize("sides", [(200, 200), (600, 200), (200, 600), (4096, 4096)])
def test_images_at_the_limits_are_accepted(sides: tuple[int, int]) -> None:
    media = checked("a.png", picture("png", *sides))
    assert (media.width, media.height) == sides


@pytest.mark.parametrize(
    ("extension", "sides", "reason"),
    [
        ("jpg", (199, 300), "image is 199 px wide - needs 200 to 4096"),
        ("webp", (300, 199), "image is 199 px tall - needs 200 to 4096"),
        ("png", (4097, 2000), "image is 4097 px wide - needs 200 to 4096"),
        ("png", (601, 200), "image is too wide - 601 x 200 px is 3.005:1 - needs 1:3 to 3:1"),
    ],
)
def test_images_beyond_the_limits_are_refused(extension: str, sides: tuple[int, int], reason: str) -> None:
    assert refused(f"a.{extension}", picture(extension, *sides)) == reason


def test_an_image_of_exactly_5_mb_is_accepted() -> None:
    assert check("a.png", 5_000_000, Padded(picture("png"), 5_000_000)).size == 5_000_000


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16", "CMYK", "YCbCr"])
def test_every_colour_mode_is_accepted(mode: str) -> None:
    extension = "jpg" if mode in {"CMYK", "YCbCr"} else "png"
    image = Image.new("I;16", (300, 240)) if mode == "I;16" else Image.new("RGBA", (300, 240)).convert(mode)
    assert checked(f"a.{extension}", saved(image, extension)).width == 300


def test_a_progressive_jpeg_is_accepted() -> None:
    noise = Image.effect_noise((300, 240), 60).convert("RGB")
    assert checked("a.jpg", saved(noise, "jpg", progressive=True)).format == "jpeg"


def test_a_phones_jpeg_of_several_pictures_is_a_jpeg() -> None:
    file = io.BytesIO()
    first, second = Image.effect_noise((300, 240), 60), Image.new("L", (100, 80))
    first.save(file, "MPO", save_all=True, append_images=[second])
    media = checked("a.jpg", file.getvalue())
    assert (media.format, media.width, media.height) == ("jpeg", 300, 240)


def test_a_jpeg_with_something_after_its_end_is_accepted() -> None:
    assert checked("a.jpg", picture("jpg") + bytes(5000)).format == "jpeg"


@pytest.mark.parametrize("extension", ["png", "webp"])
def test_animated_images_are_refused(extension: str) -> None:
    frames = [Image.new("RGB", (300, 240), (shade, 0, 0)) for shade in (0, 90, 180)]
    reason = refused(f"a.{extension}", saved(frames[0], extension, save_all=True, append_images=frames[1:]))
    assert reason == "image is animated - needs a still one - export one frame as JPG or PNG"


@pytest.mark.parametrize("extension", ["jpg", "png", "bmp", "webp"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_cut_off_images_are_refused(extension: str, share: float) -> None:
    data = picture(extension)
    assert "damaged or cut off" in refused(f"a.{extension}", data[: int(len(data) * share)])


@pytest.mark.parametrize("extension", ["jpg", "png"])
def test_images_whose_end_is_zeros_are_refused(extension: str) -> None:
    data = picture(extension)
    assert "damaged" in refused(f"a.{extension}", data[: len(data) // 2] + bytes(len(data) - len(data) // 2))


def test_a_png_with_a_hole_is_refused() -> None:
    data = picture("png")
    middle = len(data) // 2
    assert "damaged" in refused("a.png", data[:middle] + bytes(4096) + data[middle + 4096 :])


def test_a_png_with_a_flipped_bit_is_refused() -> None:
    data = bytearray(picture("png"))
    data[len(data) // 2] ^= 0x10
    assert "damaged" in refused("a.png", bytes(data))


def test_an_image_under_another_ones_name_is_refused_with_advice() -> None:
    assert refused("a.jpg", picture("png")) == "file is PNG but named .jpg - rename it to end in .png"
    assert refused("a.mp4", picture("png")) == "file is PNG but named .mp4 - rename it to end in .png"


def _png(width: int, height: int, pixels: bytes, extra: bytes = b"") -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    zeros = zlib.compress(bytes(4_000_000), 9)
    assert refused("a.png", _png(60_000, 60_000, zeros)) == "image is 60000 px wide - needs 200 to 4096"
    assert refused("a.png", _png(2**31 - 1, 300, zeros)) == "image is 2147483647 px wide - needs 200 to 4096"


def test_a_webp_bomb_is_refused_by_its_header() -> None:
    data = bytearray(picture("webp"))
    struct.pack_into("<HH", data, 26, 12_000, 9_000)
    assert refused("a.webp", bytes(data)) == "image is 12000 px wide - needs 200 to 4096"


def test_a_text_that_inflates_is_refused() -> None:
    bomb = b"zTXt" + b"Comment\x00\x00" + zlib.compress(bytes(200_000_000), 9)
    chunk = struct.pack(">I", len(bomb) - 4) + bomb + struct.pack(">I", zlib.crc32(bomb))
    assert "damaged" in refused("a.png", _png(300, 300, zlib.compress(bytes(300 * 901)), chunk * 4))


def test_a_bitmap_of_one_endless_run_is_refused_in_time() -> None:
    header = b"BM" + struct.pack("<IHHI", 1_002_102, 0, 0, 1078)
    info = struct.pack("<IiiHHIIiiII", 40, 4096, 4096, 1, 8, 1, 0, 0, 0, 256, 0)
    executions = b"\x01\x07" * 500_000
    assert "image" in refused("a.bmp", header + info + bytes(1024) + executions)
