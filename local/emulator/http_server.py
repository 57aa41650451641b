"""The HTTP server that the emulator runs in."""

from typing import Any

import hypercorn.asyncio
import uvicorn
from hypercorn.config import Config

from local.emulator.internals import replace

#: Seconds that requests may take to end after a signal; the supervisor kills after two.
_GRACE_SECONDS = 1


def requests_are_parsed_in_c() -> None:
    """Serve MiniStack by uvicorn with httptools: hypercorn, which parses in Python, takes a quarter more time."""

    async def serve(application: Any, config: Config) -> None:
        host, _, port = config.bind[0].rpartition(":")
        settings = uvicorn.Config(
            application,
            host,
            int(port),
            http="httptools",
            access_log=False,
            log_config=None,
            date_header=False,  # MiniStack has its own
            server_header=False,
            reset_contextvars=True,  # for each request of a connection
            timeout_keep_alive=int(config.keep_alive_timeout),
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        await uvicorn.Server(settings).serve()

    replace(hypercorn.asyncio, "serve", serve)
