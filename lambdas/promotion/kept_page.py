"""Pages that are written once, like the records that they explain."""

from typing import Any

from lambdas.common.objects import put_new


def keep_page(s3: Any, *, bucket: str, folder: str, name: str, page: str, execution: str) -> str:
    """Write `folder/name.html` unless another execution's page is there; return its URI.

    A second attempt of an execution finds its own page and leaves it. Where another execution has written
    before, the page goes to `folder/name-<execution>.html`.
    """
    first, second = f"{folder}/{name}.html", f"{folder}/{name}-{execution}.html"
    for key in (first, second):
        if _put_new(s3, bucket, key, page, execution) or _writer(s3, bucket, key) == execution:
            return f"s3://{bucket}/{key}"
    raise RuntimeError(f"s3://{bucket}/{second} was written by another execution than {execution}")


def _writer(s3: Any, bucket: str, key: str) -> str:
    metadata = s3.head_object(Bucket=bucket, Key=key)["Metadata"]
    return str(metadata.get("execution", ""))


def _put_new(s3: Any, bucket: str, key: str, page: str, execution: str) -> bool:
    return put_new(
        s3,
        bucket,
        key,
        page.encode(),
        ContentType="text/html; charset=utf-8",
        Metadata={"execution": execution},
        ChecksumAlgorithm="SHA256",
    )
