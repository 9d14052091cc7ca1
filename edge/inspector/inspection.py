"""One picture after the other: decode, detect, keep what was found, only then let the picture go."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.inspector.health import Health
from edge.inspector.model import Detection, Model
from edge.inspector.outbox import Outbox, OutboxFull, Parcel
from edge.inspector.results import ResultLog
from edge.inspector.settings import Settings
from inference.pictures import BadPicture

_UNFINISHED = (".part", ".tmp", ".partial")
_KEPT_REJECTED = 100
_MIME_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "tif": "image/tiff",
}


@dataclass(frozen=True)
class Store:
    """Where an inspection keeps things on the device."""

    results: ResultLog
    outbox: Outbox
    rejected: Path


class Inspection:
    """Takes pictures out of the input directory."""

    def __init__(self, *, thing: str, store: Store, health: Health, decode: Callable[[bytes], Any]) -> None:
        self._thing = thing
        self._store = store
        self._health = health
        self._decode = decode

    def inspect(self, path: Path, model: Model, settings: Settings) -> None:
        """Inspect one picture. Raises OSError if the disk is full or broken; the picture then stays."""
        content = path.read_bytes()
        started = time.perf_counter()
        try:
            picture = self._decode(content)
            found = model.detector.detect(picture, min_score=min(settings.min_score, settings.unsure_low))
        except BadPicture as error:
            self._reject(path, error.reason)
            return
        except Exception as error:  # one strange picture must not stop the line
            self._reject(path, f"the detector failed: {error!r}")
            return
        milliseconds = (time.perf_counter() - started) * 1000
        unsure = is_unsure(found, settings)
        if unsure:
            self._return(content, found, model, settings)
        self._store.results.append(
            {
                "file": path.name,
                "sha256": hashlib.sha256(content).hexdigest(),
                "model_package_arn": model.package_arn,
                "detections": [_to_json(d) for d in found if d.score >= settings.min_score],
                "unsure": unsure,
                "ms": round(milliseconds, 2),
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            }
        )
        path.unlink()
        self._health.count("inferences", milliseconds=milliseconds)

    def _return(self, content: bytes, found: Sequence[Detection], model: Model, settings: Settings) -> None:
        try:
            self._store.outbox.add(returned_picture(self._thing, content, found, model, settings), content)
        except OutboxFull as error:
            self._health.count("images_dropped", error=str(error))

    def _reject(self, path: Path, reason: str) -> None:
        directory = self._store.rejected
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{path.name}.reason.txt").write_text(reason + "\n")
        path.replace(directory / path.name)
        self._health.count("rejected", error=f"{path.name}: {reason}")
        for old in sorted(directory.iterdir(), key=lambda p: p.stat().st_mtime_ns)[: -2 * _KEPT_REJECTED]:
            old.unlink()


def waiting_pictures(directory: Path) -> list[Path]:
    """Return the finished files of a directory, oldest first; hidden and partly written ones are left."""
    try:
        files = [path for path in directory.iterdir() if _is_finished(path)]
        return sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name))
    except FileNotFoundError:  # the camera took one back, or its directory; look again later
        return []


def _to_json(detection: Detection) -> dict[str, object]:
    return {
        "label": detection.label,
        "score": round(detection.score, 4),
        "box": [round(value, 1) for value in detection.box],
    }


def _is_finished(path: Path) -> bool:
    return not path.name.startswith(".") and path.suffix not in _UNFINISHED and path.is_file()


def is_unsure(found: Sequence[Detection], settings: Settings) -> bool:
    """Whether any detection's score lies between the two bounds."""
    return any(settings.unsure_low <= d.score <= settings.unsure_high for d in found)


def returned_picture(
    thing: str, content: bytes, found: Sequence[Detection], model: Model, settings: Settings
) -> Parcel:
    """Say where a picture that the model is unsure of goes; the same bytes of one day go to the same key."""
    extension = picture_extension(content)
    scores = [d.score for d in found if d.score >= settings.unsure_low]
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Parcel(
        bucket=settings.images_bucket,
        key=f"images/{settings.model}/returned/{thing}/{datetime.now(UTC):%Y-%m-%d}/{digest}.{extension}",
        content_type=_MIME_TYPES[extension],
        metadata={
            "thing": thing,
            "package": model.package_arn,
            "min-score": f"{min(scores):.4f}",
            "max-score": f"{max(scores):.4f}",
        },
    )


def picture_extension(content: bytes) -> str:
    """Name the format by its first bytes; what could be decoded and is none of the others is TIFF."""
    if content.startswith(b"\xff\xd8"):
        return "jpg"
    if content.startswith(b"\x89PNG"):
        return "png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    return "bmp" if content.startswith(b"BM") else "tif"
