"""A stand-in for DynamoDB and S3 with as many images as it is told, for benchmarks/labeling.py.

python benchmarks/labeling_store.py IMAGES        prints its port, and serves until it is ended

It speaks both APIs over HTTP, as far as labeling calls them, and refuses the rest by name. An answer of
DynamoDB holds at most 1 MB of items, counted before the projection, one of S3 at most 1000 keys. What the
images are follows from their number (labeling_images.py), so that a million need no memory; only what is
written is kept.
"""

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from labeling_images import (
    MISSED_OVERWRITE,
    MISSED_UPLOAD,
    MODEL,
    etag_of,
    in_bucket,
    key_of,
    listing,
    number_of,
    picture,
    time_of,
    waits,
)

Item = dict[str, dict[str, Any]]

_PAGE_BYTES = 1_000_000
_CONDITIONS: dict[str, Callable[[Item | None, dict[str, Any]], bool]] = {
    "attribute_not_exists(pk)": lambda item, values: item is None,
    "attribute_not_exists(pk) OR #key IN (:mine, :gone)": lambda item, values: (
        item is None or item["key"] in (values[":mine"], values[":gone"])
    ),
    "attribute_exists(pk) AND attribute_not_exists(#version)": lambda item, values: (
        item is not None and "version" not in item
    ),
    "#version = :version": lambda item, values: (
        item is not None and item.get("version") == values[":version"]
    ),
}


class Table:
    """The labeling table: what follows from the numbers, and what was written over it."""

    def __init__(self, images: int) -> None:
        self._images, self._lock = images, threading.Lock()
        self._written: dict[str, dict[str, Item]] = {f"IMAGES#{MODEL}": {}}

    def put(self, item: Item) -> None:
        self._written.setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = item

    def get(self, pk: str, sk: str) -> Item | None:
        found = self._written.get(pk, {}).get(sk)
        if found is not None or pk != f"IMAGES#{MODEL}":
            return found
        return self._first(number_of(sk))

    def transact(self, puts: list[dict[str, Any]]) -> list[str]:
        """Write all or none; a code for each."""
        with self._lock:
            codes = ["None" if self._holds(put) else "ConditionalCheckFailed" for put in puts]
            if set(codes) == {"None"}:
                for put in puts:
                    self.put(put["Item"])
        return codes

    def query(self, request: dict[str, Any]) -> dict[str, Any]:
        found: list[Item] = []
        size, last = 0, None
        for item in self._matching(request):
            if len(found) == request.get("Limit", sys.maxsize) or size > _PAGE_BYTES:
                last = found[-1]
                break
            found.append(item)
            size += sum(len(name) + len(str(*value.values())) for name, value in item.items())
        answer: dict[str, Any] = {"Count": len(found), "ScannedCount": len(found)}
        if last is not None:
            keys = ("pk", "sk", "images", "turn") if "IndexName" in request else ("pk", "sk")
            answer["LastEvaluatedKey"] = {name: last[name] for name in keys}
        if request.get("Select") != "COUNT":
            answer["Items"] = _projected(found, request)
        return answer

    def _holds(self, put: dict[str, Any]) -> bool:
        if "ConditionExpression" not in put:
            return True
        item = self.get(put["Item"]["pk"]["S"], put["Item"]["sk"]["S"])
        condition = _CONDITIONS[put["ConditionExpression"]]
        return bool(condition(item, put.get("ExpressionAttributeValues", {})))

    def _matching(self, request: dict[str, Any]) -> Iterator[Item]:
        """The items of a query in their order, from its start."""
        compared = {}
        for name, sign, value in re.findall(r"(#\w+) (=|>|<) (:\w+)", request["KeyConditionExpression"]):
            attribute = request["ExpressionAttributeNames"][name]
            compared[attribute] = (sign, request["ExpressionAttributeValues"][value]["S"])
        start = request.get("ExclusiveStartKey", {})
        if request.get("IndexName") == "Images":
            return self._of_index(compared, start)
        if "IndexName" in request:
            return iter(())  # the tasks; there are none
        pk, after = compared["pk"][1], compared.get("sk", ("", ""))[1]
        after = start["sk"]["S"] if start else after
        if pk == f"IMAGES#{MODEL}":
            return self._of_images(number_of(after) + 1 if after else 0)
        written = self._written.get(pk, {})
        return iter([written[sk] for sk in sorted(written) if sk > after])

    def _of_images(self, first: int) -> Iterator[Item]:
        written = self._written[f"IMAGES#{MODEL}"]
        for number in range(first, self._images):
            item = written.get(key_of(number)) or self._first(number)
            if item is not None:
                yield item

    def _of_index(self, compared: dict[str, Any], start: Item) -> Iterator[Item]:
        written = self._written[f"IMAGES#{MODEL}"]
        place, (sign, turn) = compared["images"][1], compared.get("turn", (">", ""))
        first = number_of(start["sk"]["S"]) + 1 if start else 0
        overwritten = {number_of(key) for key in list(written)}
        numbers = sorted(overwritten) if not place.startswith("free") else self._candidates(overwritten)
        for number in numbers:
            if number < first:
                continue
            item = written.get(key_of(number)) or self._first(number)
            if item is None or item.get("images", {}).get("S") != place:
                continue
            if item["turn"]["S"] == turn if sign == "=" else item["turn"]["S"] > turn:
                yield item

    def _candidates(self, overwritten: set[int]) -> Iterator[int]:
        """Numbers that may wait, in the order of their upload, which is that of their turns."""
        if not overwritten:
            yield from range(0, self._images, 10)
            return
        for number in range(self._images):
            if waits(number) or number in overwritten:
                yield number

    def _first(self, number: int) -> Item | None:
        """What the ledger says of an image before anything is written; None: nothing."""
        if number % 10_000 == MISSED_UPLOAD or number >= self._images:
            return None
        key, since = key_of(number), time_of(number)[0]
        etag = '"of-before"' if number % 10_000 == MISSED_OVERWRITE else etag_of(number)
        texts = {"pk": f"IMAGES#{MODEL}", "sk": key, "etag": etag, "since": since, "reason": ""}
        if waits(number):
            texts |= {"status": "free", "execution": "", "images": f"free#{MODEL}", "turn": f"{since}#{key}"}
            return {**{name: {"S": text} for name, text in texts.items()}, "version": {"N": "1"}}
        execution = f"arn:aws:states:eu-west-1:111122223333:execution:edgeline-labeling:{number // 200:036d}"
        texts |= {"status": "labeled", "execution": execution, "sha256": f"{number:064x}", "object_group": ""}
        sizes = {"version": "3", "width": "1280", "height": "960", "depth": "3"}
        return {name: {"S": text} for name, text in texts.items()} | {
            name: {"N": size} for name, size in sizes.items()
        }


