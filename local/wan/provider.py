"""The provider's side: each request's checks in the provider's order, and the faults it may meet."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from local.wan import creation, faults
from local.wan.answers import (
    GARBAGE,
    NOT_A_VIDEO,
    Answer,
    canceled,
    created,
    error_answer,
    html_answer,
    listed,
    oss_error,
    queried,
    refusal,
)
from local.wan.clock import Clock
from local.wan.errors import ProviderError
from local.wan.gateway import pass_through
from local.wan.listing import select
from local.wan.objects import serve_result
from local.wan.rates import RateLimit
from local.wan.routes import Request, Route
from local.wan.settings import REGIONS, Settings
from local.wan.signing import Signer
from local.wan.tasks import SUCCEEDED, Failure, TaskBook

Ending = Literal["whole", "half", "reset", "lost"]
_THROTTLED = "Requests rate limit exceeded, please try again later."
_CRC_BITS = 64
_ENDINGS: dict[str, Ending] = {"truncated": "half", "reset_midway": "reset", "accepted_then_lost": "lost"}


@dataclass(frozen=True)
class Outcome:
    """What to answer, and how the answer ends."""

    answer: Answer
    ending: Ending = "whole"


class Provider:
    """One account at the provider."""

    def __init__(
        self,
        *,
        clock: Clock,
        settings: Callable[[], Settings],
        book: TaskBook,
        board: faults.FaultBoard,
        signer: Signer,
        base_url: Callable[[], str],
        wait: Callable[[float], object],
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._book = book
        self._board = board
        self._signer = signer
        self._base_url = base_url
        self._wait = wait
        self._creations = RateLimit()
        self._queries = RateLimit()
        self._lock = threading.Lock()
        self._actions: dict[str, Callable[[Request, str], Answer]] = {
            faults.CREATE: self._create,
            faults.QUERY: self._query,
            faults.LIST: self._list,
            faults.CANCEL: self._cancel,
            faults.RESULT: self._result,
        }
        self._empty()

    def _empty(self) -> None:
        self._requests: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._created = 0

    def reset(self) -> None:
        """Forget what was counted."""
        with self._lock:
            self._empty()
        self._creations.reset()
        self._queries.reset()

    def stats(self) -> dict[str, object]:
        """Return the counts that the control API shows, such as the tasks created and the most that ran at once."""
        with self._lock:
            return {
                "created": self._created,
                "peak_running": self._book.peak_running,
                "peak_unfinished": self._book.peak_unfinished,
                "requests": dict(self._requests),
                "rejected": dict(self._rejected),
            }

    def handle(self, request: Request, route: Route) -> Outcome:
        """Answer a request; if a fault is due, do what the fault says instead."""
        arrived = self._clock.now()
        with self._lock:
            self._requests[route.counted_as] += 1
        fault = self._board.take(route.stage, _happens_to_the_request)
        outcome = Outcome(self._act(request, route)) if fault is None else self._faulty(request, route, fault)
        if outcome.answer.code is not None:
            with self._lock:
                self._rejected[outcome.answer.code] += 1
        pass_through(outcome.answer, route.stage, request.headers, arrived, self._clock.now())
        return outcome

    def _faulty(self, request: Request, route: Route, fault: faults.Fault) -> Outcome:
        match fault.kind:
            case "error":
                if fault.acts == "first":
                    self._act(request, route)
                return Outcome(self._error(route, fault))
            case "garbage":
                return Outcome(html_answer(GARBAGE))
            case "not_a_video":
                return Outcome(html_answer(NOT_A_VIDEO))
            case "redirect":
                return Outcome(Answer(302, headers={"Location": fault.location}))
            case "expired":
                now = self._clock.now()
                return Outcome(oss_error(403, "AccessDenied", "Request has expired.", now, int(now) - 1))
            case "hang":
                return self._hang(request, route, fault)
            case "wrong_crc":
                return Outcome(_with_wrong_crc(self._act(request, route)))
            case _:
                return Outcome(self._act(request, route), _ENDINGS[fault.kind])

    def _error(self, route: Route, fault: faults.Fault) -> Answer:
        if route.stage == faults.RESULT:
            return oss_error(fault.status, fault.code or "", fault.message or "", self._clock.now())
        return refusal(fault.code, fault.message, fault.status)

    def _hang(self, request: Request, route: Route, fault: faults.Fault) -> Outcome:
        if fault.acts == "first":
            answer = self._act(request, route)
            self._wait(fault.seconds)
            return Outcome(answer)
        self._wait(fault.seconds)
        if fault.acts == "late":
            return Outcome(self._act(request, route))
        return Outcome(Answer(504), "lost")

    def _act(self, request: Request, route: Route) -> Answer:
        """Do what the request asks for."""
        action = self._actions.get(route.stage)
        if action is None:
            return refusal("InvalidParameter", "url error, please check url!", 400)
        try:
            return action(request, route.task_id)
        except ProviderError as error:
            return error_answer(error)

    def _create(self, request: Request, _: str) -> Answer:
        settings = self._settings()
        key = creation.check_key(request.headers, settings.api_keys)
        creation.check_async(request.headers)
        document = creation.read_body(request.headers, request.body)
        model = creation.check_model(document, settings.models, settings.offline_models)
        if not self._creations.allows(self._clock.now(), settings.creations_per_second):
            raise ProviderError("Throttling.RateQuota", _THROTTLED, 429)
        try:
            asked = creation.check_fields(document, model)
        except ProviderError as error:
            if not settings.late_validation:
                raise
            task = self._book.refuse_late(creation.unchecked(document, model), key, Failure(error.code, error.message))
        else:
            fault = self._board.take(faults.CREATE, lambda fault: fault.kind == "task_failed")
            task = self._book.create(asked, key, fault.planned_failure() if fault else None)
        with self._lock:
            self._created += 1
        return created(task)

    def _query(self, request: Request, task_id: str) -> Answer:
        self._enter(request)
        task = self._book.get(task_id)
        with_url = True
        if task is not None and task.status == SUCCEEDED:
            with_url = self._board.take(faults.QUERY, _hides_the_url) is None
        return queried(task_id, task, self._base_url(), with_url=with_url)

    def _list(self, request: Request, _: str) -> Answer:
        self._enter(request)
        region = self._settings().region
        tasks, page_no, page_size = select(self._book.valid(), request.query(), REGIONS[region], self._clock.now())
        return listed(tasks, page_no, page_size, region)

    def _cancel(self, request: Request, task_id: str) -> Answer:
        self._enter(request)
        self._book.cancel(task_id)
        return canceled()

    def _result(self, request: Request, _: str) -> Answer:
        now = self._clock.now()
        if request.method != "GET":
            # The signature covers the method, and only GET is signed.
            return oss_error(403, "SignatureDoesNotMatch", "The URL is signed for GET.", now)
        return serve_result(request.target, request.headers, self._signer, self._book, now)

    def _enter(self, request: Request) -> None:
        settings = self._settings()
        creation.check_key(request.headers, settings.api_keys)
        if not self._queries.allows(self._clock.now(), settings.queries_per_second):
            raise ProviderError("Throttling.RateQuota", _THROTTLED, 429)


def _happens_to_the_request(fault: faults.Fault) -> bool:
    return fault.kind not in {"task_failed", "success_without_url"}


def _hides_the_url(fault: faults.Fault) -> bool:
    return fault.kind == "success_without_url"


def _with_wrong_crc(answer: Answer) -> Answer:
    name = "x-oss-hash-crc64ecma"
    if name in answer.headers:
        answer.headers[name] = str((int(answer.headers[name]) + 1) % 2**_CRC_BITS)
    return answer
