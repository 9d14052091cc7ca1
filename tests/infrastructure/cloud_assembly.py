"""What `cdk synth` leaves behind: a cloud assembly, its templates by the name of the stack."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Template = dict[str, Any]


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
    stage = directory / "assembly-Tools"
    artifacts = json.loads((stage / "manifest.json").read_text())["artifacts"].values()
    files = {
        artifact["displayName"].removeprefix("Tools/"): stage / artifact["properties"]["templateFile"]
        for artifact in artifacts
        if artifact["type"] == "aws:cloudformation:stack"
    }
    templates = {stack: json.loads(file.read_text()) for stack, file in files.items()}
    return Assembly(directory, templates, list(files.values()))
