"""The commands verify and rebuild of `python -m local`; they ask the account that the credentials are of."""

from __future__ import annotations

import argparse

from config import Edgeline
from config_table import ConfigError
from local.audit.rebuild import rebuild
from local.audit.verify import verify


def run(options: argparse.Namespace) -> int:
    """Run one of them; the exit status that it gives."""
    try:
        config = Edgeline.read(options.config.resolve())
    except ConfigError as error:
        print(f"error: {error}")
        return 2
    if options.command == "verify":
        return verify(config, options.name, _say)
    return rebuild(config, options.package, _say)


def _say(line: str) -> None:
    print(line, flush=True)