def _projected(items: list[Item], request: dict[str, Any]) -> list[Item]:
    if "ProjectionExpression" not in request:
        return items
    names = request["ExpressionAttributeNames"]
    wanted = [names.get(name, name) for name in request["ProjectionExpression"].split(", ")]
    return [{name: item[name] for name in wanted if name in item} for item in items]


class Handler(BaseHTTPRequestHandler):
    """Both APIs: a request with a target is DynamoDB's, any other is S3's."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    table: Table
    images: int
    objects: dict[str, bytes]  # what was uploaded

    def do_POST(self) -> None:
        request = json.loads(self._body())
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        status, answer = 200, {}
        if operation == "Query":
            answer = self.table.query(request)
        elif operation == "GetItem":
            item = self.table.get(request["Key"]["pk"]["S"], request["Key"]["sk"]["S"])
            answer = {} if item is None else {"Item": item}
        elif operation == "PutItem" and "ConditionExpression" not in request:
            self.table.put(request["Item"])
        elif operation == "TransactWriteItems":
            codes = self.table.transact([write["Put"] for write in request["TransactItems"]])
            if set(codes) != {"None"}:
                status = 400
                answer = {
                    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                    "CancellationReasons": [{"Code": code} for code in codes],
                }
        else:
            raise NotImplementedError(f"{operation} of {request}")
        self._answer(status, json.dumps(answer).encode(), {"Content-Type": "application/x-amz-json-1.0"})

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        key, query = unquote(url.path).split("/", 2)[2:], parse_qs(url.query)
        if "list-type" in query:
            self._answer(200, listing(self.images, query), {"Content-Type": "application/xml"})
            return
        if key[0] in self.objects:
            self._answer(200, self.objects[key[0]], {})
            return
        number = number_of(key[0])
        if not in_bucket(number):
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>", {})
            return
        self._answer(200, picture(number), {"ETag": etag_of(number), "Last-Modified": time_of(number)[1]})

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def do_PUT(self) -> None:
        self.objects[unquote(self.path).split("/", 2)[2]] = self._body()
        self._answer(200, b"", {"ETag": '"uploaded"'})

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing of what went well."""


def main(arguments: list[str]) -> None:
    Handler.images, Handler.objects = int(arguments[0]), {}
    Handler.table = Table(Handler.images)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
