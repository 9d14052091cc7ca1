import io

import numpy as np
import pytest
from PIL import Image

from inference.centre_view import centre_view
from inference.pictures import BadPicture, decode
from pipeline_defs.classification.encoding import encode, encoder, scaled


def picture(width: int, height: int, *, seed: int = 1) -> Image.Image:
    """Soft colours, as of a photograph: what scaling and JPEG keep."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def file_of(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((600, 400), (384, 256)),
        ((400, 600), (256, 384)),
        ((256, 256), (256, 256)),
        ((1001, 257), (996, 256)),
        ((300, 100), (300, 100)),
        ((33, 32), (33, 32)),
    ],
)
def test_the_short_side_is_that_of_the_models_view_and_nothing_is_enlarged(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    with Image.open(io.BytesIO(encode(file_of(picture(*size)), 224))) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", expected)


def test_the_same_picture_is_the_same_bytes() -> None:
    content = file_of(picture(500, 400), "JPEG", quality=90)
    assert encode(content, 224) == encode(content, 224)
    assert encode(content, 224) != encode(file_of(picture(500, 400, seed=2)), 224)


def test_colours_keep_their_full_resolution() -> None:
    with Image.open(io.BytesIO(encode(file_of(picture(300, 300)), 224))) as image:
        assert {(h, v) for _, h, v, _ in image.layer} == {(1, 1)}  # type: ignore[attr-defined]


def test_a_picture_that_lies_on_its_side_is_put_upright_and_its_data_are_left_out() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera"
    encoded = encode(file_of(picture(400, 300), "JPEG", exif=exif), 224)
    with Image.open(io.BytesIO(encoded)) as image:
        assert image.size == (256, 340)
        assert not image.getexif()
    assert b"a camera" not in encoded


def test_other_kinds_of_pictures_become_rgb() -> None:
    for mode, kind in (("L", "PNG"), ("P", "PNG"), ("RGBA", "PNG"), ("CMYK", "TIFF"), ("RGB", "WEBP")):
        assert decode(encode(file_of(picture(90, 90).convert(mode), kind), 64)).shape == (74, 74, 3)


@pytest.mark.parametrize("input_size", [32, 64, 96, 160, 224])
@pytest.mark.parametrize("size", [(500, 401), (300, 700), (1023, 257), (80, 90), (333, 333)])
def test_the_centre_is_pixel_by_pixel_what_evaluation_and_endpoints_see(
    size: tuple[int, int], input_size: int
) -> None:
    """Of pixels that have nothing to do with their neighbours: a shift by half of one would show."""
    noise = np.random.default_rng(3).integers(0, 256, (*size, 3), dtype=np.uint8)
    seen = centre_view(noise, input_size).astype(int)
    kept = centre_view(np.asarray(scaled(Image.fromarray(noise), input_size)), input_size).astype(int)
    assert np.abs(seen - kept).mean() < 0.1


@pytest.mark.parametrize("size", [(500, 400), (300, 700), (1024, 256), (80, 90)])
def test_what_jpeg_changes_is_little(size: tuple[int, int]) -> None:
    original = file_of(picture(*size))
    seen = centre_view(decode(original), 224).astype(int)
    trained = centre_view(decode(encode(original, 224)), 224).astype(int)
    assert np.abs(seen - trained).mean() < 1.5


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(BadPicture):
        encode(b"GIF89a", 224)


def test_it_is_said_how_pictures_were_encoded() -> None:
    described = encoder(224)
    assert (described["short_side"], described["quality"]) == (256, 95)
    assert all(described.values())
