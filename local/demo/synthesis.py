"""Synthesizes the very templates that go to AWS, with `cdk synth`, for the classes that the pictures show."""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CLASSES = re.compile(r"^classes = \[.*\]$", re.MULTILINE)
_BAKE = re.compile(r"^bake_seconds = \d+", re.MULTILINE)
_BAKE_SECONDS = 5
_ROUND_SIZE = re.compile(r"^round_size = \d+", re.MULTILINE)
_LABELING = re.compile(r"^\[labeling\]", re.MULTILINE)
_SMALLEST_ROUND, _LARGEST_ROUND = 10, 10_000
_MODEL = re.compile(r"^\[models\.([a-z0-9-]+)\]", re.MULTILINE)
_PROD = re.compile(r"^\[models\.[a-z0-9-]+\.prod\].*$", re.MULTILINE)
_DELIVERY = re.compile(r"^\[delivery\].*\n(?:(?!\[).*\n)*", re.MULTILINE)


class SynthesisError(Exception):
    """`cdk synth` failed; the message is the end of what it said."""


def configure(base: Path, folder: Path, classes: Sequence[str], *, pictures: int) -> Path:
    """Write the configuration `base` with these classes into `folder`; return its path.

    Without the delivery: what a push would deploy, the demo deploys by itself. A new version in prod is
    watched for seconds: nobody waits minutes for traffic that does not come. One round takes all `pictures`,
    or as many as a round may have.
    """
    text, replaced = _CLASSES.subn(
        lambda _: f"classes = {json.dumps(list(classes), ensure_ascii=False)}",
        base.read_text(encoding="utf-8"),
    )
    if replaced != 1:
        raise SynthesisError(f"{base}: the demo runs one model and found no single `classes = [...]` line")
    path = folder / "edgeline.toml"
    text = _with_one_round(_with_short_bake(text), pictures)
    path.write_text(_DELIVERY.sub("", text), encoding="utf-8")
    return path


def _with_one_round(text: str, pictures: int) -> str:
    line = f"round_size = {min(max(pictures, _SMALLEST_ROUND), _LARGEST_ROUND)}"
    for place, added in ((_ROUND_SIZE, line), (_LABELING, f"[labeling]\n{line}")):
        changed, found = place.subn(added, text)
        if found:
            return changed
    return f"{text}\n[labeling]\n{line}\n"


def _with_short_bake(text: str) -> str:
    line = f"bake_seconds = {_BAKE_SECONDS}"
    shortened, found = _BAKE.subn(line, text)
    if found:
        return shortened
    shortened, found = _PROD.subn(lambda header: f"{header[0]}\n{line}", text)
    model = _MODEL.search(text)
    return shortened if found or not model else f"{text}\n[models.{model[1]}.prod]\n{line}\n"


def synthesize(configuration: Path, assembly: Path) -> None:
    """Run `cdk synth` for a configuration into the folder `assembly`; needs no credentials and no network."""
    command = ["cdk", "synth", "--quiet", "--output", str(assembly), "--context", f"config={configuration}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # The CLI asks for the newest version and for notices; neither is wanted of a command that works offline.
    environment |= {
        "CDK_VALIDATION": "false",
        "CDK_DISABLE_VERSION_CHECK": "1",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }
    command += ["--no-notices", "--no-version-reporting"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise SynthesisError(f"cdk synth: {(done.stderr or done.stdout).strip()[-2000:]}")
