from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from local.codebuild.archive import pack, unpack


def test_same_files_give_the_same_bytes_and_keep_their_modes(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"
    pack({"bin/program": program}, first)
    program.touch()
    pack({"bin/program": program}, second)
    assert first.read_bytes() == second.read_bytes()
    unpack(first, tmp_path / "out")
    assert stat.S_IMODE((tmp_path / "out/bin/program").stat().st_mode) == 0o755


@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/out.txt"])
def test_member_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as made:
        made.writestr(name, "x")
    with pytest.raises(ValueError, match="leads out"):
        unpack(tmp_path / "evil.zip", tmp_path / "in")


def test_link_is_a_link_unless_it_leads_out(tmp_path: Path) -> None:
    for name, target in (("good", "a.txt"), ("evil", "../../a.txt")):
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as made:
            made.writestr("a.txt", "content")
            made.writestr(link, target)
    unpack(tmp_path / "good.zip", tmp_path / "in")
    assert (tmp_path / "in/link").read_text() == "content"
    with pytest.raises(ValueError, match="link out of"):
        unpack(tmp_path / "evil.zip", tmp_path / "in2")
