"""`faulty_client.py FAULT_DIR HANDLER`: AWS's runtime client, with faults at the edge of the function.

It wraps the one place in botocore and the one in requests where a call leaves the process, and no code of ours. Every
call is traced as `function call when event`. Before and after a call, a plan may end the process, as a crash would:

- `plan.json`: {"kills": [{"id", "function", "call", "when", "event", "also", "skip"}],
  "storm": {"seed", "chance", "most"}}. A kill happens once, at the first such call of an invocation whose event
  contains `event` and `also`, after `skip` such calls. A storm kills at any call with the probability `chance`,
  `most` times in all.
- `trace.log`: the calls. `done/<id>`: the kills that have happened, with the call each happened at.

A call is `service:Operation`, or `provider:create`, `query`, `list`, `cancel`, `result`.
"""

import json
import os
import random
import re
import runpy
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

_PROVIDER = (
    ("create", re.compile(r"POST .*/video-synthesis$")),
    ("cancel", re.compile(r"POST .*/tasks/[^/]+/cancel$")),
    ("list", re.compile(r"GET .*/tasks/?$")),
    ("query", re.compile(r"GET .*/tasks/[^/]+$")),
)
_CRASHED = 70  # the exit status of a killed process


class Edge:
    """Where calls leave this process. `event` is the event of the current invocation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._function = os.environ["AWS_LAMBDA_FUNCTION_NAME"].rpartition("-")[2]
        self._trace = os.open(folder / "trace.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._dice = random.Random(os.getpid())  # noqa: S311 - no secret
        self.event = ""

    def call(self, name: str, send: Callable[[], Any]) -> Any:
        """Make a call; the plan may kill the process before or after it."""
        self._pass(name, "before")
        answer = send()
        self._pass(name, "after")
        return answer

    def _pass(self, name: str, when: str) -> None:
        os.write(self._trace, f"{self._function} {name} {when} {self.event[:2000]}\n".encode())
        try:
            plan = json.loads((self._folder / "plan.json").read_text())
        except (FileNotFoundError, ValueError):
            return
        for kill in plan.get("kills", []):
            here = (kill["function"], kill["call"], kill["when"]) == (self._function, name, when)
            meant = kill.get("event", "") in self.event and kill.get("also", "") in self.event
            if here and meant and self._is_due(kill):
                self._end(kill["id"], name, when)
        storm = plan.get("storm")
        if storm and self._dice.random() < storm["chance"]:
            for number in range(storm["most"]):
                self._end(f"storm-{storm['seed']}-{number}", name, when)

    def _is_due(self, kill: dict[str, Any]) -> bool:
        """Whether the kill has spared as many calls as its `skip` says; if not, count this call as spared."""
        return all(not self._take(f"{kill['id']}-spared-{number}", "") for number in range(kill.get("skip", 0)))

    def _end(self, kill: str, name: str, when: str) -> None:
        if self._take(kill, f"{self._function} {name} {when}"):
            print(f"killed {when} {name}", flush=True)
            os._exit(_CRASHED)

    def _take(self, name: str, said: str) -> bool:
        """Record something that may happen only once; return False if it is recorded already."""
        try:
            handle = os.open(self._folder / "done" / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return False
        os.write(handle, said.encode())
        os.close(handle)
        return True


def wrap(edge: Edge) -> None:
    """Make every call of this process go through the edge."""
    # The packages are the function's own, on its path.
    client: Any = import_module("awslambdaric.bootstrap")
    endpoint: Any = import_module("botocore.endpoint").Endpoint
    adapter: Any = import_module("requests.adapters").HTTPAdapter

    make_request, send, handle = endpoint.make_request, adapter.send, client.handle_event_request

    def aws(self: Any, model: Any, request: Any) -> Any:
        return edge.call(f"{model.service_model.service_name}:{model.name}", lambda: make_request(self, model, request))

    def provider(self: Any, request: Any, *rest: Any, **more: Any) -> Any:
        line = f"{request.method} {request.url.partition('?')[0]}"
        name = next((name for name, pattern in _PROVIDER if pattern.match(line)), "result")
        return edge.call(f"provider:{name}", lambda: send(self, request, *rest, **more))

    def invocation(api: Any, handler: Any, request_id: Any, event: bytes, *rest: Any) -> Any:
        edge.event = event.decode() if isinstance(event, bytes) else str(event)
        return handle(api, handler, request_id, event, *rest)

    endpoint.make_request, adapter.send, client.handle_event_request = aws, provider, invocation


if __name__ == "__main__":
    sys.path[0] = ""  # not this folder: the function's modules are its own
    _, folder, *arguments = sys.argv
    (Path(folder) / "done").mkdir(exist_ok=True)
    wrap(Edge(Path(folder)))
    sys.argv = ["awslambdaric", *arguments]
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
