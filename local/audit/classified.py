"""From a classifier's package back to its pictures: the list of them, the test set, each one's version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from lambdas.promotion.check_artifacts import labels_sha256
from local.audit.finding import Audit
from local.audit.objects import Objects, Unreadable, Versioned
from pipeline_defs.classification.dataset import IMAGES, VERSION, Image
from pipeline_defs.common.documents import canonical_sha256

Document = Mapping[str, Any]
_AT_ONCE = 10_000  # a list may have a million


def walk_classifier(audit: Audit, objects: Objects, metadata: Document) -> None:
    """Check what a classifier was measured and trained on; which picture is on which side is not in it."""
    _Classified(audit, objects, metadata).walk()


class _Classified:
    def __init__(self, audit: Audit, objects: Objects, metadata: Document) -> None:
        self._audit, self._objects, self._metadata = audit, objects, metadata
        self._folder = metadata["dataset_manifest"].rpartition("/")[0]
        self._test = metadata["test_set"].rstrip("/")

    def walk(self) -> None:
        header = self._header()
        if header is not None:
            self._test_set(header)
            self._pictures(header)

    def _header(self) -> Document | None:
        uri = self._metadata["dataset_manifest"]
        try:
            header: Document = self._objects.read_json(uri)
            said = header["sha256"]
            found = canonical_sha256({name: value for name, value in header.items() if name != "sha256"})
            if header["version"] != VERSION:
                raise Unreadable(f"it is of version {header['version']}, this reads {VERSION}")
            if found != said:
                raise Unreadable(f"its SHA-256 is {found}, it says {said}")
        except (Unreadable, KeyError, TypeError) as error:
            self._audit.wrong("dataset manifest", uri, str(error))
            return None
        self._audit.holds("dataset manifest", f"{uri}, SHA-256 {said}")
        return header

    def _test_set(self, header: Document) -> None:
        """What it was measured on is of this data set, and its labels are those of the package."""
        labels, label_map = f"{self._test}/labels.json", f"{self._test}/label_map.json"
        try:
            told = self._objects.read_json(labels)
            problem = None if told["dataset_sha256"] == header["sha256"] else "it is of another data set"
            records, sha256 = f"{self._test}/{told['records']['file']}", told["records"]["sha256"]
            self._audit.check("records", records, self._objects.problem(records, sha256))
        except (Unreadable, KeyError, TypeError) as error:
            problem = str(error)
        self._audit.check("labels", labels, problem)
        self._audit.check("label map", label_map, self._other_labels(label_map))

    def _other_labels(self, uri: str) -> str | None:
        try:
            found = labels_sha256(self._objects.read_json(uri)["labels"])
        except (Unreadable, KeyError, TypeError) as error:
            return str(error)
        own = self._metadata["label_map_sha256"]
        return None if found == own else f"the hash of its labels is {found}, the package's is {own}"

    def _pictures(self, header: Document) -> None:
        """Every picture, in the version that was checked: also one that was written over since."""
        uri, known = f"{self._folder}/{IMAGES}", header["images"]
        problem = self._objects.problem(uri, known["sha256"])
        self._audit.check("list of pictures", f"{uri}, {known['count']} pictures", problem)
        if problem:
            return
        listed, wrong = iter(self._listed(uri)), 0
        while some := list(islice(listed, _AT_ONCE)):
            for picture, problem in self._objects.version_problems(some):
                if problem:
                    wrong += 1
                    self._audit.wrong("picture", picture.uri, problem)
        if not wrong:
            self._audit.holds("picture", f"{known['count']} pictures, in the versions that were checked")

    def _listed(self, uri: str) -> Iterator[Versioned]:
        for line in self._objects.read(uri).splitlines():
            image = Image.parse(line)
            yield Versioned(image.uri, image.version_id, image.sha256)
