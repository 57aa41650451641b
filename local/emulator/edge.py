"""The emulator's edge, where requests come in: it logs the roles' calls, and fails calls if a test asks for it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from xml.sax.saxutils import escape

from ministack import app
from ministack.core import iam_evaluator

from local.emulator.internals import internal, replace
from local.emulator.settings import emulator_settings

CALLS_FILE = "calls.log"
FAULTS_FILE = "edge-faults.json"

_HTTP_SERVER_ERROR = 500

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]


def calls_are_noted() -> None:
    """Log the calls of each role in the log folder, a line of JSON for each role, action, resource and outcome.

    An aid for least privilege, as CloudTrail and IAM's last-accessed information are on AWS.
    """
    stock = internal(iam_evaluator, "enforce")
    file = emulator_settings().log_dir / CALLS_FILE
    seen: set[tuple[str, str, str, bool]] = set()

    def enforce(access_key_id: str, iam_action: str, service: str, region: str, *rest: Any, **more: Any) -> Any:
        denied = stock(access_key_id, iam_action, service, region, *rest, **more)
        caller = iam_evaluator.resolve_credential(access_key_id or "", "")
        role = _role(getattr(caller, "principal_arn", ""))
        resource = more.get("resource_arn") or (rest[0] if rest else "*")
        call = (role, iam_action, resource, denied is None)
        if role and call not in seen:
            seen.add(call)
            line = {"role": role, "action": iam_action, "resource": resource, "allowed": denied is None}
            with file.open("a") as log:
                log.write(json.dumps(line) + "\n")
        return denied

    replace(iam_evaluator, "enforce", enforce)


def services_fail_on_request() -> None:
    """Make the functions' calls to services fail as the state folder's file of faults says, while that file exists.

    Each fault is `{"service", "operation", "about", "status", "code", "seconds"}`: after so many seconds
    the answer is an error of that status and code, or the service's own if the status is 0. Without an operation, the
    fault is for every call of the service; `about` is a text that the request's body contains, such as a topic's name.
    """
    handlers = internal(app, "SERVICE_HANDLERS")
    for service, handler in list(handlers.items()):
        handlers[service] = _failing(service, handler)


def _failing(service: str, handler: Handler) -> Handler:
    file = emulator_settings().mail_dir.parent / FAULTS_FILE

    async def answer(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Answer:
        if file.exists() and _of_a_function(headers, query):
            for fault in json.loads(file.read_text()):
                named = _names(fault.get("operation", ""), method, headers, body)
                if fault["service"] == service and named and fault.get("about", "").encode() in body:
                    await asyncio.sleep(fault.get("seconds", 0))
                    if fault.get("status"):
                        return _error(service, fault["status"], fault["code"])
        return await handler(method, path, headers, body, query)

    return answer


def _role(principal_arn: str) -> str:
    """The name of the role in an assumed role's ARN; empty for any other principal."""
    head, _, session = principal_arn.partition(":assumed-role/")
    return session.split("/")[0] if head and session else ""


def _of_a_function(headers: dict[str, str], query: dict[str, Any]) -> bool:
    """Whether a function sent the request or signed its URL; a test's own requests do not fail."""
    access_key = internal(app, "extract_access_key_id")(headers, query)
    return bool(_role(getattr(iam_evaluator.resolve_credential(access_key, ""), "principal_arn", "")))


def _names(operation: str, method: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether the request is for that operation: by its X-Amz-Target, its Action or, for S3, its method."""
    if not operation:
        return True
    target = headers.get("x-amz-target", "")
    return target.endswith(f".{operation}") or f"Action={operation}".encode() in body or method == operation


def _error(service: str, status: int, code: str) -> Answer:
    """An error response in the service's protocol."""
    message = "This fault was asked for."
    fault = "Server" if status >= _HTTP_SERVER_ERROR else "Sender"
    if service == "s3":
        text = f"<Error><Code>{escape(code)}</Code><Message>{message}</Message></Error>"
        return status, {"Content-Type": "application/xml"}, text.encode()
    if service == "sns":
        inner = f"<Type>{fault}</Type><Code>{escape(code)}</Code><Message>{message}</Message>"
        return status, {"Content-Type": "text/xml"}, f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>".encode()
    document = {"__type": f"com.amazonaws#{code}", "message": message}
    return status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(document).encode()
