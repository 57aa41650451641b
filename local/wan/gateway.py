"""What the provider's gateway adds to every answer of the API: its headers, and gzip where the caller accepts it.

The headers' names and form are those of captured traffic (the notes, "Shapes seen in captured traffic"). Result files
come from the object store and have none of these headers.
"""

import gzip

from local.wan import faults
from local.wan.answers import JSON, Answer
from local.wan.clock import milliseconds
from local.wan.headers import Headers

_VARY = "Origin,Access-Control-Request-Method,Access-Control-Request-Headers, Accept-Encoding"
_TASK_STAGES = {faults.QUERY, faults.LIST, faults.CANCEL}


def pass_through(answer: Answer, stage: str, headers: Headers, arrived: float, now: float) -> Answer:
    """Return the answer as the gateway sends it; `arrived` and `now` are seconds since the epoch."""
    if answer.headers.get("Content-Type") != JSON:
        return answer
    if stage in _TASK_STAGES:
        answer.headers["Content-Type"] = f"{JSON};charset=UTF-8"
    answer.headers |= {
        "Vary": _VARY,
        "X-Request-ID": answer.request_id,
        "req-cost-time": str(max(0, milliseconds(now - arrived))),
        "req-arrive-time": str(milliseconds(arrived)),
    }
    if _takes_gzip(headers.get("Accept-Encoding", "")):
        answer.headers["Content-Encoding"] = "gzip"
        answer.body = gzip.compress(answer.body, mtime=0)
    return answer


def _takes_gzip(text: str) -> bool:
    for coding in text.lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
