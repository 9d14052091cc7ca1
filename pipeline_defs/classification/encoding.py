"""A picture as it is kept for training: upright, small, a JPEG that is the same bytes whenever it is made."""

import io

from PIL import Image, features

from inference.centre_view import short_side
from inference.pictures import decode

QUALITY = 95  # of 100, with the colours at full resolution: what training sees is what was photographed


def encode(content: bytes, input_size: int) -> bytes:
    """Return an image file's picture as JPEG, its short side that of the model's view, or its own if smaller.

    Scaled by the filter that the model's view is scaled by. Raises BadPicture for what is no picture.
    """
    image = Image.fromarray(decode(content))
    shorter, wanted = min(image.size), short_side(input_size)
    if shorter > wanted:
        width, height = (max(wanted, round(side * wanted / shorter)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY, subsampling="4:4:4")
    return stream.getvalue()


def encoder(input_size: int) -> dict[str, object]:
    """Describe how pictures are encoded: with another library the bytes may be others."""
    return {
        "short_side": short_side(input_size),
        "quality": QUALITY,
        "subsampling": "4:4:4",
        "pillow": str(features.version("pil")),
        "jpeg": f"libjpeg-turbo {features.version('libjpeg_turbo')}",
    }
