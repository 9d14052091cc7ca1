"""The table of faults names tests that are there, and all that are here."""

import re

from faults.seams import ROOT

TABLE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`(test_\w+)\.py::(test_\w+)`", TABLE))


def defined_in(folder: str) -> set[tuple[str, str]]:
    return {
        (path.stem, name)
        for path in (ROOT / folder).rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_every_test_that_the_table_names_exists() -> None:
    assert len(NAMED) > 12
    assert defined_in("tests") >= NAMED


def test_every_fault_that_is_injected_is_in_the_table() -> None:
    injected = {found for found in defined_in("tests/integration/faults") if found[0] != "test_table"}
    assert injected <= NAMED
