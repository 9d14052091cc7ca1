"""What `cdk synth` leaves behind: a cloud assembly, its templates by the name of the stack."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Template = dict[str, Any]
STAGES = ("Tools", "Staging", "Prod")


@dataclass(frozen=True)
class Assembly:
    directory: Path
    templates: dict[str, Template]
    template_files: list[Path]

    def resources(self, kind: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Stack, logical id and definition of every resource, or of those of one kind."""
        for stack, template in self.templates.items():
            for logical_id, resource in template["Resources"].items():
                if kind in ("", resource["Type"]):
                    yield stack, logical_id, resource


def read_assembly(directory: Path) -> Assembly:
    """Read the stacks of all stages; those of Tools by their own name, others as `Prod/Serving`."""
    files = {
        artifact["displayName"].removeprefix("Tools/"): folder / artifact["properties"]["templateFile"]
        for folder in (directory, *(directory / f"assembly-{stage}" for stage in STAGES))
        for artifact in json.loads((folder / "manifest.json").read_text())["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    templates = {stack: json.loads(file.read_text()) for stack, file in files.items()}
    return Assembly(directory, templates, list(files.values()))
