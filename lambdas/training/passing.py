"""What AWS answers when it is busy, told to the caller as a time to come again."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from lambdas.common.proxied import Refused

_SOON, _LATER = 10, 300  # seconds
_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_BUSY: Mapping[str, tuple[str, int]] = {
    "ConflictException": ("the model's pipeline is busy with another start", _SOON),
    "ConcurrentPipelineExecutionsLimitExceededException": ("as many runs wait as CodePipeline lets", _LATER),
}


@contextmanager
def told_when_to_come_again() -> Iterator[None]:
    """Turn what passes into Refused: 409 where runs of the model are in the way, 503 where AWS is busy.

    The request may be sent again as it is; its key starts no second run.
    """
    try:
        yield
    except ClientError as error:
        code, status = error.response["Error"]["Code"], _status(error)
        if code in _BUSY:
            words, seconds = _BUSY[code]
            raise Refused(409, f"{words}; send it again", retry_after=seconds) from error
        if code in _THROTTLED or status >= 500 or status == 429:
            raise Refused(503, f"AWS is busy ({code}); send it again", retry_after=_SOON) from error
        raise
    except (ConnectionError, HTTPClientError) as error:
        words = f"AWS did not answer in time ({type(error).__name__}); send it again"
        raise Refused(503, words, retry_after=_SOON) from error


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
