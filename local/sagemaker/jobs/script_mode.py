"""The training toolkit's contract: how a script in a framework container is told what to do.

Source: github.com/aws/sagemaker-training-toolkit, `environment.py`, `mapping.py` and `entry_point.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from local.sagemaker.jobs.container_folder import ContainerFolder

PROGRAM = "sagemaker_program"
SUBMIT_DIRECTORY = "sagemaker_submit_directory"
# Tuning jobs add this one; like all that begin with sagemaker_, the toolkit keeps it from the script.
TUNING_METRIC = "_tuning_objective_metric"


def decode_hyperparameters(given: Mapping[str, str]) -> dict[str, Any]:
    """Read each value as JSON where it is JSON, as the toolkit does; otherwise it stays text."""
    return {name: _decode(value) for name, value in given.items()}


def _decode(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def script_arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Give the script's words: `--name value` (`-n value` for one letter), by name, without sagemaker_*."""
    words: list[str] = []
    for name, value in sorted(_for_script(hyperparameters).items()):
        words += [f"--{name}" if len(name) > 1 else f"-{name}", _as_word(value)]
    return words


def _for_script(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in hyperparameters.items()
        if not name.startswith("sagemaker_") and name != TUNING_METRIC
    }


def _as_word(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def script_command(program: str, arguments: Sequence[str]) -> list[str]:
    """Give the command that the toolkit runs for an entry point."""
    if program.endswith(".py"):
        return ["python3", program, *arguments]
    return ["/bin/sh", "-c", f'./{program} "$@"', program, *arguments]


def script_environment(
    folder: ContainerFolder,
    hyperparameters: Mapping[str, Any],
    channels: Sequence[str],
    *,
    job_name: str,
    instance_type: str,
) -> dict[str, str]:
    """Give the SM_* variables of a job on one host without GPUs."""
    program = str(hyperparameters.get(PROGRAM, ""))
    user = _for_script(hyperparameters)
    root = folder.root
    values: dict[str, Any] = {
        "SM_MODEL_DIR": root / "model",
        "SM_INPUT_DIR": root / "input",
        "SM_INPUT_CONFIG_DIR": root / "input/config",
        "SM_OUTPUT_DIR": root / "output",
        "SM_OUTPUT_DATA_DIR": root / "output/data",
        "SM_OUTPUT_INTERMEDIATE_DIR": root / "output/intermediate",
        "SM_MODULE_DIR": hyperparameters.get(SUBMIT_DIRECTORY, ""),
        "SM_MODULE_NAME": program.removesuffix(".py"),
        "SM_USER_ENTRY_POINT": program,
        "SM_CURRENT_HOST": "algo-1",
        "SM_CURRENT_INSTANCE_TYPE": instance_type,
        "SM_HOSTS": ["algo-1"],
        "SM_NETWORK_INTERFACE_NAME": "eth0",
        "SM_NUM_CPUS": os.cpu_count() or 1,
        "SM_NUM_GPUS": 0,
        "SM_NUM_NEURONS": 0,
        "SM_LOG_LEVEL": 20,
        "SM_CHANNELS": sorted(channels),
        "SM_HPS": user,
        "SM_USER_ARGS": script_arguments(hyperparameters),
        "SM_RESOURCE_CONFIG": resource_config(instance_type),
        "SM_INPUT_DATA_CONFIG": input_data_config(channels),
        "TRAINING_JOB_NAME": job_name,
        **{f"SM_CHANNEL_{name.upper()}": root / "input/data" / name for name in channels},
        **{f"SM_HP_{name.upper()}": value for name, value in user.items()},
    }
    return {name: _as_value(value) for name, value in values.items()}


def _as_value(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True)
    return "" if value is None else str(value)


def resource_config(instance_type: str) -> dict[str, Any]:
    """Give /opt/ml/input/config/resourceconfig.json."""
    return {
        "current_host": "algo-1",
        "current_instance_type": instance_type,
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1"],
        "instance_groups": [
            {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": ["algo-1"]}
        ],
        "network_interface_name": "eth0",
    }


def input_data_config(channels: Sequence[str]) -> dict[str, Any]:
    """Give /opt/ml/input/config/inputdataconfig.json."""
    channel = {
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
    }
    return {name: dict(channel) for name in channels}
