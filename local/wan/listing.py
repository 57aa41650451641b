"""The task list's filters and pages (notes, "Querying, listing, cancelling")."""

from collections.abc import Callable

from local.wan.answers import api_key_id
from local.wan.clock import parse_list_time
from local.wan.errors import ProviderError
from local.wan.tasks import STATUSES, Task

SPAN_SECONDS = 86_400
DEFAULT_PAGE_SIZE = 10
MAX_PAGE_SIZE = 100


def select(tasks: list[Task], query: dict[str, str], region: str, now: float) -> tuple[list[Task], int, int]:
    """Return the tasks that pass the filters, then the page's number and size; raises InvalidParameter.

    All tasks are of `region`. An empty filter lets every task pass.
    """
    start, end = _window(query, now)
    status = query.get("status", "")
    if status and status not in STATUSES:
        raise ProviderError("InvalidParameter", f"status must be one of {', '.join(STATUSES)}.")
    wanted = {name: query[name] for name in _EXACT if query.get(name)}
    page_no = _whole(query, "page_no", 1, 1_000_000)
    page_size = _whole(query, "page_size", DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
    selected = [
        task
        for task in tasks
        # The bounds are whole seconds, and all of the last second is included.
        if start <= task.created_at < end + 1
        and (not status or task.status == status)
        and all(_EXACT[name](task, region) == value for name, value in wanted.items())
    ]
    return selected, page_no, page_size


_EXACT: dict[str, Callable[[Task, str], str]] = {
    "task_id": lambda task, _: task.task_id,
    "model_name": lambda task, _: task.creation.model,
    "api_key_id": lambda task, _: api_key_id(task.api_key),
    "region": lambda _, region: region,
}


def _window(query: dict[str, str], now: float) -> tuple[float, float]:
    try:
        start = parse_list_time(query["start_time"]) if query.get("start_time") else None
        end = parse_list_time(query["end_time"]) if query.get("end_time") else None
    except ValueError as error:
        raise ProviderError("InvalidParameter", f"{error}.") from error
    if end is None:
        end = now if start is None else start + SPAN_SECONDS
    if start is None:
        start = end - SPAN_SECONDS
    if not 0 <= end - start <= SPAN_SECONDS:
        raise ProviderError("InvalidParameter", "end_time must be 0 to 24 hours after start_time.")
    return start, end


def _whole(query: dict[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < len(str(most)) + 1 and 1 <= int(text) <= most):
        raise ProviderError("InvalidParameter", f"{name} must be a whole number from 1 to {most}.")
    return int(text)
