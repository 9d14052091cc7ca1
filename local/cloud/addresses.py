"""Where an address that AWS gives is served on this machine."""

import re

_REST_API = re.compile(r"https://(?P<api>[a-z0-9]+)\.execute-api\.[^/]+/(?P<stage>[^/]+)/(?P<path>.*)")


def served_at(cloud_url: str, address: str) -> str:
    """Return the local address of a REST API's `address`; ValueError where it is another kind of address."""
    found = _REST_API.fullmatch(address)
    if not found:
        raise ValueError(f"{address}: not the address of a stage of a REST API")
    return f"{cloud_url}/restapis/{found['api']}/{found['stage']}/_user_request_/{found['path']}"
