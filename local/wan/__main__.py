"""Run the stand-in alone: `python -m local.wan --port 8900`."""

import argparse
import signal
import sys
import threading

from local.wan.server import serve
from local.wan.settings import DEMO_KEY, MODELS, REGIONS, Settings


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        settings = Settings(
            task_seconds=given.task_seconds,
            concurrency=given.concurrency,
            creations_per_second=given.creations_per_second,
            queries_per_second=given.queries_per_second,
            validity_seconds=given.validity_seconds,
            api_keys=tuple(given.api_key or [DEMO_KEY]),
            models=tuple(given.model or MODELS),
            offline_models=tuple(given.offline_model or ()),
            late_validation=given.late_validation,
            region=given.region,
            short_side=given.short_side,
        )
    except ValueError as error:
        parser.error(str(error))
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    try:
        with serve(settings, given.port) as stand_in:
            print(f"The stand-in for wan2.2-animate-move is at {stand_in.url}", flush=True)
            over.wait()
    except (OSError, OverflowError) as error:
        print(f"Cannot listen on port {given.port}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    """The options, each with the settings' own default."""
    defaults = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m local.wan",
        description="A stand-in for wan2.2-animate-move on 127.0.0.1; its videos say that it is one.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--task-seconds", type=float, default=defaults.task_seconds, help="how long a task runs")
    parser.add_argument("--concurrency", type=int, default=defaults.concurrency, help="tasks that run at a time")
    parser.add_argument("--creations-per-second", type=int, default=defaults.creations_per_second, help="per account")
    parser.add_argument("--queries-per-second", type=int, default=defaults.queries_per_second, help="per account")
    parser.add_argument(
        "--validity-seconds",
        type=float,
        default=defaults.validity_seconds,
        help="how long a task can be queried, and its result fetched",
    )
    parser.add_argument(
        "--api-key", action="append", help=f"a key that is accepted; may be repeated; without it {DEMO_KEY}"
    )
    parser.add_argument("--model", action="append", help="a model that exists; may be repeated; without it both")
    parser.add_argument("--offline-model", action="append", help="a model that was taken offline; may be repeated")
    parser.add_argument("--late-validation", action="store_true", help="wrong fields fail the task, not the request")
    parser.add_argument(
        "--short-side", type=int, default=defaults.short_side, help="short side of a 16:9 result, in pixels"
    )
    parser.add_argument("--region", choices=list(REGIONS), default=defaults.region, help="shown in the task list")
    return parser


if __name__ == "__main__":
    sys.exit(main())
