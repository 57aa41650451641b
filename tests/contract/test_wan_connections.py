"""A connection of its own for each call, whatever the server would rather have."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from motiondrop.provider.client import WanClient
from tests.support.recorded_provider import SUCCEEDED, TASK_ID


class _KeepsAlive(BaseHTTPRequestHandler):
    """Answers every request, and never closes the connection by itself."""

    protocol_version = "HTTP/1.1"
    connections: set[tuple[str, int]]

    def do_GET(self) -> None:  # http.server's name
        self.connections.add(self.client_address)
        self.close_connection = False
        self.send_response(200)
        self.send_header("Content-Length", str(len(SUCCEEDED)))
        self.end_headers()
        self.wfile.write(SUCCEEDED)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    _KeepsAlive.connections = set()
    with ThreadingHTTPServer(("127.0.0.1", 0), _KeepsAlive) as running:
        running.daemon_threads = True
        running.block_on_close = False
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def test_a_server_that_keeps_its_connections_open_gets_a_new_one_for_each_call(server: ThreadingHTTPServer) -> None:
    wan = WanClient(requests.Session(), f"http://127.0.0.1:{server.server_address[1]}/api/v1", lambda: "sk-key")
    for _ in range(3):
        wan.query(TASK_ID)
    assert len(_KeepsAlive.connections) == 3
