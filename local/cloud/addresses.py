"""Where an address that AWS gives is served on this machine.

One rule: what AWS serves at `https://HOST/` is served at `http://HOST.localhost:<port>/`, where the port is
the local cloud's. Browsers take every name under `.localhost` for this machine, and for a secure context.
What does not resolve such names asks the endpoint itself, with the name in the header `Host`: see `reached`.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_REST_API = re.compile(r"https://(?P<api>[a-z0-9]+)\.execute-api\.[^/]+/(?P<stage>[^/]+)/(?P<path>.*)")
_LOCAL = ".localhost"


def served_at(cloud_url: str, address: str) -> str:
    """Return the local address of AWS's `address`; ValueError where it is none of those that are served.

    A stage of a REST API has one at the endpoint itself, which everything resolves; the others have names
    under `.localhost`.
    """
    if found := _REST_API.fullmatch(address):
        return f"{cloud_url}/restapis/{found['api']}/{found['stage']}/_user_request_/{found['path']}"
    local = Addresses(cloud_url, "[a-z0-9-]+").to_local(address)
    if local == address:
        raise ValueError(f"{address}: nothing is served under this address")
    return local


def reached(address: str) -> tuple[str, dict[str, str]]:
    """Return how a program that resolves no `.localhost` name asks for an address: URL, and headers."""
    parts = urlsplit(address)
    if not (parts.hostname or "").endswith(_LOCAL):
        return address, {}
    return parts._replace(netloc=f"127.0.0.1:{parts.port}").geturl(), {"Host": parts.netloc}


def aws_host(host: str) -> str | None:
    """Return AWS's name of a local host ("d1.cloudfront.net.localhost:4566"); None of another host."""
    name = host.rpartition(":")[0] or host
    return name.removesuffix(_LOCAL).lower() if name.endswith(_LOCAL) else None


class Addresses:
    """Turns AWS's addresses in texts into those of this machine, and back.

    `region` is a pattern. Addresses are those of distributions, user pools and their domains, buckets and
    stages of APIs; all else is left as it is.
    """

    def __init__(self, cloud_url: str, region: str) -> None:
        self._port = urlsplit(cloud_url).port
        hosts = (
            r"[a-z0-9]+\.cloudfront\.net",
            rf"[a-z0-9-]+\.auth\.{region}\.amazoncognito\.com",
            rf"cognito-idp\.{region}\.amazonaws\.com",
            rf"[a-z0-9][a-z0-9.-]*\.s3(?:\.{region})?\.amazonaws\.com",
            rf"[a-z0-9]+\.execute-api\.{region}\.amazonaws\.com",
        )
        host = f"(?P<host>{'|'.join(hosts)})"
        self._region = region
        self._aws = re.compile(rf"https://{host}(?![\w.:-])")
        self._source = re.compile(rf"(?<![\w./:-])(?:https://)?{host}(?![\w.:-])")
        self._local = re.compile(rf"http://{host}\.localhost:{self._port}(?!\d)")
        self._bucket = re.compile(
            rf"http://127\.0\.0\.1:{self._port}/(?P<bucket>[a-z0-9][a-z0-9.-]{{2,62}})/"
        )

    def to_local(self, text: str) -> str:
        """Put this machine's addresses for AWS's."""
        return self._aws.sub(self._at_home, text)

    def to_aws(self, text: str) -> str:
        """Put AWS's addresses for this machine's."""
        return self._local.sub(r"https://\g<host>", text)

    def sources_to_local(self, policy: str) -> str:
        """Put this machine's addresses for AWS's hosts, with a scheme or bare, in a security policy."""
        return self._source.sub(self._at_home, policy)

    def objects_to_local(self, text: str) -> str:
        """Put the host of a bucket for the endpoint, by whose path functions here address their buckets."""
        host = rf"http://\g<bucket>.s3.{self._region}.amazonaws.com.localhost:{self._port}/"
        return self._bucket.sub(host, text)

    def _at_home(self, found: re.Match[str]) -> str:
        return f"http://{found['host']}.localhost:{self._port}"
