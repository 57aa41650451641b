"""Patches of Lambda's invocations: their errors, how many run at once, how long an environment is kept."""

import contextvars
import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.emulator.execution_environment import InitError, is_python
from local.emulator.internals import internal, replace
from local.emulator.settings import emulator_settings

Record = dict[str, Any]
Result = dict[str, Any]

#: Seconds between tries while Lambda has no room. On AWS the pause grows, to five minutes for an event.
_THROTTLED_PAUSE = 0.2

#: The most that an event's age may be without an EventInvokeConfig: six hours.
_EVENT_AGE_SECONDS = 21_600

_asynchronous: contextvars.ContextVar[bool] = contextvars.ContextVar("asynchronous invocation", default=False)
_counted: contextvars.ContextVar[bool] = contextvars.ContextVar("invocation already counted", default=False)


def invocation_errors() -> None:
    """Make a failed invocation return the runtime's error document, and keep the function's other environments.

    AWS, "Understanding retry behavior" and the Runtime API: an environment that cannot start reports
    Runtime.ImportModuleError and the like, and the function's other environments go on.
    """
    stock = internal(lambda_svc, "_execute_function_warm")
    trace_id_for = internal(lambda_svc, "_xray_trace_id_for_invocation")
    start_reaper = internal(lambda_svc, "_ensure_reaper_thread")

    def execute(record: Record, event: object, request_id: str) -> Result:
        config = record.get("config") or record
        if not is_python(config) or not record.get("code_zip"):
            result: Result = stock(record, event, request_id)
            return result
        start_reaper()
        environment, _ = lambda_runtime.acquire_worker(
            config["FunctionName"], config, record["code_zip"], qualifier=config.get("Version", "$LATEST")
        )
        try:
            outcome = environment.invoke(
                event,
                request_id,
                trace_id=trace_id_for(config),
                invoked_function_arn=config["FunctionArn"],
            )
        except InitError as failure:
            return {"body": failure.error, "error": True, "log": ""}
        finally:
            lambda_svc.release_worker(environment)
        if outcome["status"] == "ok":
            return {"body": outcome.get("result"), "log": outcome.get("log", "")}
        body = outcome.get("error_payload") or {
            "errorType": "Runtime.Unknown",
            "errorMessage": outcome.get("error"),
        }
        return {"body": body, "error": True, "log": outcome.get("log", "")}

    replace(lambda_svc, "_execute_function_warm", execute)


def bounded_concurrency() -> None:
    """Run only a few invocations of one function at once; let the others wait for their turn.

    AWS keeps asynchronous events in a queue and starts environments on other people's machines ("Asynchronous
    invocation", "Lambda function scaling"). Here 100 events would be 100 Python processes on two cores.
    """
    settings = emulator_settings()
    stock = internal(lambda_svc, "_execute_function")
    limits: dict[bool, int] = {
        True: settings.asynchronous_concurrency,
        False: settings.synchronous_concurrency,
    }
    turns: dict[tuple[str, bool], threading.BoundedSemaphore] = {}
    lock = threading.Lock()

    def turn_for(config: dict[str, Any]) -> threading.BoundedSemaphore:
        asynchronous = _asynchronous.get()
        key = (config["FunctionName"], asynchronous)
        with lock:
            return turns.setdefault(key, threading.BoundedSemaphore(limits[asynchronous]))

    def execute(record: Record, event: object) -> Result:
        if _counted.get():  # MiniStack re-enters to change the account and region
            nested: Result = stock(record, event)
            return nested
        with turn_for(record.get("config") or record):
            counted = _counted.set(True)
            try:
                result: Result = stock(record, event)
                return result
            finally:
                _counted.reset(counted)

    replace(lambda_svc, "_execute_function", execute)
    _mark_asynchronous_invocations()


def _mark_asynchronous_invocations() -> None:
    """Mark asynchronous invocations as such, and let them wait for turns of their own."""
    stock = internal(lambda_svc, "invoke_async_with_retry")

    def invoke_async(record: Record, event: object) -> None:
        # The retries run in a copy of this context.
        asynchronous, counted = _asynchronous.set(True), _counted.set(False)
        try:
            stock(record, event)
        finally:
            _asynchronous.reset(asynchronous)
            _counted.reset(counted)

    replace(lambda_svc, "invoke_async_with_retry", invoke_async)


def idle_environments_end() -> None:
    """End every unused environment after a while, and keep only a few until then.

    AWS: an environment is kept for some time "in anticipation of another function invocation" and then shut
    down. MiniStack keeps one per function for ever.
    """
    settings = emulator_settings()
    stock_release = internal(lambda_runtime, "release_worker")
    pool_lock = internal(lambda_runtime, "_lock")
    pools = internal(lambda_runtime, "_workers")

    def release(worker: Any) -> None:
        if worker is not None:
            worker.last_used = time.time()  # stock counts from the invocation's start
        stock_release(worker)

    def reap(ttl: float | None = None) -> int:
        oldest = time.time() - (settings.idle_seconds if ttl is None else ttl)
        ended: list[Any] = []
        with pool_lock:
            for key, workers in list(pools.items()):
                unused = _unused(workers, oldest, settings.idle_environments)
                ended += unused
                pools[key] = [w for w in workers if w not in unused]
                if not pools[key]:
                    del pools[key]
        lambda_runtime.kill_workers(ended)
        return len(ended)

    def reap_for_ever() -> None:
        while True:
            time.sleep(5)
            reap()

    replace(lambda_runtime, "release_worker", release)
    replace(lambda_svc, "release_worker", release)
    replace(lambda_runtime, "reap_idle_workers", reap)
    replace(lambda_svc, "reap_idle_workers", reap)
    threading.Thread(target=reap_for_ever, daemon=True, name="idle environments").start()


