"""An S3 server on this machine, whose answers can be spoilt on their way."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import fsspec
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Environ = dict[str, Any]
Answer = Iterable[bytes]
App = Callable[[Environ, Any], Answer]
Spoil = Callable[["Request"], Answer | None]
"""Answers in place of the server, or returns None to let it."""


class Request:
    """A request on its way to the server."""

    def __init__(self, environ: Environ, start_response: Any, app: App) -> None:
        self.environ, self.start_response, self.app = environ, start_response, app
        self.method: str = environ["REQUEST_METHOD"]
        self.path: str = environ["PATH_INFO"]
        self.query: str = environ["QUERY_STRING"]

    def body(self) -> bytes:
        """What was sent; it can be taken once."""
        stream = self.environ["wsgi.input"]
        if self.environ.get("wsgi.input_terminated"):
            return bytes(stream.read())
        return bytes(stream.read(int(self.environ.get("CONTENT_LENGTH") or 0)))

    def fail(self, status: str, code: str) -> Answer:
        """Answers with an error of S3's form, doing nothing."""
        self.body()
        self.start_response(status, [("Content-Type", "application/xml")])
        return [f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()]

    def lose_answer(self) -> Answer:
        """Does what is asked and hangs up."""
        b"".join(self.app(self.environ, lambda *_: None))
        self.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return []

    def delay_answer(self, seconds: float) -> Answer:
        done = list(self.app(self.environ, self.start_response))
        time.sleep(seconds)
        return done


class S3Server:
    """Spoils requests as long as ``spoilt`` says."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        self.app: App = DomainDispatcherApplication(create_backend_app)
        self.spoil: Spoil | None = None
        self.num_spoilt = 0
        self.server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> "S3Server":
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def options(self) -> dict[str, object]:
        return {
            "endpoint_url": f"http://127.0.0.1:{self.server.server_port}",
            "key": "anybody",
            "secret": "anything",
            "client_kwargs": {"region_name": "us-east-1"},
        }

    def new_bucket(self) -> str:
        name = f"bucket-{uuid4().hex}"
        fsspec.filesystem("s3", **self.options).call_s3("create_bucket", Bucket=name)
        return name

    @contextmanager
    def spoilt(self, spoil: Spoil) -> Iterator[None]:
        self.spoil, self.num_spoilt = spoil, 0
        try:
            yield
        finally:
            self.spoil = None

    def _answer(self, environ: Environ, start_response: Any) -> Answer:
        request = Request(environ, start_response, self.app)
        spoilt = None if self.spoil is None else self.spoil(request)
        if spoilt is None:
            return self.app(environ, start_response)
        self.num_spoilt += 1
        return spoilt
