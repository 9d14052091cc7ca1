import io
import struct

import numpy as np
import pytest
from PIL import Image

from inference.pictures import BACKGROUND, BadPicture, decode

RED, BLUE = (200, 30, 20), (20, 40, 210)


def two_halves(width: int = 40, height: int = 20) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_keep_every_pixel(format: str) -> None:
    picture = decode(encoded(two_halves(), format))
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, np.asarray(two_halves()))


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_lossy_formats_are_close(format: str) -> None:
    picture = decode(encoded(two_halves(), format, quality=95))
    assert np.abs(picture[:, 2:17].astype(int) - RED).max() < 12


def test_grayscale_becomes_three_equal_channels() -> None:
    picture = decode(encoded(Image.new("L", (6, 4), 77)))
    assert picture.shape == (4, 6, 3)
    assert (picture == 77).all()


def test_bilevel_and_palette_are_converted() -> None:
    assert decode(encoded(Image.new("1", (6, 4), 1))).min() == 255
    palette = two_halves().convert("P", palette=Image.Palette.ADAPTIVE)
    assert np.abs(decode(encoded(palette)).astype(int) - np.asarray(two_halves())).max() < 8


def test_opaque_rgba_keeps_its_colours_and_transparency_shows_the_background() -> None:
    image = two_halves().convert("RGBA")
    image.putpixel((0, 0), (255, 255, 255, 0))
    picture = decode(encoded(image))
    assert tuple(picture[0, 0]) == (BACKGROUND,) * 3
    assert tuple(picture[5, 5]) == RED


def test_transparent_palette_and_gray_alpha() -> None:
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([10, 20, 30, 200, 210, 220])
    assert tuple(decode(encoded(palette, transparency=0))[0, 0]) == (BACKGROUND,) * 3
    assert tuple(decode(encoded(Image.new("LA", (4, 4), (90, 255))))[0, 0]) == (90, 90, 90)


def test_cmyk_jpeg_has_the_right_colours() -> None:
    picture = decode(encoded(two_halves().convert("CMYK"), "JPEG", quality=98))
    assert np.abs(picture[:, 2:17].astype(int) - RED).max() < 12


def test_16_bit_gray_is_scaled() -> None:
    values = np.array([[0, 257, 65535], [32896, 1000, 64000]], dtype=np.uint16)
    picture = decode(encoded(Image.fromarray(values)))
    assert picture[:, :, 0].tolist() == [[0, 1, 255], [128, 4, 249]]


def test_float_pictures_are_refused() -> None:
    with pytest.raises(BadPicture, match="8- or 16-bit"):
        decode(encoded(Image.new("F", (4, 4), 0.5), "TIFF"))


@pytest.mark.parametrize(
    ("orientation", "shape", "red_at"),
    [
        (1, (20, 40), (10, 5)),
        (2, (20, 40), (10, 35)),
        (3, (20, 40), (10, 35)),
        (4, (20, 40), (10, 5)),
        (5, (40, 20), (5, 10)),
        (6, (40, 20), (5, 10)),
        (7, (40, 20), (35, 10)),
        (8, (40, 20), (35, 10)),
        (9, (20, 40), (10, 5)),
    ],
)
def test_exif_orientation_turns_the_picture_upright(
    orientation: int, shape: tuple[int, int], red_at: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(encoded(two_halves(), "JPEG", exif=exif, quality=95))
    assert picture.shape[:2] == shape
    assert np.abs(picture[red_at].astype(int) - RED).max() < 12


def test_unreadable_exif_does_not_lose_the_picture() -> None:
    content = encoded(two_halves(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff broken")
    assert decode(content).shape == (20, 40, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"just text, long enough to be a header", "not a JPEG"),
        (encoded(Image.effect_noise((90, 90), 60).convert("RGB"), "JPEG")[:1500], "truncated"),
        (encoded(Image.effect_noise((90, 90), 60))[:1500], "truncated"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 30, "JPEG|damaged"),
        (encoded(two_halves(), "GIF"), "not a JPEG"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(BadPicture, match=reason) as error:
        decode(content)
    assert "\n" not in error.value.reason


def test_a_damaged_png_is_refused() -> None:
    content = bytearray(encoded(Image.effect_noise((90, 90), 60)))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(BadPicture, match="damaged"):
        decode(bytes(content))


def test_a_tiff_whose_offsets_are_fractions_is_refused() -> None:
    whole = encoded(Image.new("RGB", (8, 8)), "TIFF")
    damaged = whole.replace(struct.pack("<HH", 273, 4), struct.pack("<HH", 273, 5))
    assert damaged != whole
    with pytest.raises(BadPicture, match="damaged"):
        decode(damaged)


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(BadPicture, match="40x20 pixels are more than the 700"):
        decode(encoded(two_halves()), max_pixels=700)
