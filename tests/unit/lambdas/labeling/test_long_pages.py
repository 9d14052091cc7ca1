"""What is read at once is what botocore reads."""

from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from lambdas.labeling.long_pages import read_listings_at_once, read_queries_at_once

CREDENTIALS = {
    "region_name": "eu-west-1", "aws_access_key_id": "x", "aws_secret_access_key": "x",
}  # fmt: skip
QUERY = (
    b'{"Items": [{"sk": {"S": "images/tags/\xc3\xa4.jpg"}, "version": {"N": "3"}}], "Count": 1,'
    b' "LastEvaluatedKey": {"sk": {"S": "a"}}}'
)
LISTING = (
    b'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<EncodingType>url</EncodingType><KeyCount>2</KeyCount><IsTruncated>true</IsTruncated>"
    b"<NextContinuationToken>on</NextContinuationToken>"
    b"<Contents><Key>images/tags/a+b%2B%C3%A4.jpg</Key><LastModified>2026-11-21T12:00:00.000Z</LastModified>"
    b"<ETag>&quot;1&quot;</ETag><Size>5</Size></Contents>"
    b"<Contents><Key>images/tags/c.jpg</Key><ETag>&quot;2&quot;</ETag><Size>5</Size></Contents>"
    b"</ListBucketResult>"
)
EMPTY = (
    b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<IsTruncated>false</IsTruncated></ListBucketResult>"
)


def answering(service: str, body: bytes, status: int = 200) -> Any:
    """A client that gets this answer to whatever it asks."""
    client = boto3.client(service, **CREDENTIALS)

    class Raw:
        def stream(self, **_: Any) -> Any:
            yield body

    client.meta.events.register(
        "before-send", lambda request, **_: AWSResponse(request.url, status, {}, Raw())
    )
    return client


def test_a_query_is_read_as_botocore_reads_it() -> None:
    query = {"TableName": "t", "KeyConditionExpression": "pk = :pk"}
    slow, quick = answering("dynamodb", QUERY), answering("dynamodb", QUERY)
    for _ in range(2):  # asked for twice, it is done once
        read_queries_at_once(quick)
    expected, found = slow.query(**query), quick.query(**query)
    for name in ("Items", "Count", "LastEvaluatedKey"):
        assert found[name] == expected[name]


@pytest.mark.parametrize("body", [LISTING, EMPTY])
def test_a_listing_is_read_as_botocore_reads_it(body: bytes) -> None:
    slow, quick = answering("s3", body), answering("s3", body)
    for _ in range(2):
        read_listings_at_once(quick)
    expected, found = slow.list_objects_v2(Bucket="b"), quick.list_objects_v2(Bucket="b")
    for name in ("IsTruncated", "NextContinuationToken"):
        assert found.get(name) == expected.get(name)
    keys = [(item["Key"], item["ETag"]) for item in expected.get("Contents", ())]
    assert [(item["Key"], item["ETag"]) for item in found["Contents"]] == keys
    if body is LISTING:
        assert keys[0] == ("images/tags/a b+ä.jpg", '"1"')


def test_a_refusal_is_raised() -> None:
    denied = b'{"__type": "AccessDeniedException", "message": "no"}'
    client = answering("dynamodb", denied, 400)
    read_queries_at_once(client)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        client.query(TableName="t", KeyConditionExpression="pk = :pk")
    denied = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    client = answering("s3", denied, 403)
    read_listings_at_once(client)
    with pytest.raises(ClientError, match="AccessDenied"):
        client.list_objects_v2(Bucket="b")
