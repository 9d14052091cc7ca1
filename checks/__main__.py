"""Check a synthesized app before anything is deployed: python -m checks [cdk.out] [--only NAME] [-v].

Prints one line for each finding; exits with 1 if one of them is an error, with 2 if nothing could be checked.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from checks.assembly import BrokenAssemblyError, read_assembly
from checks.run import CHECKS, run


def main(arguments: Sequence[str]) -> int:
    """Run the checks, print what they find, and give the exit status."""
    options = _parse(arguments)
    started = time.monotonic()
    try:
        assembly = read_assembly(options.assembly)
        findings = []
        for name, found, seconds in run(options.only or list(CHECKS), assembly):
            if options.verbose:
                print(f"{name}: {seconds:.1f} s", flush=True)
            findings += found
    except BrokenAssemblyError as error:
        print(error, file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(f"{error}; run: pip install -r requirements-checks.txt", file=sys.stderr)
        return 2
    for finding in findings:
        print(finding)
    warnings = sum(finding.warning for finding in findings)
    errors = len(findings) - warnings
    told = f"{errors} errors, {warnings} warnings in {len(assembly.stacks)} stacks"
    print(f"{told}, {time.monotonic() - started:.0f} s")
    return 1 if errors else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m checks", description="Check a synthesized app.")
    parser.add_argument("assembly", nargs="?", type=Path, default=Path("cdk.out"), help="cdk.out by default")
    parser.add_argument("--only", action="append", choices=sorted(CHECKS), help="this check; may be repeated")
    parser.add_argument("-v", "--verbose", action="store_true", help="the seconds of each check too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
