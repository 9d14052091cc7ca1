"""Zips of sources and artifacts."""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

_EARLIEST = (1980, 1, 1, 0, 0, 0)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip, with the modes and links of its files; ValueError where one leads out of `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    root = folder.resolve()
    with zipfile.ZipFile(archive) as found:
        for member in found.infolist():
            target = folder / member.filename
            if not target.resolve().is_relative_to(root):
                raise ValueError(f"{archive.name}: {member.filename!r} leads out of its folder")
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            _unpack_file(found, member, target, root)


def _unpack_file(found: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, root: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = member.external_attr >> 16
    if stat.S_ISLNK(mode):
        link = found.read(member).decode()
        if not (target.parent / link).resolve().is_relative_to(root):
            raise ValueError(f"{member.filename!r} is a link out of its folder")
        target.symlink_to(link)
        return
    with found.open(member) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)
    if mode:
        target.chmod(stat.S_IMODE(mode) | stat.S_IRUSR | stat.S_IWUSR)


def pack(files: Mapping[str, Path], archive: Path) -> None:
    """Make a zip of files by their names in it; the same bytes for the same files."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.external_attr = (stat.S_IFREG | path.stat().st_mode & 0o777) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as source, made.open(entry, "w", force_zip64=True) as copy:
                shutil.copyfileobj(source, copy)
