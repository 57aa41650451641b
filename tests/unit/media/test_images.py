"""Images, as encoders write them and as accidents and attackers leave them."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageCms, ImageOps

from motiondrop.media.report import Report
from tests.support.media import picture, planned, prepared, reason, saved

DAMAGED = "damaged or incomplete"


def report(key: str, data: bytes) -> Report:
    return prepared(key, data).report


def sides(found: Report) -> tuple[int, int]:
    return found.width, found.height


@pytest.mark.parametrize(
    ("key", "kind", "converted"),
    [
        ("a.jpg", "jpeg", ()),
        ("a.JPEG", "jpeg", ()),
        ("b/a.PNG", "png", ()),
        ("a.Bmp", "png", ("BMP to PNG",)),
        ("a.webp", "png", ("WEBP to PNG",)),
    ],
)
def test_whole_images_are_accepted(key: str, kind: str, converted: tuple[str, ...]) -> None:
    found = report(key, picture(key.rpartition(".")[2].lower()))
    assert (found.format, found.width, found.height, found.converted) == (kind, 300, 240, converted)


@pytest.mark.parametrize(("extension", "orientation"), [("jpg", 6), ("png", 8), ("webp", 5)])
def test_a_turned_image_is_saved_upright(extension: str, orientation: int) -> None:
    assert sides(report(f"a.{extension}", picture(extension, orientation=orientation))) == (240, 300)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_what_pillow_makes_of_it(orientation: int) -> None:
    quarters = Image.new("RGB", (300, 240), "red")
    quarters.paste("blue", (0, 0, 150, 120))
    quarters.paste("green", (150, 0, 300, 120))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(quarters, "png", exif=exif)
    with Image.open(io.BytesIO(data)) as source, Image.open(io.BytesIO(prepared("a.png", data).copy)) as copy:
        assert ImageOps.exif_transpose(source).tobytes() == copy.tobytes()


@pytest.mark.parametrize("size", [(200, 200), (600, 200), (200, 600), (4096, 4096)])
def test_images_at_the_limits_are_accepted(size: tuple[int, int]) -> None:
    assert sides(report("a.png", picture("png", *size))) == size


@pytest.mark.parametrize(
    ("extension", "size", "words"),
    [
        ("jpg", (199, 300), "image is 199 px wide - needs at least 200"),
        ("webp", (300, 199), "image is 199 px tall - needs at least 200"),
        (
            "png",
            (601, 200),
            (
                "image is too wide - at 601 x 200 px it is 3.005 times as wide as it is tall"
                " - the limit is 3 times - crop it"
            ),
        ),
    ],
)
def test_images_beyond_the_limits_are_refused(extension: str, size: tuple[int, int], words: str) -> None:
    assert reason(f"a.{extension}", picture(extension, *size)).startswith(words)


def test_a_large_image_is_made_smaller() -> None:
    found = report("a.png", picture("png", 4097, 2000))
    assert (sides(found), found.converted) == ((4096, 2000), ("4097x2000 to 4096x2000 px",))


def test_the_colours_of_a_wide_profile_are_brought_into_srgb() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for junk in (profile, b"no profile", bytes(200)):
        data = saved(Image.new("RGB", (300, 240), (200, 100, 50)), "png", icc_profile=junk)
        with Image.open(io.BytesIO(prepared("a.png", data).copy)) as copy:
            assert copy.getpixel((0, 0)) == (200, 100, 50)
            assert "icc_profile" not in copy.info


def test_sixteen_bits_become_eight_of_the_same_brightness() -> None:
    data = saved(Image.new("I;16", (300, 240), 0x8000), "png")
    with Image.open(io.BytesIO(prepared("a.png", data).copy)) as copy:
        assert copy.getpixel((0, 0)) == (128, 128, 128)


def test_what_shows_through_a_png_still_does() -> None:
    data = saved(Image.new("RGBA", (300, 240), (0, 200, 0, 100)), "png")
    found = prepared("a.png", data)
    with Image.open(io.BytesIO(found.copy)) as copy, Image.open(io.BytesIO(found.poster)) as poster:
        assert copy.getpixel((0, 0)) == (0, 200, 0, 100)
        assert poster.mode == "RGB"


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16", "CMYK", "YCbCr"])
def test_every_colour_mode_is_accepted(mode: str) -> None:
    extension = "jpg" if mode in {"CMYK", "YCbCr"} else "png"
    image = Image.new("I;16", (300, 240)) if mode == "I;16" else Image.new("RGBA", (300, 240)).convert(mode)
    assert report(f"a.{extension}", saved(image, extension)).width == 300


def test_a_progressive_jpeg_is_accepted() -> None:
    noise = Image.effect_noise((300, 240), 60).convert("RGB")
    assert report("a.jpg", saved(noise, "jpg", progressive=True)).format == "jpeg"


def test_a_phones_jpeg_of_several_pictures_is_a_jpeg() -> None:
    file = io.BytesIO()
    first, second = Image.effect_noise((300, 240), 60), Image.new("L", (100, 80))
    first.save(file, "MPO", save_all=True, append_images=[second])
    found = report("a.jpg", file.getvalue())
    assert (found.format, found.width, found.height) == ("jpeg", 300, 240)


def test_a_jpeg_with_something_after_its_end_is_accepted() -> None:
    assert report("a.jpg", picture("jpg") + bytes(5000)).format == "jpeg"


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_of_an_animated_image_the_first_picture_is_used_and_said_so(kind: str) -> None:
    frames = [Image.new("RGB", (300, 240), (shade, 0, 0)) for shade in (0, 90, 180)]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    found = planned(f"a.{kind.lower()}", file.getvalue())
    assert found.notes == ("it is animated and only its first frame is used",)


@pytest.mark.parametrize("extension", ["jpg", "png", "bmp", "webp"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_cut_off_images_are_refused(extension: str, share: float) -> None:
    data = picture(extension)
    assert DAMAGED in reason(f"a.{extension}", data[: int(len(data) * share)])


@pytest.mark.parametrize("extension", ["jpg", "png"])
def test_images_whose_end_is_zeros_are_refused(extension: str) -> None:
    data = picture(extension)
    assert DAMAGED in reason(f"a.{extension}", data[: len(data) // 2] + bytes(len(data) - len(data) // 2))


def test_a_png_with_a_hole_is_refused() -> None:
    data = picture("png")
    middle = len(data) // 2
    assert DAMAGED in reason("a.png", data[:middle] + bytes(4096) + data[middle + 4096 :])


def test_a_png_with_a_flipped_bit_is_refused() -> None:
    data = bytearray(picture("png"))
    data[len(data) // 2] ^= 0x10
    assert DAMAGED in reason("a.png", bytes(data))


def _png(width: int, height: int, pixels: bytes, extra: bytes = b"") -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    zeros = zlib.compress(bytes(4_000_000), 9)
    expected = "image is 60000 x 60000 px - the limit is 100 megapixels"
    assert reason("a.png", _png(60_000, 60_000, zeros)).startswith(expected)
    assert reason("a.png", _png(2**31 - 1, 300, zeros)).startswith("image is 2147483647 x 300 px")


def test_a_webp_bomb_is_refused_by_its_header() -> None:
    data = bytearray(picture("webp"))
    struct.pack_into("<HH", data, 26, 12_000, 9_000)
    assert reason("a.webp", bytes(data)).startswith("image is 12000 x 9000 px - the limit is 100 megapixels")


def test_a_text_that_inflates_is_left_out() -> None:
    bomb = b"zTXt" + b"Comment\x00\x00" + zlib.compress(bytes(200_000_000), 9)
    chunk = struct.pack(">I", len(bomb) - 4) + bomb + struct.pack(">I", zlib.crc32(bomb))
    found = prepared("a.png", _png(300, 300, zlib.compress(bytes(300 * 901)), chunk * 4))
    assert len(found.copy) < 10_000


def test_a_profile_that_inflates_is_refused_or_left_out() -> None:
    bomb = b"iCCP" + b"p\x00\x00" + zlib.compress(bytes(200_000_000), 9)
    chunk = struct.pack(">I", len(bomb) - 4) + bomb + struct.pack(">I", zlib.crc32(bomb))
    assert reason("a.png", _png(300, 300, zlib.compress(bytes(300 * 901)), chunk)) in {
        "",
        reason("a.png", b"\x89PNG\r\n\x1a\n"),
    }


def test_a_bitmap_of_one_endless_run_is_refused_in_time() -> None:
    header = b"BM" + struct.pack("<IHHI", 1_002_102, 0, 0, 1078)
    info = struct.pack("<IiiHHIIiiII", 40, 4096, 4096, 1, 8, 1, 0, 0, 0, 256, 0)
    runs = b"\x01\x07" * 500_000
    assert "image" in reason("a.bmp", header + info + bytes(1024) + runs)
