"""JSON documents of a data set: hashed and written always in the same form."""

import hashlib
import json
from pathlib import Path


def canonical_sha256(document: object) -> str:
    """Hash a document's canonical JSON: sorted keys, no spaces."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def write_json(path: Path, document: object) -> None:
    """Write a document, indented; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1))
