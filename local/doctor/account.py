"""What the account itself says, where there are credentials: asked with short timeouts, and only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from config import Edgeline
from local.doctor.finding import Finding

_SHORT = Config(connect_timeout=3, read_timeout=8, retries={"max_attempts": 1})
_MISSING = (
    "NoSuchEntity", "ParameterNotFound", "ResourceNotFoundException", "EntityNotFoundException",
)  # fmt: skip


class NotCheckedError(Exception):
    """The account did not say; the message is why, in one line."""


@dataclass(frozen=True)
class Account:
    """One account, asked with the credentials that boto3 finds."""

    number: str
    region: str
    session: Any

    def ask(self, service: str, operation: str, **arguments: Any) -> dict[str, Any] | None:
        """Make one call; None where what it asks for does not exist. Raises NotCheckedError."""
        try:
            client = self.session.client(service, region_name=self.region, config=_SHORT)
            answer: dict[str, Any] = getattr(client, operation)(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise NotCheckedError(_line(error)) from error
        except BotoCoreError as error:
            raise NotCheckedError(_line(error)) from error
        return answer

    def listed(self, service: str, operation: str, member: str, **arguments: Any) -> list[dict[str, Any]]:
        """All items of a paginated call. Raises NotCheckedError."""
        try:
            client = self.session.client(service, region_name=self.region, config=_SHORT)
            pages = client.get_paginator(operation).paginate(**arguments)
            return [item for page in pages for item in page.get(member, [])]
        except (ClientError, BotoCoreError) as error:
            raise NotCheckedError(_line(error)) from error


@dataclass(frozen=True)
class Check:
    """One question to the account; `remedy` is how to look by hand where it cannot be asked."""

    what: str
    where: str
    remedy: str
    run: Callable[[Account, Edgeline], Iterator[Finding]]


def sign_in(region: str | None) -> Account | str:
    """The account that boto3's credentials are of, or why there is none."""
    try:
        session = boto3.Session()
        chosen = region or session.region_name
        if chosen is None:
            return "no region: name accounts.region in edgeline.toml, or set AWS_REGION"
        identity = session.client("sts", region_name=chosen, config=_SHORT).get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        return _line(error)
    return Account(identity["Account"], chosen, session)


def run(account: Account | str, config: Edgeline, checks: Sequence[Check]) -> Iterator[Finding]:
    """Run the checks; what was not answered is not checked, never fine."""
    if isinstance(account, str):
        yield Finding(
            "unchecked", f"the account was not asked: {account}", "credentials", "aws sso login, or keys"
        )
        for check in checks:
            yield Finding("unchecked", check.what, check.where, check.remedy)
        return
    for check in checks:
        try:
            yield from list(check.run(account, config))
        except NotCheckedError as error:
            yield Finding("unchecked", f"{check.what}: {error}", check.where, check.remedy)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
