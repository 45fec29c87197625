"""A provider on this machine: a real HTTP server in both dialects that misbehaves on demand.

server = ProviderServer(Conduct(faults=[Fault("status", 429)]))
... server.address("openai"), server.asked, server.conduct ...
server.close()

Every reply holds rows of its own, numbered over the server's life, so that a request paid
twice shows as rows that nobody kept.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Kind = Literal[
    "status", "hang", "redirect", "broken-json", "endless", "huge", "wrong-type", "tool",
    "refusal", "empty", "cut", "echo", "drop", "not-rows", "half-rows", "packed", "prose",
    "stall", "error-event", "numbers", "odd",
]  # fmt: skip
ROWS_ASKED = re.compile(r"Write (\d+) training examples")


@dataclass
class Fault:
    """What happens to one request; `value` is a status, an address, a header's value."""

    kind: Kind
    value: Any = None
    retry_after: str | None = None


@dataclass
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    number: int

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][-1]["content"])

    @property
    def rows(self) -> int:
        return int((ROWS_ASKED.search(self.prompt) or [0, "1"])[1])


@dataclass
class Conduct:
    """How the server behaves.

    Attributes:
        faults: one a request, in order; afterwards all goes well.
        always: a fault for every request once those are used up.
        stream: whether replies come as events, as asked, or in one piece.
        usage: whether token counts are told.
        key: a request without it is refused; None lets all in.
        pause_s: between the pieces of a reply, so that a kill may fall there.
        row: makes the row of a number.
    """

    faults: list[Fault] = field(default_factory=list)
    always: Fault | None = None
    stream: bool = True
    usage: bool = True
    key: str | None = None
    pause_s: float = 0.0
    row: Callable[[int], dict[str, Any]] = lambda number: {
        "instruction": f"Write the number {number} as JSON.",
        "input": "",
        "output": json.dumps({"number": number}),
    }