def _unused(workers: list[Any], oldest: float, kept: int) -> list[Any]:
    """Return the idle workers that were last used before `oldest`, and all but the `kept` most recently used."""
    idle = sorted((w for w in workers if not w.in_use), key=lambda w: w.last_used, reverse=True)
    surplus = idle[kept:]
    return [w for w in idle if w.last_used < oldest or w in surplus]


def throttled_invocations() -> None:
    """Give a throttled invocation the error name that state machines retry.

    AWS, "Handle transient Lambda service exceptions": Lambda.TooManyRequestsException. MiniStack's answer
    has no errorType, so Step Functions sees Lambda.Unknown.
    """
    stock = internal(lambda_svc, "_throttle_response")

    def throttle_response(*args: Any, **keywords: Any) -> Result:
        result: Result = stock(*args, **keywords)
        result["body"]["errorType"] = "Lambda.TooManyRequestsException"
        return result

    replace(lambda_svc, "_throttle_response", throttle_response)


def throttled_events_wait() -> None:
    """Invoke a function again for an event that Lambda has no room for, until the event is too old.

    AWS, "How Lambda handles errors and retries with asynchronous invocation": for throttling errors Lambda "returns
    the event to the queue and attempts to run the function again for up to 6 hours", or MaximumEventAgeInSeconds;
    MaximumRetryAttempts is about errors of the function. MiniStack counts throttling as such an error.
    """
    stock = internal(lambda_svc, "_execute_function")

    def execute(record: Record, event: object) -> Result:
        result: Result = stock(record, event)
        if _asynchronous.get() and not _counted.get():
            configs = record.get("event_invoke_configs") or {}
            config = record.get("event_invoke_config") or configs.get("$LATEST") or {}
            age = float(config.get("MaximumEventAgeInSeconds") or _EVENT_AGE_SECONDS)
            return until_there_is_room(lambda: stock(_newest(record), event), result, age)
        return result

    replace(lambda_svc, "_execute_function", execute)


def until_there_is_room(invoke: Callable[[], Result], result: Result, seconds: float) -> Result:
    """Invoke again as long as the answer is that Lambda has no room, for at most `seconds`."""
    deadline = time.monotonic() + seconds
    while result.get("throttle") and time.monotonic() + _THROTTLED_PAUSE < deadline:
        time.sleep(_THROTTLED_PAUSE)
        result = invoke()
    return result


def _newest(record: Record) -> Record:
    """The function as it is now: its reserved concurrency may have been changed."""
    function, config, _ = internal(lambda_svc, "_get_func_record_for_ref")(record["config"]["FunctionArn"])
    if not function or not config:
        return record
    newest: Record = internal(lambda_svc, "_execution_record_for_config")(function, config)
    return newest


def graceful_updates() -> None:
    """When code or configuration is updated, let invocations in flight finish with the old one.

    AWS, "Updating function code": new invocations get the new code, running ones end undisturbed.
    """
    stock_invalidate = internal(lambda_svc, "invalidate_worker")
    pool_lock = internal(lambda_runtime, "_lock")
    pools = internal(lambda_runtime, "_workers")
    updating: contextvars.ContextVar[bool] = contextvars.ContextVar("function update", default=False)

    def invalidate(func_name: str, **scope: Any) -> None:
        if not updating.get():
            stock_invalidate(func_name, **scope)
            return
        busy: list[Any] = []
        with pool_lock:
            for key, workers in pools.items():
                if key.split(":")[2] == func_name:
                    busy += [w for w in workers if w.in_use]
                    pools[key] = [w for w in workers if not w.in_use]
        stock_invalidate(func_name, **scope)
        if busy:
            threading.Thread(target=_end_when_free, args=(busy,), daemon=True).start()

    def gently(operation: Callable[..., Any]) -> Callable[..., Any]:
        def update(*args: Any, **keywords: Any) -> Any:
            token = updating.set(True)
            try:
                return operation(*args, **keywords)
            finally:
                updating.reset(token)

        return update

    replace(lambda_svc, "invalidate_worker", invalidate)
    for name in ("_update_code", "_update_config"):
        replace(lambda_svc, name, gently(internal(lambda_svc, name)))


def _end_when_free(environments: list[Any]) -> None:
    waiting = list(environments)
    while waiting:
        time.sleep(0.1)
        free = [e for e in waiting if not e.in_use]
        lambda_runtime.kill_workers(free)
        waiting = [e for e in waiting if e not in free]
