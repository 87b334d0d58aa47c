"""A small Hugging Face hub on this machine, for tests of the client against real HTTP."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote

COMMIT = "c0ffee" + "0" * 34
Files = dict[str, bytes]


class Hub(ThreadingHTTPServer):
    """Serves repositories of one commit, which ``main`` and ``v1`` are; keeps what was asked."""

    daemon_threads = True

    def __init__(
        self, repositories: dict[str, Files], refusals: dict[str, tuple[int, str]]
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories, self.refusals = repositories, refusals
        self.asked: list[str] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def hub(
    repositories: dict[str, Files] | None = None,
    refusals: dict[str, tuple[int, str]] | None = None,
) -> Iterator[Hub]:
    """Args:

    refusals: status and error code, by repository.
    """
    server = Hub(repositories or {}, refusals or {})
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(self.path.split("?")[0]).strip("/")
        self.server.asked.append(f"{self.command} {path}")
        parts = path.removeprefix("api/models/").split("/")
        repo = "/".join(parts[:2])
        if repo in self.server.refusals:
            return self._refuse(*self.server.refusals[repo])
        if repo not in self.server.repositories:
            return self._refuse(404, "RepoNotFound")
        files = self.server.repositories[repo]
        if path.startswith("api/"):
            return self._listing(repo, "/".join(parts[3:]), files)
        return self._file("/".join(parts[4:]), files)

    def _listing(self, repo: str, revision: str, files: Files) -> None:
        if revision not in ("main", "v1", "refs/pr/1", COMMIT):
            return self._refuse(404, "RevisionNotFound")
        names = [{"rfilename": name} for name in files]
        self._answer(json.dumps({"id": repo, "sha": COMMIT, "siblings": names}).encode(), {})

    def _file(self, name: str, files: Files) -> None:
        if name not in files:
            return self._refuse(404, "EntryNotFound")
        tag = hashlib.sha256(files[name]).hexdigest()
        self._answer(files[name], {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT})

    def _refuse(self, status: int, code: str) -> None:
        self._answer(b"{}", {"X-Error-Code": code} if code else {}, status)

    def _answer(self, body: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""
