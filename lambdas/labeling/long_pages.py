"""Reads the pages of long listings and queries at once, as JSON and XML are read.

botocore reads an answer member by member, at thirty millionths of a second for each image: most of what it
would cost to compare a million of them. It asks whoever listens to `before-parse` first.
"""

import json
from typing import Any
from xml.etree import ElementTree

_IN_S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"


def read_queries_at_once(dynamodb: Any) -> None:
    """Let a client of DynamoDB read what queries find at once; binary attributes would stay text.

    Who asks twice for a client is heard once: a page can be taken apart only once.
    """
    dynamodb.meta.events.register("before-parse.dynamodb.Query", _read_query, unique_id="at once")


def read_listings_at_once(s3: Any) -> None:
    """Let a client of S3 read listings at once, with the `Key` and the `ETag` of each object only."""
    s3.meta.events.register("before-parse.s3.ListObjectsV2", _read_listing, unique_id="at once")


def _read_query(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:  # fmt: skip
    if response_dict["status_code"] == 200:
        customized_response_dict.update(json.loads(response_dict["body"]))
        response_dict["body"] = b"{}"


def _read_listing(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:  # fmt: skip
    if response_dict["status_code"] != 200:
        return
    page = ElementTree.fromstring(response_dict["body"])  # noqa: S314 - it is S3 that answers
    for name in ("NextContinuationToken", "EncodingType"):
        text = page.findtext(_IN_S3 + name)
        if text is not None:
            customized_response_dict[name] = text
    customized_response_dict["IsTruncated"] = page.findtext(_IN_S3 + "IsTruncated") == "true"
    customized_response_dict["Contents"] = [
        {"Key": found.findtext(_IN_S3 + "Key", ""), "ETag": found.findtext(_IN_S3 + "ETag", "")}
        for found in page.iterfind(_IN_S3 + "Contents")
    ]
    response_dict["body"] = b"<ListBucketResult/>"
