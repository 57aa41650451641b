"""The HTTP server on loopback, and the stand-in as one thing to start and stop."""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from local.wan import wire
from local.wan.answers import error_answer
from local.wan.bodies import read_body
from local.wan.clock import Clock, http_date
from local.wan.control import control
from local.wan.errors import ProviderError
from local.wan.faults import FaultBoard
from local.wan.gateway import pass_through
from local.wan.headers import Headers
from local.wan.model import Model
from local.wan.provider import Outcome, Provider
from local.wan.results import ResultStore
from local.wan.routes import CONTROL, Request, route
from local.wan.settings import Settings
from local.wan.signing import Signer
from local.wan.tasks import Task, TaskBook

HOST = "127.0.0.1"


class StandIn:
    """The provider's stand-in; `start` it, use its `url`, `stop` it."""

    def __init__(self, settings: Settings, port: int = 0) -> None:
        self._settings = settings
        self._store = ResultStore()
        self._signer = Signer()
        self._stopping = threading.Event()
        self.clock = Clock()
        self.board = FaultBoard()
        model = Model(self._store, lambda: self._settings)
        self.book = TaskBook(self.clock, lambda: self._settings, model.work, self._sign)
        self.provider = Provider(
            clock=self.clock,
            settings=lambda: self._settings,
            book=self.book,
            board=self.board,
            signer=self._signer,
            base_url=lambda: self.url,
            wait=self._stopping.wait,
        )
        try:
            self._server = _Server((HOST, port), self)
        except BaseException:
            self._store.close()
            raise
        self.url = f"http://{HOST}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="wan-server", daemon=True)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    def change(self, changes: dict[str, Any]) -> Settings:
        """Change settings, as the control API does; raises ValueError for what is not allowed."""
        self._settings = self._settings.changed(changes)
        self.book.look()
        return self._settings

    def reset(self) -> None:
        """Forget tasks, faults and counts, and show the machine's time; the settings stay."""
        self.clock.reset()
        self.book.reset()
        self.board.reset()
        self.provider.reset()

    def start(self) -> None:
        """Answer requests from now on."""
        self.book.look()
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and remove the results."""
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.drop_connections()
        self.book.stop()
        self._store.close()

    def outcome(self, request: Request) -> Outcome:
        """Answer a request to the control API or to the provider."""
        if request.path.startswith(CONTROL):
            return Outcome(control(request, self))
        return self.provider.handle(request, route(request))

    def refused(self, refusal: ProviderError, headers: Headers) -> Outcome:
        """Answer a request whose body cannot be read."""
        now = self.clock.now()
        return Outcome(pass_through(error_answer(refusal), "", headers, now, now))

    def _sign(self, task: Task) -> None:
        ended_at = task.ended_at or self.clock.now()
        task.result_path = self._signer.path(ended_at)
        task.result_query = self._signer.query(task.result_path, int(ended_at + self._settings.validity_seconds))


@contextmanager
def serve(settings: Settings | None = None, port: int = 0) -> Iterator[StandIn]:
    """Run a stand-in for as long as the block lasts; port 0 takes a free one."""
    stand_in = StandIn(settings or Settings(), port)
    stand_in.start()
    try:
        yield stand_in
    finally:
        stand_in.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that stopping can close it."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection and close it."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        """Close what callers left open."""
        with self._open_lock:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing about callers who hang up, which they are free to do."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120
    rbufsize = 64 * 1024

    def _answer(self) -> None:
        stand_in = cast("_Server", self.server).stand_in
        try:
            body = read_body(self.headers, self.rfile)
        except ProviderError as refusal:
            # The end of this body is not known, and so neither is the beginning of the next request.
            self.close_connection = True
            outcome = stand_in.refused(refusal, self.headers)
        else:
            outcome = stand_in.outcome(Request(self.command, self.path, self.headers, body))
        date = http_date(stand_in.clock.now())
        with_body = self.command != "HEAD"
        if outcome.ending == "whole":
            wire.send(self.wfile, outcome.answer, date, close=self.close_connection, with_body=with_body)
            return
        self.close_connection = True
        if outcome.ending != "lost":
            wire.send_half(self.wfile, outcome.answer, date, with_body=with_body)
        if outcome.ending == "reset":
            wire.reset(self.connection)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the stand-in's time, for the answers that the base class sends by itself."""
        return http_date(cast("_Server", self.server).stand_in.clock.now() if timestamp is None else timestamp)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log nothing, since the control API can show how many requests there were."""

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = _answer  # noqa: N815 - the base class's names
