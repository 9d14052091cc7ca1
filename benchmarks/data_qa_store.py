"""A stand-in for S3 with the pictures of a folder, for benchmarks/data_qa.py.

python benchmarks/data_qa_store.py FOLDER        prints its port, and serves until it is ended

It lists versions by pages of 1000 and gives objects; the rest it does not know.
"""

import socketserver
import sys
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

_HEAD = b"HTTP/1.1 200 OK\r\nx-amz-version-id: v1\r\nContent-Length: %d\r\n\r\n"
_PAGE = 1000


class Store(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        paths = sorted(folder.rglob("*.jpg"))
        self.contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        self.keys = list(self.contents)

    def answer(self, target: str) -> bytes:
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        if "versions" in query:
            return self._page(query)
        return self.contents[unquote(parts.path).split("/images/", 1)[1]]

    def _page(self, query: dict[str, list[str]]) -> bytes:
        start = int(query.get("key-marker", ["0"])[0])
        keys = self.keys[start : start + _PAGE]
        entries = "".join(
            f"<Version><Key>images/{key}</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest>"
            f"<Size>{len(self.contents[key])}</Size></Version>"
            for key in keys
        )
        more = start + _PAGE < len(self.keys)
        marker = (
            f"<NextKeyMarker>{start + _PAGE}</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>"
        )
        return (
            f"<ListVersionsResult><IsTruncated>{str(more).lower()}</IsTruncated>{marker if more else ''}"
            f"{entries}</ListVersionsResult>"
        ).encode()


class Answers(socketserver.StreamRequestHandler):
    """As lean as can be: it shares the processors with what is measured."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            body = self.server.answer(line.split()[1].decode())  # type: ignore[attr-defined]
            self.wfile.write(_HEAD % len(body) + body)


def main() -> None:
    store = Store(Path(sys.argv[1]))
    print(store.server_address[1], flush=True)
    store.serve_forever()


if __name__ == "__main__":
    main()
