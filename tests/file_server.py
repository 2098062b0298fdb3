"""A server on this machine that speaks what Polars needs of S3 and HTTP: GET, HEAD and listing."""

import threading
import urllib.parse
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

SECRET_BUCKET = "secret"


class FileServer(ThreadingHTTPServer):
    """Serves `files`, by `bucket/key`; requests for the bucket `secret` are refused."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.n_signed = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FileServer

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, *, with_body: bool) -> None:
        self.server.n_signed += "Authorization" in self.headers
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        key = urllib.parse.unquote(url.path).strip("/")
        status, data, headers = 200, b"", {}
        if key.split("/")[0] == SECRET_BUCKET:
            status = 403
        elif "list-type" in query:
            data = self._listing(key, query.get("prefix", ""))
        elif key not in self.server.files:
            status = 404
        else:
            data = self.server.files[key]
            headers = {"Accept-Ranges": "bytes", "ETag": f'"{zlib.crc32(data)}"'}
            headers["Last-Modified"] = "Mon, 01 Jan 2024 00:00:00 GMT"
            if wanted := self.headers.get("Range"):
                status, total = 206, len(data)
                first, last = wanted.removeprefix("bytes=").split("-")
                start = int(first) if first else max(0, total - int(last))
                end = min(int(last) + 1, total) if first and last else total
                data = data[start:end]
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{total}"
                if start >= total:
                    status, headers = 416, {"Content-Range": f"bytes */{total}"}
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(data)

    def _listing(self, bucket: str, prefix: str) -> bytes:
        entries = "".join(
            f"<Contents><Key>{escape(name.removeprefix(bucket + '/'))}</Key><Size>{len(data)}"
            "</Size><LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>"
            for name, data in sorted(self.server.files.items())
            if name.startswith(f"{bucket}/{prefix}")
        )
        return (
            f"<ListBucketResult><Name>{bucket}</Name><IsTruncated>false</IsTruncated>{entries}"
            "</ListBucketResult>"
        ).encode()


@contextmanager
def serving() -> Iterator[FileServer]:
    """A running server."""
    server = FileServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
