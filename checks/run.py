"""Running the checks, those that take long side by side."""

import importlib
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from checks.assembly import Assembly
from checks.finding import Finding

# The longest first, so that two processes end at about the same time.
CHECKS = {
    "pipeline-definitions": "checks.pipeline_definitions",
    "cfn-lint": "checks.cfn_lint",
    "cdk-validation": "checks.cdk_validation",
    "state-machines": "checks.state_machines",
    "cdk-nag": "checks.cdk_nag",
    "event-patterns": "checks.event_rules",
    "buildspecs": "checks.buildspecs",
    "recipes": "checks.recipes",
    "limits": "checks.limits",
}
_PROCESSES = 2  # more have no work: three checks take nearly all of the time

Run = tuple[str, list[Finding], float]


def run(names: Sequence[str], assembly: Assembly) -> Iterator[Run]:
    """Run each check, in processes of their own where there are several, and give them in their order."""
    processes = min(_PROCESSES, os.cpu_count() or 1, len(names))
    if processes == 1:
        yield from (run_one(name, assembly) for name in names)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run_one, names, [assembly] * len(names))


def run_one(name: str, assembly: Assembly) -> Run:
    """Run one check: its name, its findings and its seconds."""
    started = time.monotonic()
    # Only now: some of them load packages that take seconds, and those of the others need not be there.
    found: list[Finding] = importlib.import_module(CHECKS[name]).check(assembly)
    return name, found, time.monotonic() - started
