"""YAML and JSON documents, read strictly: a key that stands twice is an error, not the last one's."""

from collections.abc import Hashable
from typing import Any

import yaml


class BadDocumentError(Exception):
    """The text is no document; the message is one line."""


class _StrictLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = next((key for index, key in enumerate(keys) if key in keys[:index]), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(
                problem=f"the key {twice!r} stands twice", problem_mark=node.start_mark
            )
        return super().construct_mapping(node, deep=deep)


def read_document(text: str) -> Any:
    """Read YAML, and JSON, which is YAML too. Raises BadDocumentError."""
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise BadDocumentError(f"not valid YAML: {' '.join(str(error).split())}") from None
