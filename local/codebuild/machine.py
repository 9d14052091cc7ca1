"""What of this machine's environment a build may see: what finds programs and packages, and no more."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_KEPT = {
    "HOME", "LANG", "LC_ALL", "LOGNAME", "NODE_EXTRA_CA_CERTS", "OMP_NUM_THREADS", "PATH",
    "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE", "TZ", "USER",
}  # fmt: skip
_KEPT_PREFIXES = ("PIP_", "NPM_CONFIG_", "npm_config_", "UV_")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


def commands_environment(scratch: Path, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that commands start with; `scratch`, beside the sources, is for temporary files.

    A variable of the user's own session would be missing on AWS, and may be a secret: it is not passed on.
    No AWS profile is found either: the only credentials are the role's.
    """
    kept = {
        name: value
        for name, value in base.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIXES) or name.lower() in _PROXIES
    }
    nowhere = str(scratch / "no-aws-configuration")
    return kept | {
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        # A source has no history on AWS: git must not find that of a clone which the cloud's state lies in.
        "GIT_CEILING_DIRECTORIES": str(scratch.parent.resolve()),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(scratch),
    }
