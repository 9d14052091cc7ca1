"""`python -m local doctor`: what would fail or cost money, before the first deployment and after it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from config import Edgeline
from config_table import ConfigError
from local.demo.synthesis import SynthesisError, synthesize
from local.doctor import (
    account,
    configuration,
    estimate,
    execution_policy,
    ground_truth,
    quotas,
    readiness,
    templates,
    trees,
)
from local.doctor.assembly import Stack, is_current, read
from local.doctor.estimate import Estimate
from local.doctor.finding import Finding, as_text, as_values

ROOT = Path(__file__).parents[2]
USUAL = ROOT / "edgeline.toml"


@dataclass(frozen=True)
class Diagnosis:
    """All that was found, and the estimate."""

    stacks: list[Stack]
    findings: list[Finding]
    estimate: Estimate

    @property
    def fails(self) -> bool:
        """Whether something would fail."""
        return any(finding.severity == "error" for finding in self.findings)


def run(configuration_file: Path, *, as_json: bool) -> int:
    """Print the diagnosis; 1 where something would fail, 2 where there is nothing to look at."""
    try:
        config = Edgeline.read(configuration_file)
        stacks = synthesized(configuration_file)
    except (ConfigError, SynthesisError) as error:
        print(json.dumps({"error": str(error)}) if as_json else f"error: {error}")
        return 2
    diagnosis = diagnose(config, stacks)
    print(_json(diagnosis) if as_json else _text(configuration_file, config, diagnosis))
    return 1 if diagnosis.fails else 0


def diagnose(config: Edgeline, stacks: list[Stack]) -> Diagnosis:
    """Look through the configuration, the templates and, where there are credentials, the account."""
    region = config.accounts.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    signed_in = account.sign_in(region)
    # A profile may name the region too.
    region = region or getattr(signed_in, "region", None)
    estimated = estimate.estimate(config, stacks, region)
    asked = [*readiness.checks(config), *ground_truth.checks(config), *quotas.checks(config)]
    return Diagnosis(
        stacks,
        [
            *configuration.check(config),
            *trees.check(config, region),
            *ground_truth.check(config, region, configuration.EXAMPLES),
            *templates.check(stacks, region, wanted=ground_truth.wanted(config)),
            *execution_policy.check(config, stacks),
            *estimate.unpriced(stacks),
            *estimate.budget(config, estimated),
            *account.run(signed_in, config, asked),
            *readiness.other_accounts(signed_in, config),
        ],
        estimated,
    )


def synthesized(configuration_file: Path) -> list[Stack]:
    """The stacks of a configuration, from cdk.out; made anew where that is absent, older or another's."""
    if configuration_file.resolve() == USUAL:
        assembly = ROOT / "cdk.out"
        if not is_current(assembly, ROOT, configuration_file):
            synthesize(configuration_file, assembly)
        return read(assembly)
    with TemporaryDirectory(prefix="doctor-") as folder:
        synthesize(configuration_file, Path(folder))
        return read(Path(folder))


def _text(configuration_file: Path, config: Edgeline, diagnosis: Diagnosis) -> str:
    names = ", ".join(sorted(stack.path for stack in diagnosis.stacks))
    blocks = [
        f"{configuration_file.name}: {config.name}, {len(diagnosis.stacks)} stacks: {names}",
        as_text(diagnosis.findings),
        estimate.as_text(diagnosis.estimate, config.budget.monthly_usd),
    ]
    return "\n\n".join(block for block in blocks if block)


def _json(diagnosis: Diagnosis) -> str:
    estimated = diagnosis.estimate
    values = {
        "stacks": [stack.path for stack in diagnosis.stacks],
        "findings": as_values(diagnosis.findings),
        "estimate": {
            "source": estimated.source,
            "month": [{"what": cost.what, "usd": cost.usd} for cost in estimated.month],
            "training": [{"what": cost.what, "usd": cost.usd} for cost in estimated.training],
        },
    }
    return json.dumps(values, indent=2)
