"""`python -m local.console`: serve the console of one state folder's local cloud, on 127.0.0.1, until it is ended."""

import argparse
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import ClientError
from jinja2 import Environment, PackageLoader

from local.console.graph import HEIGHT, LEFT, WIDTH, draw, read_states
from local.stack import STATE_DIR, Stack, StackNotRunningError

#: Executions, emails and steps that are shown, the newest of each.
NEWEST = 20
STEPS = 200

_ENDS = {"ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}
_pages = Environment(loader=PackageLoader("local.console"), autoescape=True)


def page(stack: Stack, arn: str | None) -> str:
    """The page, with the execution of that ARN or the newest one."""
    listed = stack.stepfunctions.list_executions(stateMachineArn=stack.state_machine_arn, maxResults=NEWEST)
    executions: list[Any] = [*listed["executions"]]
    chosen = [stack.stepfunctions.describe_execution(executionArn=arn)] if arn else executions[:1]
    shown: Any = chosen[0] if chosen else None
    steps = steps_of(stack, shown["executionArn"]) if shown else []
    running = bool(shown) and shown["status"] == "RUNNING"
    return _pages.get_template("console.html").render(
        executions=executions,
        shown=shown,
        running=running,
        steps=steps[-STEPS:],
        graph=draw(read_states(), [step["name"] for step in steps], running=running),
        left=LEFT,
        width=WIDTH,
        height=HEIGHT,
        emails=[_email(path) for path in reversed(stack.emails()[-NEWEST:])],
        gallery=stack.gallery_url,
    )


def steps_of(stack: Stack, arn: str) -> list[dict[str, Any]]:
    """The states that an execution entered: name, time, input, and output or error as far as there is one."""
    pages = stack.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    steps: list[dict[str, Any]] = []
    for event in (event for page in pages for event in page["events"]):
        details: Any = next((value for name, value in event.items() if name.endswith("EventDetails")), {})
        if event["type"].endswith("StateEntered"):
            steps.append({"name": details["name"], "at": event["timestamp"], "input": details.get("input", "")})
        elif event["type"].endswith("StateExited") and steps:
            steps[-1]["output"] = details.get("output", "")
        elif event["type"] in _ENDS and steps:
            steps[-1]["error"] = f"{details.get('error', event['type'])}: {details.get('cause', '')}"
    return steps


def _email(path: Path) -> tuple[str, str]:
    """Subject and whole text."""
    text = path.read_text()
    found = re.search(r"^Subject: (.*)", text, re.MULTILINE)
    return found[1] if found else path.stem, text


class _Handler(BaseHTTPRequestHandler):
    state_dir: Path

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        try:
            status, body = 200, page(Stack.load(self.state_dir), parse_qs(url.query).get("execution", [None])[0])
        except StackNotRunningError:
            status, body = 503, "The local cloud is starting. Reload this page in a moment."
        except ClientError as error:
            status, body = 404, str(error)
        html = status == 200  # noqa: PLR2004
        self.send_response(status)
        self.send_header("Content-Type", f"text/{'html' if html else 'plain'}; charset=utf-8")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


def main(arguments: list[str]) -> int:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m local.console", description=__doc__)
    parser.add_argument("--state-dir", type=Path, default=STATE_DIR)
    _Handler.state_dir = parser.parse_args(arguments).state_dir
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        print(f"The console is at http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
