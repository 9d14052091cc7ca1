"""Pictures of a test set as data URIs, in a budget: a page is sent around, and some cameras are good."""

import base64
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from lambdas.common.objects import split_uri
from lambdas.common.pictures import UnusablePicture, inspect
from lambdas.promotion.pages.numbers import megabytes
from lambdas.promotion.pages.plates import Picture

BUDGET = 4_500_000  # bytes of all pictures together; a third more on the page
_LONGEST = 1_500_000  # of one, so that it does not take the place of all others
_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WebP": "image/webp", "BMP": "image/bmp"}


def embed(s3: Any, test_set: str, files: Iterable[str], *, budget: int = BUDGET) -> dict[str, Picture]:
    """Read the files of a test set, those first that come first, as far as the budget goes."""
    found: dict[str, Picture] = {}
    for file in files:
        uri = f"{test_set.rstrip('/')}/{file}"
        content, reason = _read(s3, uri, min(budget, _LONGEST))
        if content is None:
            found[file] = Picture(uri, None, reason)
            continue
        try:
            kind = _TYPES[inspect(content).format]
        except UnusablePicture as error:
            found[file] = Picture(uri, None, str(error))
            continue
        budget -= len(content)
        found[file] = Picture(uri, f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}")
    return found


def _read(s3: Any, uri: str, longest: int) -> tuple[bytes | None, str]:
    bucket, key = split_uri(uri)
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        return None, f"it cannot be read ({error.response['Error']['Code']})"
    with answer["Body"] as body:
        if answer["ContentLength"] > longest:
            return None, f"it has {megabytes(answer['ContentLength'])}, more than the page has room for"
        content: bytes = body.read()
    return content, ""
