import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import requests

from motiondrop.provider.client import WanClient
from motiondrop.provider.responses import OutcomeUnknown, Unreachable
from tests.support.recorded_provider import IMAGE_URL, OPTIONS, SUCCEEDED, TASK_ID, VIDEO_URL

CONNECT, READ = 0.1, 0.3


@contextmanager
def trickling(pause: float) -> Iterator[str]:
    """A server whose answer comes byte by byte; the URL of its API."""
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(SUCCEEDED))
            for at in range(len(SUCCEEDED)):
                if over.wait(pause):
                    return
                connection.sendall(SUCCEEDED[at : at + 1])

    def accept(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/api/v1"
        over.set()


def wan_at(url: str) -> WanClient:
    return WanClient(requests.Session(), url, lambda: "sk-key", connect_timeout=CONNECT, read_timeout=READ)


@pytest.mark.parametrize("call", ["query", "create"])
def test_answer_that_trickles_ends_within_the_calls_time(call: str) -> None:
    with trickling(pause=0.05) as url:
        wan = wan_at(url)
        began = time.monotonic()
        if call == "query":
            with pytest.raises(Unreachable, match="trickled"):
                wan.query(TASK_ID)
        else:
            with pytest.raises(OutcomeUnknown, match="trickled"):
                wan.create(IMAGE_URL, VIDEO_URL, OPTIONS)
        assert CONNECT + READ <= time.monotonic() - began < CONNECT + 2 * READ + 0.5


def test_answer_in_small_pieces_that_is_whole_in_time_is_read() -> None:
    with trickling(pause=0.0001) as url:
        wan = WanClient(requests.Session(), url, lambda: "sk-key", read_timeout=5)
        assert wan.query(TASK_ID).video_duration == 5.2
