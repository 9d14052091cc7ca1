#!/bin/sh
# Entry point of a processing job: installs what the jobs need beside the container's own packages, and becomes
# one of the scripts, named as a module:  run_job.sh pipeline_defs.detection.scripts.prepare --model tags ...
set -eu
cd "$(dirname "$0")/.."
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore -r requirements-jobs.txt
exec python3 -m "$@"
