"""The shapes of the SageMaker API that botocore knows, and what may be asked of them."""

import re
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ServiceModel

Shape = Any  # one of botocore's; which attributes it has depends on its `type_name`

_PATH = re.compile(r"\.?([A-Za-z_]\w*)|\[(?:'[^']+'|\"[^\"]+\"|\d+)\]")
_UNICODE_CLASSES = {r"\p{L}": "a-zA-Z", r"\p{N}": "0-9", r"\p{Z}": r"\s", r"\p{M}": ""}


@cache
def sagemaker() -> ServiceModel:
    """Return the model of the API."""
    return botocore.session.Session().get_service_model("sagemaker")


@cache
def python_pattern(pattern: str) -> re.Pattern[str] | None:
    """An API's pattern for `re`; None where there is none, or Python cannot express it."""
    for theirs, ours in _UNICODE_CLASSES.items():
        pattern = pattern.replace(theirs, ours)
    try:
        return re.compile(pattern, re.DOTALL) if pattern else None
    except re.error:
        return None


def member(shape: Shape | None, key: str) -> Shape | None:
    """Return the shape of a member, None where there is none."""
    if shape is not None and shape.type_name == "structure":
        return shape.members.get(key)
    return shape.value if shape is not None and shape.type_name == "map" else None


def leads_somewhere(shape: Shape, path: str) -> bool:
    """Whether a property path such as `ModelArtifacts.S3ModelArtifacts` exists in a shape."""
    position = 0
    while position < len(path):
        token = _PATH.match(path, position)
        if token is None:
            return False
        position = token.end()
        name = token[1]
        if name is not None:
            if shape.type_name != "structure" or name not in shape.members:
                return False
            shape = shape.members[name]
        elif shape.type_name == "list":
            shape = shape.member
        elif shape.type_name == "map":
            shape = shape.value
        else:
            return False
    return True
