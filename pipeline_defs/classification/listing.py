"""Which pictures there are: below an S3 prefix, in a manifest on S3, or in a local folder."""

import json
import os
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from pipeline_defs.common.job import JobError
from pipeline_defs.common.objects import Unavailable, download, split_uri

MANIFEST_ENDS = (".manifest", ".jsonl")
_OTHERS_NAMED = 20


@dataclass(frozen=True, slots=True)
class Listed:
    """A picture to look at; `version_id` None: the version that is read, `size` None: not known yet."""

    uri: str
    class_name: str
    version_id: str | None = None
    size: int | None = None


@dataclass
class Ignored:
    """How many files are none of this model's: of classes that it has not, and hidden ones."""

    by_class: Counter[str] = field(default_factory=Counter)
    hidden: int = 0

    def largest(self) -> dict[str, int]:
        """Return the classes of the most files."""
        return dict(sorted(self.by_class.items(), key=lambda item: (-item[1], item[0]))[:_OTHERS_NAMED])

    def document(self) -> dict[str, Any]:
        """Return what the report says of them."""
        return {
            "of_other_classes": sum(self.by_class.values()),
            "largest_other_classes": self.largest(),
            "hidden": self.hidden,
        }


class Listing:
    """The pictures of a source whose class is one of `classes`; what is left out is counted in `ignored`.

    Below a prefix it lists what was there `as_of` a time, to the second; without one, what is there now.
    Source: `s3://bucket/prefix/`, `s3://….manifest`, a folder or a manifest file on this machine.
    """

    def __init__(
        self, source: str, classes: tuple[str, ...], s3: Any, *, as_of: datetime | None = None
    ) -> None:
        self.source, self.ignored = source, Ignored()
        self._classes, self._s3, self._as_of = {_composed(name): name for name in classes}, s3, as_of

    def __iter__(self) -> Iterator[Listed]:
        """List anew; raises JobError where there is no such source, or a line of a manifest is wrong."""
        self.ignored = Ignored()
        return (ours for listed in self._all() if (ours := self._ours(listed)))

    def _all(self) -> Iterator[Listed]:
        if self.source.startswith("s3://"):
            if self.source.endswith(MANIFEST_ENDS):
                return self._remote_manifest()
            return self._prefix()
        path = Path(self.source)
        if path.is_dir():
            return _folder(path)
        if path.is_file():
            return _manifest(path, self.source)
        raise JobError(f"{path}: no such folder or manifest; give --source")

    def _ours(self, listed: Listed) -> Listed | None:
        name = listed.uri.rpartition("/")[2]
        if name.startswith(".") or name.lower() in ("thumbs.db", "desktop.ini"):
            self.ignored.hidden += 1
            return None
        # A Mac takes é apart into e and its accent, where others keep it whole.
        class_name = self._classes.get(_composed(listed.class_name))
        if class_name is None:
            self.ignored.by_class[listed.class_name] += 1
            return None
        return listed if class_name == listed.class_name else replace(listed, class_name=class_name)

    def _prefix(self) -> Iterator[Listed]:
        bucket, prefix = split_uri(self.source)
        if prefix and not prefix.endswith("/"):
            raise JobError(f"{self.source}: a prefix ends in /, a manifest in {' or '.join(MANIFEST_ENDS)}")
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        for version in _newest(pages, self._as_of):
            if not version["Key"].endswith("/"):
                uri = f"s3://{bucket}/{version['Key']}"
                yield Listed(uri, _class_of(uri), version["VersionId"], version["Size"])

    def _remote_manifest(self) -> Iterator[Listed]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "manifest"
            try:
                download(self._s3, self.source, path)
            except Unavailable as error:
                raise JobError(f"{self.source}: {error}") from error
            yield from _manifest(path, self.source)


def _newest(pages: Iterable[dict[str, Any]], as_of: datetime | None) -> Iterator[dict[str, Any]]:
    """Give each key's newest version up to then; none where it was deleted by then, or came later."""
    decided = None
    for page in pages:
        versions, deleted = page.get("Versions", []), page.get("DeleteMarkers", [])
        if as_of is None:
            yield from (version for version in versions if version["IsLatest"])
            continue
        # Both lists are by key, newest first, and a key may go on in the next page.
        for row in sorted(
            [*versions, *deleted], key=lambda row: (row["Key"], -row["LastModified"].timestamp())
        ):
            if row["Key"] != decided and row["LastModified"].replace(microsecond=0) <= as_of:
                decided = row["Key"]
                if "Size" in row:  # a version, and no mark that it is deleted
                    yield row


def _folder(folder: Path) -> Iterator[Listed]:
    """List a folder and all below it, also what links lead to: each folder once."""
    seen = set[str]()
    for parent, folders, names in os.walk(folder.resolve(), followlinks=True, onerror=_unreadable):
        if (real := os.path.realpath(parent)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        for name in sorted(names):
            path = Path(parent) / name
            yield Listed(path.as_uri(), path.parent.name)


def _unreadable(error: OSError) -> NoReturn:
    raise JobError(f"{error.filename}: cannot be listed ({error.strerror}): let this user read it") from error


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _manifest(path: Path, source: str) -> Iterator[Listed]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
                uri, class_name = entry["source-ref"], entry["class"]
                known = uri.startswith(("s3://", "file:///")) and isinstance(class_name, str)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise JobError(f'{source}, line {number}: not {{"source-ref": …, "class": …}}') from error
            if not known:
                raise JobError(f"{source}, line {number}: source-ref is an s3:// URI, class a name")
            yield Listed(uri, class_name)


def _class_of(uri: str) -> str:
    return uri.rsplit("/", 2)[-2]
