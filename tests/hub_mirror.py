"""A hub on this machine: a real HTTP server that also misbehaves on demand.

mirror = Mirror(Behaviour(small_base(), cut_after=300_000))
... mirror.address, mirror.behaviour.requests ...
mirror.close()
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from expert_studio.core.settings import resources_folder

REPO = "maker/tiny-base"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = bytes(range(256)) * 4096  # 1 MiB


@dataclass
class Behaviour:
    """What the server serves and how it misbehaves."""

    files: dict[str, bytes]
    token: str | None = None
    gated_status: int = 401
    status: int | None = None  # answered to everything
    cut_after: int | None = None  # bytes a weights answer has at most, declared longer
    stall_once: bool = False
    ignore_range: bool = False
    wrong_range: bool = False
    lie: bytes | None = None  # served instead of the weights
    redirect_to: str | None = None  # weights are there
    lfs_oid: str | None = None
    commit: str = COMMIT
    pages: bool = False
    raw_tree: bytes | None = None
    renamed_from: str | None = None  # asked under this name, it redirects to REPO
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    on_weights: Callable[[int], None] = lambda _: None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behaviour: Behaviour
    released: threading.Event

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.behaviour.requests.append((self.path, headers))
        path = unquote(urlsplit(self.path).path)
        old = self.behaviour.renamed_from
        if old and old in path:
            return self._answer(307, b"", {"Location": self.path.replace(old, REPO)})
        if self.behaviour.status:
            return self._answer(self.behaviour.status, b"no")
        wanted = f"Bearer {self.behaviour.token}"
        if self.behaviour.token and headers.get("authorization") != wanted:
            return self._answer(self.behaviour.gated_status, b"who are you")
        if path.startswith(f"/api/models/{REPO}/revision/"):
            return self._answer(200, json.dumps({"sha": self.behaviour.commit}).encode())
        if path == f"/api/models/{REPO}/tree/{COMMIT}":
            return self._tree()
        prefix = f"/{REPO}/resolve/{COMMIT}/"
        if path.startswith(prefix) and path.removeprefix(prefix) in self.behaviour.files:
            return self._file(path.removeprefix(prefix), headers)
        return self._answer(404, b"not here")

    def _tree(self) -> None:
        if self.behaviour.raw_tree is not None:
            return self._answer(200, self.behaviour.raw_tree)
        entries = [self._entry(name, data) for name, data in self.behaviour.files.items()]
        entries.append({"type": "directory", "path": "onnx", "size": 0, "oid": "0" * 40})
        if not self.behaviour.pages:
            return self._answer(200, json.dumps(entries).encode())
        if "cursor" in self.path:
            return self._answer(200, json.dumps(entries[2:]).encode())
        link = f'<{self.path}?cursor=2>; rel="next"'
        return self._answer(200, json.dumps(entries[:2]).encode(), {"Link": link})

    def _entry(self, name: str, data: bytes) -> dict[str, object]:
        git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        entry: dict[str, object] = {"type": "file", "path": name, "size": len(data), "oid": git}
        if name.endswith((".safetensors", ".bin")):
            oid = self.behaviour.lfs_oid or hashlib.sha256(data).hexdigest()
            entry["lfs"] = {"oid": oid, "size": len(data), "pointerSize": 134}
        return entry

    def _file(self, name: str, headers: dict[str, str]) -> None:
        data = self.behaviour.files[name]
        if not name.endswith(".safetensors"):
            return self._answer(200, data)
        if self.behaviour.redirect_to:
            return self._answer(302, b"", {"Location": self.behaviour.redirect_to})
        data = self.behaviour.lie or data
        start = int(headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        extra, status = {}, 200
        if self.behaviour.ignore_range:
            start = 0
        if start:
            said = start + 7 if self.behaviour.wrong_range else start
            status = 206
            extra = {"Content-Range": f"bytes {said}-{len(data) - 1}/{len(data)}"}
        self.behaviour.on_weights(start)
        body = data[start:]
        if self.behaviour.stall_once:
            self.behaviour.stall_once = False
            self._answer(status, body[: len(body) // 2], extra, len(body))
            self.released.wait(10)
            self.close_connection = True
        elif self.behaviour.cut_after is not None and self.behaviour.cut_after < len(body):
            self._answer(status, body[: self.behaviour.cut_after], extra, len(body))
            self.close_connection = True
        else:
            self._answer(status, body, extra)
        return None

    def _answer(
        self,
        status: int,
        body: bytes,
        extra: dict[str, str] | None = None,
        declared: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if declared is None else declared))
        self.end_headers()
        try:
            self.wfile.write(body)
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Says nothing: what was asked is in `Behaviour.requests`."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # joined by server_close, so that none is left over

    def handle_error(self, *_: object) -> None:
        """A client that hangs up in the middle is what these tests do."""


class Mirror:
    """A hub on this machine."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.released = threading.Event()
        handler = type("Handler", (_Handler,), {"behaviour": behaviour, "released": self.released})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def small_base() -> dict[str, bytes]:
    return {
        ".gitattributes": b"*.bin filter=lfs",
        "config.json": (resources_folder() / "base" / "config.json").read_bytes(),
        "tokenizer.json": b'{"version": "1.0"}',
        "tokenizer_config.json": b"{}",
        "modeling_qwen3.py": b"import os",
        "pytorch_model.bin": b"pickled",
        "model.safetensors": WEIGHTS,
        "LICENSE": b"Apache-2.0",
    }
