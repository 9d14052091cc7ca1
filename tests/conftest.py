from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from local.cloud.server import LocalCloud

# Three that models are promoted through, two of the tests of accounts; all else is in the cloud's own.
OTHER_ACCOUNTS = tuple(str(digit) * 12 for digit in range(1, 6))


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The local AWS with all it serves: one for all tests, since a process can start only one."""
    # Not above: the delivery pipeline tests the app and its functions where the local cloud is not installed.
    from local import services
    from local.cloud.server import LocalCloud

    state_dir = tmp_path_factory.mktemp("cloud")
    with LocalCloud(state_dir, accounts=OTHER_ACCOUNTS, plugins=services.ALL) as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium: one for a file of tests, since Playwright allows one at a time in a process."""
    from person import debians_chromium

    with debians_chromium() as started:
        yield started
