"""Where it is deployed, and what is deployed: the tables `[accounts]` and `[delivery]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from config_table import Table

SourceKind = Literal["codecommit", "connection", "s3"]

_ACCOUNT = r"\d{12}"
_REGION = r"[a-z]{2}(-[a-z]+)+-\d"
_CONNECTION = r"arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/.+"
_NOT_CODE = ("docs/**", "**.md", "LICENSE")


@dataclass(frozen=True)
class Accounts:
    """Where the stages go; None leaves the templates to the account that the credentials are of.

    `staging` and `prod` are the tools account where nothing else is said.
    """

    tools: str | None = None
    staging: str | None = None
    prod: str | None = None
    region: str | None = None

    @property
    def several(self) -> bool:
        """Whether staging or prod has an account of its own."""
        return len({self.tools, self.staging, self.prod}) > 1


@dataclass(frozen=True)
class Delivery:
    """Where the code comes from, and what of a push starts nothing.

    `repository` is a CodeCommit repository, which the Delivery stack makes, or OWNER/NAME behind a
    connection; for `s3` the Delivery stack makes a bucket. A push whose files all match a pattern of
    `ignore` starts nothing. `approve_prod`: whether a person lets a deployment on from staging to prod.
    """

    source: SourceKind = "codecommit"
    repository: str = ""
    branch: str = "main"
    connection_arn: str | None = None
    ignore: tuple[str, ...] = _NOT_CODE
    approve_prod: bool = True


def read_accounts(table: Table) -> Accounts:
    """Read `[accounts]`; the region is named with the tools account, or neither is."""
    tools = table.text("tools", None, pattern=_ACCOUNT)
    accounts = Accounts(
        tools=tools,
        staging=table.text("staging", tools, pattern=_ACCOUNT),
        prod=table.text("prod", tools, pattern=_ACCOUNT),
        region=table.text("region", None, pattern=_REGION),
    )
    table.end()
    if tools is None and (accounts.staging or accounts.prod):
        raise table.wrong("tools", "missing; staging and prod have accounts, so it needs one too")
    if (accounts.tools is None) != (accounts.region is None):
        missing = "tools" if accounts.tools is None else "region"
        raise table.wrong(missing, "missing; name the accounts and the region, or none of them")
    return accounts


def read_delivery(table: Table, name: str) -> Delivery:
    """Read `[delivery]` of the line of this name."""
    source = cast(SourceKind, table.text("source", "codecommit", among=("codecommit", "connection", "s3")))
    connected = source == "connection"
    delivery = Delivery(
        source=source,
        repository=_repository(table, source, name),
        branch=table.text("branch", "main", pattern=r"[A-Za-z0-9._/-]+"),
        connection_arn=table.text("connection_arn", pattern=_CONNECTION) if connected else None,
        ignore=table.words("ignore", _NOT_CODE),
        approve_prod=table.flag("approve_prod", True),
    )
    table.end()
    if connected and len(delivery.ignore) > 8:
        raise table.wrong("ignore", f"{len(delivery.ignore)} patterns; a connection takes 8 at most")
    return delivery


def _repository(table: Table, source: SourceKind, name: str) -> str:
    if source == "s3":
        return ""
    if source == "connection":
        return str(table.text("repository", pattern=r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+"))
    return str(table.text("repository", name, pattern=r"[A-Za-z0-9._-]+", longest=100))
