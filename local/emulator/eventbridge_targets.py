"""Patches of EventBridge and Scheduler: a function as a target is invoked asynchronously."""

import json
from typing import Any

from ministack.services import eventbridge, lambda_svc

from local.emulator.internals import internal, replace


def events_are_retried() -> None:
    """Retry a function that fails on an event, then send the event to the function's dead-letter target.

    AWS, "Amazon EventBridge targets": functions are invoked asynchronously, so Lambda's own two retries, its
    destinations and its dead-letter queue apply. MiniStack invokes once and forgets.
    """

    def dispatch(function_arn: str, payload: str) -> None:
        try:
            event: Any = json.loads(payload)
        except (TypeError, ValueError):
            event = {"body": payload}
        function, config, _ = internal(lambda_svc, "_get_func_record_for_ref")(function_arn)
        if function and config:
            record = internal(lambda_svc, "_execution_record_for_config")(function, config)
            lambda_svc.invoke_async_with_retry(record, event)

    replace(eventbridge, "_dispatch_to_lambda", dispatch)
