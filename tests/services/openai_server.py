"""A small OpenAI-compatible HTTP server on a real socket, whose faults are scripted by question."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Step:
    """What one request gets. ``error``: a body of the OpenAI error form. ``hang``: seconds before anything is sent.

    ``reset``: the connection is dropped in the middle of the body. ``body``: sent as it stands.
    """

    text: str | None = "An answer."
    finish_reason: str = "stop"
    completion_tokens: int = 7
    reasoning: str | None = None
    status: int = 200
    error: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: float = 0.0
    reset: bool = False
    body: bytes | None = None

    def payload(self, model: str) -> bytes:
        if self.body is not None:
            return self.body
        if self.error is not None:
            return json.dumps({"error": self.error}).encode()
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if self.reasoning is not None:
            message["reasoning_content"] = self.reasoning
        completion = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": self.finish_reason}],
            "usage": {
                "prompt_tokens": 11,
                "completion_tokens": self.completion_tokens,
                "total_tokens": 11 + self.completion_tokens,
            },
        }
        return json.dumps(completion).encode()


def failure(status: int, message: str = "scripted", code: str | None = None, **headers: str) -> Step:
    """An error response; ``Retry_After="1"`` becomes a header."""
    error = {"message": message, "type": "scripted", "code": code}
    return Step(status=status, error=error, headers={name.replace("_", "-"): text for name, text in headers.items()})


@dataclass(frozen=True)
class Received:
    """One request: ``at`` is the monotonic clock, in seconds."""

    question: str
    at: float
    body: Mapping[str, Any]
    headers: Mapping[str, str]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # the default, 5, drops connections that arrive together

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up or was killed resets its connection, which is none of the server's errors."""


class OpenAIServer:
    """Serves ``POST /v1/chat/completions``. Use as a context manager.

    ``script(question, step, …)``: the steps are used in turn and the last one stays. Questions without a script get
    ``default``.
    """

    def __init__(self, default: Step | None = None) -> None:
        self.default = default or Step()
        self.requests: list[Received] = []
        self._scripts: dict[str, tuple[Step, ...]] = {}
        self._served: dict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = _Quiet(("127.0.0.1", 0), self._handler())

    @property
    def api_base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def script(self, question: str, *steps: Step) -> None:
        self._scripts[question] = steps

    def questions(self) -> list[str]:
        """The questions received so far, in order, repeats included."""
        with self._lock:
            return [request.question for request in self.requests]

    def __enter__(self) -> OpenAIServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def _next(self, received: Received) -> Step:
        with self._lock:
            self.requests.append(received)
            steps = self._scripts.get(received.question, (self.default,))
            step = steps[min(self._served[received.question], len(steps) - 1)]
            self._served[received.question] += 1
            return step

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                step = server._next(
                    Received(body["messages"][-1]["content"], time.monotonic(), body, dict(self.headers))
                )
                if step.hang:
                    server._stopping.wait(step.hang)
                payload = step.payload(body["model"])
                self.send_response(step.status)
                for name, value in {"Content-Type": "application/json", **step.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(payload)))
                try:
                    self.end_headers()
                    self.wfile.write(payload[: len(payload) // 2] if step.reset else payload)
                except OSError:  # the client gave up waiting
                    self.close_connection = True
                if step.reset:
                    self.close_connection = True

        return Handler
