"""A picture as it is kept for training: upright, small, a JPEG that is the same bytes whenever it is made."""

import io

from PIL import Image, features

from inference.centre_view import short_side
from inference.pictures import decode

QUALITY = 95  # of 100, with the colours at full resolution: what training sees is what was photographed


def encode(content: bytes, input_size: int) -> bytes:
    """Return an image file's picture as JPEG, its short side that of the model's view, or its own if smaller.

    Raises BadPicture for what is no picture.
    """
    image = scaled(Image.fromarray(decode(content)), input_size)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY, subsampling="4:4:4")
    return stream.getvalue()


def scaled(image: Image.Image, input_size: int) -> Image.Image:
    """Scale a picture so that its centre is, pixel by pixel, what `centre_view` makes of the whole.

    For that the long side loses up to two pixels: its borders beside the centre are whole pixels too.
    """
    wanted = short_side(input_size)
    ratio = min(image.size) / wanted
    if ratio <= 1:
        return image
    width, height = (wanted + max(0, int((side / ratio - wanted) / 2)) * 2 for side in image.size)
    left, top = max(0.0, (image.width - width * ratio) / 2), max(0.0, (image.height - height * ratio) / 2)
    box = (left, top, image.width - left, image.height - top)
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box)


def encoder(input_size: int) -> dict[str, object]:
    """Describe how pictures are encoded: with another library the bytes may be others."""
    return {
        "short_side": short_side(input_size),
        "quality": QUALITY,
        "subsampling": "4:4:4",
        "pillow": str(features.version("pil")),
        "jpeg": f"libjpeg-turbo {features.version('libjpeg_turbo')}",
    }
