"""`python -m local status`: what is served, and what the pipelines have done last."""

from __future__ import annotations

import time
from pathlib import Path

from config import Edgeline
from local.delivery import actions, deployment, page, people, serving
from local.demo.progress import Terminal


def status(config: Edgeline, folder: Path, terminal: Terminal) -> int:
    """Say what is served from the folder; 1 when nothing is."""
    cloud = serving.find(folder)
    if cloud is None:
        terminal.say(f"No local cloud is served from {folder}. python -m local serve, or push, starts one.")
        return 1
    minutes = (time.time() - cloud.since) / 60
    terminal.say(f"Local cloud: {cloud.url}, process {cloud.pid}, up for {minutes:.0f} minutes")
    if found := page.address(cloud, config.name):
        terminal.say(page.told(found))
    team = people.hired(cloud)
    if team is None or deployment.outputs(cloud, f"{config.name}-delivery") is None:
        terminal.say("Nothing has been delivered yet: python -m local push")
        return 0
    client = cloud.session(team.onlooker).client("codepipeline")
    for pipeline in sorted(one["name"] for one in client.list_pipelines()["pipelines"]):
        latest = next(iter(actions.executions(client, pipeline, 1)), None)
        if latest is None:
            terminal.say(f"  {pipeline:<28} never started")
            continue
        at = latest.started.astimezone().strftime("%H:%M:%S")
        now = [a for a in actions.actions(client, pipeline, latest.id) if a.status in actions.RUNNING]
        doing = f"  at {', '.join(f'{a.stage} {a.name}' for a in now)}" if now else ""
        terminal.say(f"  {pipeline:<28} {latest.status:<12} {at}  {latest.id[:8]}{doing}")
    return 0