class ProviderServer:
    """Listens on loopback until it is closed."""

    def __init__(self, conduct: Conduct | None = None) -> None:
        self.conduct = conduct or Conduct()
        self.asked: list[Asked] = []
        self.replied: list[int] = []  # numbers of rows in replies that were sent whole
        self.most_at_once = 0
        self.at_once = 0
        self.next_row = 0
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.arrived = threading.Semaphore(0)
        handler = type("Handler", (_Handler,), {"server_of": self})
        self._http = _Listener(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        self.port = self._http.server_address[1]

    def address(self, dialect: str = "openai") -> str:
        return f"http://127.0.0.1:{self.port}" + ("/v1" if dialect == "openai" else "")

    def close(self) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def fault(self) -> Fault | None:
        with self.lock:
            if self.conduct.faults:
                return self.conduct.faults.pop(0)
        return self.conduct.always

    def numbers(self, count: int) -> list[int]:
        with self.lock:
            first = self.next_row
            self.next_row += count
        return list(range(first, first + count))


class _Listener(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A killed client resets its connections: nothing to tell."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: ProviderServer

    def do_POST(self) -> None:
        server = self.server_of
        size = int(self.headers.get("content-length", "0"))
        body = json.loads(self.rfile.read(size))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with server.lock:
            asked = Asked(self.path, headers, body, len(server.asked))
            server.asked.append(asked)
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        server.arrived.release()
        try:
            self._serve(asked)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client cut the line: that is what we test
        finally:
            with server.lock:
                server.at_once -= 1

    def _serve(self, asked: Asked) -> None:
        key = self.server_of.conduct.key
        given = asked.headers.get("authorization", asked.headers.get("x-api-key", ""))
        if key is not None and given.removeprefix("Bearer ") != key:
            return self._error(401, f"Incorrect API key provided: {given}")
        fault = self.server_of.fault()
        if fault is not None:
            return getattr(self, "_" + fault.kind.replace("-", "_"))(asked, fault)
        return self._rows(asked)

    # --- good replies ------------------------------------------------------------------

    def _rows(self, asked: Asked) -> None:
        numbers = self.server_of.numbers(asked.rows)
        row = self.server_of.conduct.row
        self._say(asked, "\n".join(json.dumps(row(number)) for number in numbers))
        with self.server_of.lock:
            self.server_of.replied += numbers

    def _say(
        self, asked: Asked, text: str, finish: str = "stop", tool: bool = False, thought: str = ""
    ) -> None:
        counts = (len(asked.prompt) // 4, max(1, len(text) // 4))
        anthropic = asked.path.endswith("/messages")
        make = _anthropic_events if anthropic else _openai_events
        if not self.server_of.conduct.stream:
            whole = _anthropic_whole if anthropic else _openai_whole
            return self._answer(200, json.dumps(whole(text, finish, tool, counts)).encode())
        self._begin("text/event-stream")
        for event in make(text, finish, tool, counts, self.server_of.conduct.usage, thought):
            self._piece(event)
            if self.server_of.conduct.pause_s:
                time.sleep(self.server_of.conduct.pause_s)
        self._piece(b"")
        return None

    # --- faults ------------------------------------------------------------------------

    def _status(self, asked: Asked, fault: Fault) -> None:
        headers = {"retry-after": fault.retry_after} if fault.retry_after else {}
        self._error(fault.value, "not now", headers)

    def _hang(self, asked: Asked, fault: Fault) -> None:
        self.server_of.released.wait(60)
        self.close_connection = True

    def _stall(self, asked: Asked, fault: Fault) -> None:
        self._begin("text/event-stream")
        self._piece(next(_openai_events("{", "stop", False, (1, 1), False)))
        self._hang(asked, fault)

    def _redirect(self, asked: Asked, fault: Fault) -> None:
        self._answer(307, b"", {"location": fault.value})

    def _broken_json(self, asked: Asked, fault: Fault) -> None:
        if self.server_of.conduct.stream:
            self._begin("text/event-stream")
            self._piece(b'event: content_block_delta\ndata: {"choices": [{"delta": {"conte\n\n')
            return self._piece(b"")
        return self._answer(200, b'{"choices": [')

    def _endless(self, asked: Asked, fault: Fault) -> None:
        self._begin("text/event-stream")
        event = next(_openai_events(" ", "stop", False, (1, 1), False))
        while not self.server_of.released.wait(0.01):
            self._piece(event)

    def _huge(self, asked: Asked, fault: Fault) -> None:
        if fault.value:  # says so beforehand
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(fault.value))
            self.end_headers()
        else:
            self._begin("application/json" if not self.server_of.conduct.stream else None)
        block = b'{"x":"' + b"y" * (1 << 20)
        while not self.server_of.released.is_set():
            if fault.value:
                self.wfile.write(block)
            else:
                self._piece(block)

    def _wrong_type(self, asked: Asked, fault: Fault) -> None:
        self._answer(200, b"<html>Log in first</html>", {"content-type": "text/html"})

    def _packed(self, asked: Asked, fault: Fault) -> None:
        self._answer(200, b"\x1f\x8b", {"content-encoding": "gzip"})

    def _tool(self, asked: Asked, fault: Fault) -> None:
        self._say(asked, "", "tool_calls", tool=True)

    def _refusal(self, asked: Asked, fault: Fault) -> None:
        self._say(asked, "I cannot help with that.", "content_filter")

    def _empty(self, asked: Asked, fault: Fault) -> None:
        self._say(asked, "")

    def _prose(self, asked: Asked, fault: Fault) -> None:
        self._say(asked, "Sure! Here are your examples. I hope they help.")

    def _cut(self, asked: Asked, fault: Fault) -> None:
        row = self.server_of.conduct.row
        numbers = self.server_of.numbers(1)
        self._say(asked, json.dumps(row(numbers[0])) + '\n{"instruction": "Write', "length")
        with self.server_of.lock:
            self.server_of.replied += numbers

    def _half_rows(self, asked: Asked, fault: Fault) -> None:
        numbers = self.server_of.numbers(asked.rows)
        row = self.server_of.conduct.row
        lines = [
            json.dumps(row(number)) if at % 2 == 0 else '{"instruction": "broken", "output": '
            for at, number in enumerate(numbers)
        ]
        self._say(asked, "\n".join(lines))
        with self.server_of.lock:
            self.server_of.replied += numbers[::2]

    def _not_rows(self, asked: Asked, fault: Fault) -> None:
        self._say(asked, "\n".join('{"weather": "fine"}' for _ in range(asked.rows)))

    def _numbers(self, asked: Asked, fault: Fault) -> None:
        self._say(asked, "[1, 2, 3]")

    def _echo(self, asked: Asked, fault: Fault) -> None:
        """The key in the body, in a header, and in the request's id."""
        given = asked.headers.get("authorization", asked.headers.get("x-api-key", ""))
        told = given.removeprefix("Bearer ")
        if fault.value == "reply":
            numbers = self.server_of.numbers(asked.rows)
            rows = [
                json.dumps(
                    {"instruction": f"Which key has {n}?", "output": json.dumps({"k": told})}
                )
                for n in numbers
            ]
            return self._say(asked, "\n".join(rows))
        return self._error(
            fault.value or 401,
            f"Incorrect API key provided: {told}. Header was: {given}",
            {"x-request-id": told, "www-authenticate": f"Bearer {told}"},
        )

    def _drop(self, asked: Asked, fault: Fault) -> None:
        self._begin("text/event-stream")
        self._piece(next(_openai_events("{", "stop", False, (1, 1), False)))
        self.close_connection = True

    def _error_event(self, asked: Asked, fault: Fault) -> None:
        self._begin("text/event-stream")
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        self._piece(f"event: error\ndata: {json.dumps(error)}\n\n".encode())
        self._piece(b"")

    def _odd(self, asked: Asked, fault: Fault) -> None:
        """One event, or one whole reply, of a shape that no interface has."""
        if not self.server_of.conduct.stream:
            return self._answer(200, fault.value.encode())
        self._begin("text/event-stream")
        for name in ("message_start", "content_block_start", "content_block_delta"):
            self._piece(f"event: {name}\ndata: {fault.value}\n\n".encode())
        return self._piece(b"")

    # --- the line ----------------------------------------------------------------------

    def _error(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        body = {"type": "error", "error": {"message": message, "type": "error", "code": None}}
        self._answer(status, json.dumps(body).encode(), headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _begin(self, kind: str | None) -> None:
        self.send_response(200)
        self.send_header("content-type", kind or "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def _piece(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def _chunks(text: str, size: int = 60) -> Iterator[str]:
    yield from (text[at : at + size] for at in range(0, len(text), size))


def _openai_events(
    text: str, finish: str, tool: bool, counts: tuple[int, int], usage: bool, thought: str = ""
) -> Iterator[bytes]:
    def event(delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
        chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return f"data: {json.dumps({**chunk, 'choices': choices, **more})}\n\n".encode()

    if thought:
        yield event({"reasoning_content": thought})
    for piece in _chunks(text):
        yield event({"content": piece})
    if tool:
        called = {"name": "search", "arguments": "{}"}
        yield event({"tool_calls": [{"index": 0, "id": "t1", "function": called}]})
    yield event({}, finish)
    if usage:
        told = {"prompt_tokens": counts[0], "completion_tokens": counts[1]}
        yield event({}, None, usage={**told, "total_tokens": sum(counts)})
    yield b"data: [DONE]\n\n"


def _openai_whole(text: str, finish: str, tool: bool, counts: tuple[int, int]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if tool:
        message["tool_calls"] = [{"id": "t1", "function": {"name": "search", "arguments": "{}"}}]
    usage = {"prompt_tokens": counts[0], "completion_tokens": counts[1]}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion", "choices": [choice], "usage": usage}


_REASONS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}


def _anthropic_events(
    text: str, finish: str, tool: bool, counts: tuple[int, int], usage: bool, thought: str = ""
) -> Iterator[bytes]:
    def event(kind: str, **said: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **said})}\n\n".encode()

    message = {
        "id": "m1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": counts[0], "output_tokens": 1},
    }  # fmt: skip
    yield event("message_start", message=message)
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    yield event("ping")
    for piece in _chunks(text):
        yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    yield event("content_block_stop", index=0)
    if tool:
        block = {"type": "tool_use", "id": "t1", "name": "search", "input": {}}
        yield event("content_block_start", index=1, content_block=block)
        yield event("content_block_stop", index=1)
    reason = "tool_use" if tool else _REASONS[finish]
    yield event(
        "message_delta",
        delta={"stop_reason": reason, "stop_sequence": None},
        usage={"output_tokens": counts[1]},
    )
    yield event("message_stop")


def _anthropic_whole(text: str, finish: str, tool: bool, counts: tuple[int, int]) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": text}]
    if tool:
        content.append({"type": "tool_use", "id": "t1", "name": "search", "input": {}})
    return {
        "id": "m1", "type": "message", "role": "assistant", "model": "m", "content": content,
        "stop_reason": "tool_use" if tool else _REASONS[finish],
        "usage": {"input_tokens": counts[0], "output_tokens": counts[1]},
    }  # fmt: skip
