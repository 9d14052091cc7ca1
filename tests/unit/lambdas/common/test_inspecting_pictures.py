import io
import struct

import pytest
from PIL import Image

from lambdas.common.pictures import MAX_PIXELS, Picture, UnusablePicture, inspect


def encoded(
    file_format: str = "JPEG", mode: str = "RGB", *, orientation: int | None = None, **options: object
) -> bytes:
    """A 40x30 picture, as stored."""
    image = Image.effect_noise((40, 30), 60).convert(mode)
    if mode == "RGBA":
        image.putalpha(128)
    if orientation is not None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif.tobytes()
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (encoded(), Picture("JPEG", 40, 30, 3)),
        (encoded(progressive=True), Picture("JPEG", 40, 30, 3)),
        (encoded(restart_marker_blocks=1), Picture("JPEG", 40, 30, 3)),
        (encoded(mode="L"), Picture("JPEG", 40, 30, 1)),
        (encoded(mode="CMYK"), Picture("JPEG", 40, 30, 4)),
        (encoded("PNG"), Picture("PNG", 40, 30, 3)),
        (encoded("PNG", "RGBA"), Picture("PNG", 40, 30, 4)),
        (encoded("PNG", "L"), Picture("PNG", 40, 30, 1)),
        (encoded("BMP"), Picture("BMP", 40, 30, 3)),
        (encoded("WEBP"), Picture("WebP", 40, 30, 3)),
        (encoded("WEBP", lossless=True), Picture("WebP", 40, 30, 3)),
        (encoded("WEBP", "RGBA", lossless=True), Picture("WebP", 40, 30, 4)),
        (encoded() + b"trailing bytes of a camera", Picture("JPEG", 40, 30, 3)),
    ],
)
def test_a_whole_picture_is_what_its_bytes_say(content: bytes, expected: Picture) -> None:
    assert inspect(content) == expected


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_sizes_are_upright(file_format: str, orientation: int) -> None:
    picture = inspect(encoded(file_format, orientation=orientation))
    assert (picture.width, picture.height) == ((40, 30) if orientation < 5 else (30, 40))


def test_unreadable_exif_does_not_cost_the_picture() -> None:
    assert inspect(encoded(exif=b"Exif\0\0MM\0*\0\0\xff\xff")).width == 40


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP", "WEBP"])
@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.9, 0.99])
def test_a_picture_that_is_cut_off_is_unusable(file_format: str, part: float) -> None:
    whole = encoded(file_format)
    with pytest.raises(UnusablePicture):
        inspect(whole[: int(len(whole) * part)])


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP", "WEBP"])
def test_no_prefix_of_a_picture_raises_anything_else(file_format: str) -> None:
    whole = encoded(file_format)
    for length in range(0, len(whole), 3):
        with pytest.raises(UnusablePicture):
            inspect(whole[:length])


def test_a_flipped_bit_of_a_png_is_found() -> None:
    content = bytearray(encoded("PNG"))
    content[len(content) // 2] ^= 0x10
    with pytest.raises(UnusablePicture, match="check sum of its part IDAT"):
        inspect(bytes(content))


def test_too_many_pixels_are_refused_by_the_header() -> None:
    content = bytearray(encoded("BMP"))
    struct.pack_into("<ii", content, 18, MAX_PIXELS, 2)
    with pytest.raises(UnusablePicture, match="more than the 64000000 allowed"):
        inspect(bytes(content))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"file,label\n1.jpg,scratch\n", "this file is not one of JPEG, PNG, WebP and BMP"),
        (encoded("TIFF"), "TIFF is not one of"),
        (encoded("GIF", "L"), "GIF is not one of"),
        (b"\xff\xd8\xff\xd9", "holds no picture data"),
    ],
)
def test_the_reason_is_one_line_for_a_person(content: bytes, reason: str) -> None:
    with pytest.raises(UnusablePicture) as raised:
        inspect(content)
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)
