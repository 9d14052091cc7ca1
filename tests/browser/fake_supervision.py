"""What the API answers to supervisors and approvers, made up; it keeps what they do."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

PENDING = "PendingManualApproval"
WHO = "dora"
_NOW = datetime.now(UTC)
Answered = tuple[int, dict[str, Any]]


def iso(hours: float) -> str:
    """So many hours from now."""
    return (_NOW + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def work(answered: int, seconds: float | None, rejected: float | None) -> dict[str, Any]:
    return {"answered": answered, "seconds_median": seconds, "rejected_share": rejected}


def round_of(
    name: str, kind: str, *, answered: int, total: int, status: str = "open", **more: Any
) -> dict[str, Any]:
    return {
        "round": name,
        "model": "tags",
        "kind": kind,
        "number": 1,
        "total": total,
        "answered": answered,
        "open": total - answered,
        "status": status,
        "opened_at": iso(-5),
        "closes_at": iso(67),
        "execution": f"arn:aws:states:eu-west-1:123456789012:execution:labeling:{name}",
        **more,
    }


def package(version: int, status: str = PENDING, **more: Any) -> dict[str, Any]:
    return {
        "arn": f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/edgeline-tags/{version}",
        "model": "tags",
        "version": version,
        "status": status,
        "created_at": iso(-24.0 * (9 - version)),
        "remark": "",
        "stage": {"name": "", "status": "", "description": ""},
        "metrics": {"map50": 0.83 + version / 100, "map50_95": 0.42 + version / 100},
        "report_url": f"/report-{version}.html",
        **more,
    }


def _people() -> list[dict[str, Any]]:
    none = work(0, None, None)
    return [
        {
            "name": "ada",
            "label": work(214, 21.5, 0.04),
            "verify": work(36, 6, 0.11),
            "settle": none,
            "skipped": 3,
        },
        {
            "name": "ben",
            "label": work(168, 34, 0.31),
            "verify": work(12, 8.5, 0),
            "settle": none,
            "skipped": 11,
        },
        {"name": "cleo", "label": none, "verify": work(342, 5, 0.14), "settle": none, "skipped": 0},
        {"name": WHO, "label": none, "verify": none, "settle": work(7, 92, None), "skipped": 0},
    ]


def _agreement() -> list[dict[str, Any]]:
    pairs = [
        {"a": "ada", "b": "cleo", "images": 48, "mean_iou": 0.861, "matched_share": 0.94, "kappa": 0.83},
        {"a": "ben", "b": "cleo", "images": 41, "mean_iou": 0.702, "matched_share": 0.71, "kappa": 0.34},
        {"a": "ada", "b": "ben", "images": 6, "mean_iou": None, "matched_share": None, "kappa": None},
    ]
    return [{"model": "tags", "pairs": pairs, "mean_iou": 0.794, "approved_share": 0.86}]


@dataclass
class FakeSupervision:
    """Answers `/supervision...` and `/packages...`; `decided`, `started`, `closed` are what was sent.

    `refusals` has (status, message) for a path, given once.
    """

    people: list[dict[str, Any]] = field(default_factory=_people)
    agreement: list[dict[str, Any]] = field(default_factory=_agreement)
    rounds: list[dict[str, Any]] = field(
        default_factory=lambda: [
            round_of("a1", "label", answered=131, total=200),
            round_of("b2", "settle", answered=0, total=3, number=2, closes_at=iso(20)),
            round_of("c3", "verify", answered=200, total=200, status="closed", opened_at=iso(-80)),
            round_of("d4", "label", answered=188, total=200, status="closed", opened_at=iso(-140)),
        ]
    )
    packages: list[dict[str, Any]] = field(
        default_factory=lambda: [
            package(8, created_at=iso(-3)),
            package(7, report_url=None, metrics={}, created_at=iso(-0.2)),
            package(
                6,
                "Approved",
                remark=f"{WHO}: better on thin scratches, no worse anywhere",
                stage={"name": "Production", "status": "Serving", "description": "by x"},
            ),
            package(
                5,
                "Approved",
                remark="cleo: fine",
                stage={
                    "name": "Staging",
                    "status": "Failed",
                    "description": "StagingTestFailed: the 95th percentile of the answers is 612 ms, not 400",
                },
            ),
            package(4, "Rejected", remark="cleo: misses every scratch under the hole"),
        ]
    )  # fmt: skip
    tasks: list[dict[str, Any]] = field(default_factory=list)
    picture: str = "/picture.svg"
    started: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    decided: list[dict[str, str]] = field(default_factory=list)
    refusals: dict[str, Answered] = field(default_factory=dict)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answered | None:
        """The answer to a request; None for a path of somebody else."""
        if path in self.refusals:
            return self.refusals.pop(path)
        match method, path.strip("/").split("/"):
            case "GET", ["supervision"]:
                considered = {"rounds": 4, "answers": 519, "since": iso(-140)}
                return 200, {
                    "people": self.people, "agreement": self.agreement, "rounds": self.rounds,
                    "considered": considered,
                }  # fmt: skip
            case "POST", ["supervision", "rounds"]:
                self.started.append(body["model"])
                return 200, {"execution": "arn:aws:states:eu-west-1:123456789012:execution:labeling:new"}
            case "POST", ["supervision", "rounds", name, "close"]:
                self.closed.append(name)
                for found in self.rounds:
                    if found["round"] == name:
                        found["status"] = "closed"
                return 200, {"accepted": True}
            case "GET", ["supervision", "tasks"]:
                return self._tasks(int(query.get("after") or "0"))
            case "GET", ["packages"]:
                return 200, {"packages": self.packages}
            case "POST", ["packages", "decision"]:
                return self._decide(body)
            case _:
                return None

    def _tasks(self, after: int) -> Answered:
        tasks = self.tasks or pictures(self.picture)
        page, rest = tasks[after : after + 6], tasks[after + 6 :]
        return 200, {"tasks": page, "next": str(after + 6) if rest else None, "round": self.rounds[0]}

    def _decide(self, body: dict[str, str]) -> Answered:
        self.decided.append(body)
        [found] = [one for one in self.packages if one["arn"] == body["arn"]]
        if found["status"] != PENDING:
            return 409, {
                "message": f"this version waits no longer: it is {found['status']} ({found['remark']})"
            }
        found["status"] = {"approve": "Approved", "reject": "Rejected"}[body["decision"]]
        found["remark"] = f"{WHO}: {body['note']}"
        return 200, {"accepted": True}


_REASON = "The scratch goes on under the hole."


def pictures(url: str) -> list[dict[str, Any]]:
    """Nine tasks of a round, one of each sort."""
    box = {"label": "scratch", "left": 90, "top": 70, "width": 140, "height": 46}
    near = {**box, "left": 98, "top": 66, "width": 150}
    far = {**box, "left": 30, "top": 180, "width": 60, "height": 30}

    def said(by: str, what: str, **more: Any) -> dict[str, Any]:
        return {
            "by": by,
            "at": iso(-2),
            "seconds": 24,
            "kind": "label",
            "what": what,
            "boxes": None,
            "reason": None,
            **more,
        }

    several: list[dict[str, Any]] = [
        {"answers": [said("ada", "boxes", boxes=[box]), said("ben", "boxes", boxes=[near, far])]},
        {"answers": [said("ada", "nothing")]},
        {"answers": [said("cleo", "mend", boxes=[near])], "boxes": [box], "labeled_by": ["ben"]},
        {"answers": [said("cleo", "reject", reason=_REASON)], "boxes": [far], "labeled_by": ["ben"]},
        {"answers": [said("cleo", "approve", seconds=None)], "boxes": [box, far], "labeled_by": ["ada"]},
        {"answers": [], "status": "held"},
        {"answers": [], "status": "open", "skipped": [{"by": "ben", "at": iso(-1), "reason": "Too dark"}]},
        {"answers": [said("ada", "unusable", reason="It shows a thumb.")]},
        {"answers": [], "status": "left"},
    ]  # fmt: skip
    return [
        {
            "task_id": f"a1-{number}",
            "number": number,
            "image_url": url,
            "image_uri": f"s3://images/images/tags/line-2-camera-{number:04}.jpg",
            "width": 320,
            "height": 240,
            "boxes": [],
            "labeled_by": [],
            "status": "answered",
            "skipped": [],
            **one,
        }
        for number, one in enumerate(several, start=1)
    ]
