"""The record of a release as a page for people: what, who, when, the tests, the steps, the alarms."""

from collections.abc import Mapping
from typing import Any

from lambdas.promotion.pages.document import code, document, facts, section, sheet, soft
from lambdas.promotion.pages.markup import Content, Markup, element
from lambdas.promotion.pages.numbers import megabytes, milliseconds, of, score
from lambdas.promotion.tasks import task_measuring

_PURPOSES = {"promote": "Promotion", "roll back": "Roll back", "recover": "Recovery"}


def release_page(record: Mapping[str, Any], *, uri: str, sha256: str) -> str:
    """Return the page of a record as one HTML document."""
    title = f"{record['model']}, version {record['package_version']}"
    kind = _PURPOSES.get(record["purpose"], "Promotion")
    return document(
        f"{title}: {record['outcome']}",
        element(
            "header",
            element("p", element("b", "Edgeline"), f" {kind.lower()}", class_="brand"),
            element("h1", title),
            element("p", _sentence(record), class_="lede"),
        ),
        element(
            "main",
            _identity(record),
            _environment("Staging", record["staging"], _tested(record["staging"].get("test"))),
            _environment("Prod", record["prod"], _smoked(record["prod"].get("smoke"))),
            _alarms(record["prod"].get("alarms") or []),
            _hashes(record),
        ),
        element("footer", element("p", "Made from ", code(uri), ", SHA-256 ", code(sha256), ".")),
    )


def _sentence(record: Mapping[str, Any]) -> str:
    if record["outcome"] == "promoted":
        return "Prod serves it."
    said = f"It ended as {record['outcome']}: {record['reason'] or 'no reason was given'}"
    if record.get("rollback_failure"):
        said += f" Putting back what was there before failed: {record['rollback_failure']}"
    return said


def _identity(record: Mapping[str, Any]) -> Markup:
    model, rejected = record.get("model_data") or {}, record.get("rejected") or {}
    together = (record.get("set") or {}).get("released") or []
    went = f"{rejected['model_package_arn']}, by {rejected.get('by') or 'somebody'}" if rejected else None
    return section(
        "identity",
        "What and who",
        sheet(
            facts(
                ("Model package", code(record["model_package_arn"])),
                ("Approved by", record["approved_by"] or "not known"),
                ("Approved at", record["approved_at"]),
                ("Rejected", went),
                ("Released together", [element("div", code(one)) for one in together] or None),
                ("Why together", record["set"]["why"] if together else None),
                ("Git commit", code(record["git_commit"]) if record["git_commit"] else "not known"),
                ("Dataset manifest", _code(record["dataset"]["manifest"])),
                ("SHA-256 of it", _code(record["dataset"]["sha256"])),
                ("Evaluation", _code(record["evaluation"])),
                ("Model", _code(model.get("uri"))),
                ("SHA-256 of it", _code(model.get("sha256"))),
                ("Size", megabytes(model["bytes"]) if model.get("bytes") is not None else None),
                (
                    "Approver's page",
                    [element("div", code(page)) for page in record["approval_pages"]] or None,
                ),
                ("Started, recorded", f"{record['started_at']}, {record['recorded_at']}"),
                ("Execution", code(record["execution"])),
            )
        ),
    )


def _environment(name: str, place: Mapping[str, Any], tested: Content) -> Markup:
    deployed = place.get("deployed") or {}
    if not place.get("endpoint"):
        return section(name.lower(), name, soft("It did not come so far."))
    steps = [
        element("li", element("span", f"{step['at']} ", class_="soft"), step["what"])
        for step in place.get("steps") or []
    ]
    return section(
        name.lower(),
        name,
        sheet(
            facts(
                ("Endpoint", code(place["endpoint"])),
                ("Served before", _code(place.get("model_package_before") or place.get("config_before"))),
                ("Deployed", _code(deployed.get("config")) or "nothing"),
                ("Guarded by", str(deployed.get("guard") or "")),
                ("Steps", element("ol", *steps, class_="steps") if steps else None),
                ("Tested", tested),
            )
        ),
    )


def _tested(test: Mapping[str, Any] | None) -> Content:
    if not test:
        return "no test was passed"
    registered = test.get("registered") or {}
    metrics = task_measuring(registered or test).metrics
    parts = [", ".join(f"{title} {score(test.get(name))}" for name, title in metrics.items())]
    if registered:
        parts.append("registered " + " and ".join(score(registered.get(name)) for name in metrics))
    if test.get("p95_ms") is not None:
        parts.append(f"95 in 100 answers within {milliseconds(test['p95_ms'])}")
    contract, equality = test.get("contract") or {}, test.get("equality") or {}
    if contract:
        parts.append(
            f"{contract.get('passed')} of {of(int(contract.get('cases') or 0), 'case')} of the contract"
        )
    if equality:
        parts.append(
            f"{equality.get('different')} of {equality.get('compared')} answers differ from training's"
        )
    return "; ".join(parts)


def _smoked(smoke: Mapping[str, Any] | None) -> Content:
    if not smoke:
        return "no test was passed"
    return f"{of(int(smoke['requests']), 'picture')} answered, median {milliseconds(smoke.get('p50_ms'))}"


def _alarms(alarms: list[Mapping[str, Any]]) -> Markup | None:
    if not alarms:
        return None
    rows: list[tuple[Content, Content]] = [(code(alarm["name"]), _alarm(alarm)) for alarm in alarms]
    return section("alarms", "Alarms in prod", _AT_THE_TIME, sheet(facts(*rows, below=True)))


def _alarm(alarm: Mapping[str, Any]) -> Content:
    limit = (
        f": {alarm.get('metric')}, limit {alarm['threshold']:,.10g}"
        if alarm.get("threshold") is not None
        else ""
    )
    return [element("b", alarm["state"]), limit, element("div", alarm.get("reason") or None, class_="soft")]


def _hashes(record: Mapping[str, Any]) -> Markup:
    hashes: list[tuple[Content, Content]] = [
        (code(uri), code(sha256)) for uri, sha256 in record["hashes"].items()
    ]
    unread: list[tuple[Content, Content]] = [
        (code(uri), [element("b", "It could not be read. "), reason])
        for uri, reason in record["unread"].items()
    ]
    found = sheet(facts(*hashes, *unread, below=True)) if hashes or unread else soft("Nothing.")
    return section("hashes", "What it names, by SHA-256", _AT_THE_TIME, found)


_AT_THE_TIME = soft("As it was when it was recorded.")


def _code(text: object) -> Markup | None:
    return code(str(text)) if text else None
