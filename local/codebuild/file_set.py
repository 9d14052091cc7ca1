"""Which files `artifacts` and `reports` of a buildspec take, by CodeBuild's patterns."""

from __future__ import annotations

import re
from pathlib import Path

from local.codebuild.buildspec import Files


def selected(files: Files, root: Path) -> dict[str, Path]:
    """Return the files by their names in the artifact: relative to the base directory, or bare.

    A base directory may be a pattern ('build*') that stands for several directories, as on CodeBuild.
    """
    found: dict[str, Path] = {}
    for base in _bases(files.base_directory, root):
        candidates = sorted(path for path in base.rglob("*") if path.is_file())
        wanted = [_matcher(pattern, base) for pattern in files.files]
        unwanted = [_matcher(pattern, base) for pattern in files.exclude]
        for path in candidates:
            name = path.relative_to(base).as_posix()
            if any(m.fullmatch(name) for m in wanted) and not any(m.fullmatch(name) for m in unwanted):
                found[path.name if files.discard_paths else name] = path
    found.update(_outside(files, root))
    return found


def _bases(pattern: str, root: Path) -> list[Path]:
    if Path(pattern).is_absolute():
        return [Path(pattern)] if Path(pattern).is_dir() else []
    if not any(sign in pattern for sign in "*?["):
        return [root / pattern] if (root / pattern).is_dir() else []
    return sorted(path for path in root.glob(pattern) if path.is_dir())


def _outside(files: Files, root: Path) -> dict[str, Path]:
    """Return the files that are named by an absolute path, or by one that leads out of the base directory."""
    named = (Path(name) for name in files.files if not any(sign in name for sign in "*?["))
    base = root / files.base_directory
    away = (path for path in named if path.is_absolute() or ".." in path.parts)
    return {path.name: base / path for path in away if (base / path).is_file()}


def _matcher(pattern: str, base: Path) -> re.Pattern[str]:
    """Translate a pattern: `**` stands for any number of directories; a directory for all that is in it."""
    text = pattern.removeprefix("./").rstrip("/")
    if text and not any(sign in text for sign in "*?[") and (base / text).is_dir():
        text += "/**/*"
    parts = []
    index = 0
    while index < len(text):
        if text.startswith("**/", index):
            parts.append("(?:[^/]+/)*")
            index += 3
        elif text.startswith("**", index):
            parts.append(".*")
            index += 2
        elif text[index] == "*":
            parts.append("[^/]*")
            index += 1
        elif text[index] == "?":
            parts.append("[^/]")
            index += 1
        else:
            parts.append(re.escape(text[index]))
            index += 1
    return re.compile("".join(parts))
