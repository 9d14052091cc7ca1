"""An archive is unpacked into its folder, and nowhere else."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from local.sagemaker.s3_transfer import pack, unpack


def archive_of(where: Path, *members: tuple[str, bytes, bytes]) -> Path:
    """Write an archive of (name, type, content)."""
    with tarfile.open(where, "w:gz") as tar:
        for name, kind, content in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.size, entry.linkname = kind, len(content), "/etc/passwd"
            tar.addfile(entry, io.BytesIO(content))
    return where


def test_what_was_packed_is_unpacked_the_same(tmp_path: Path) -> None:
    (tmp_path / "in/code").mkdir(parents=True)
    (tmp_path / "in/model.onnx").write_bytes(b"weights")
    (tmp_path / "in/code/run.sh").write_text("exit 0")
    (tmp_path / "in/code/run.sh").chmod(0o755)
    pack(tmp_path / "in", tmp_path / "a.tar.gz")
    unpack(tmp_path / "a.tar.gz", tmp_path / "out")
    assert (tmp_path / "out/model.onnx").read_bytes() == b"weights"
    assert os.access(tmp_path / "out/code/run.sh", os.X_OK)


@pytest.mark.parametrize(
    "member",
    [
        ("../beside", tarfile.REGTYPE, b"x"),
        ("/opt/absolute", tarfile.REGTYPE, b"x"),
        ("link", tarfile.SYMTYPE, b""),
        ("hard", tarfile.LNKTYPE, b""),
        ("device", tarfile.CHRTYPE, b""),
    ],
    ids=["beside", "absolute", "symbolic link", "hard link", "device"],
)
def test_what_is_no_file_inside_of_the_folder_is_refused(
    tmp_path: Path, member: tuple[str, bytes, bytes]
) -> None:
    archive = archive_of(tmp_path / "a.tar.gz", ("model.onnx", tarfile.REGTYPE, b"weights"), member)
    with pytest.raises(tarfile.TarError, match=f"'{member[0]}' is no file or folder"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "beside").exists()
