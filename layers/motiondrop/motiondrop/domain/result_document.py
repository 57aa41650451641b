"""`result.json`, which is saved beside a result's video: everything about the result (docs/result.schema.json)."""

import json
import platform
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from motiondrop.clock import iso
from motiondrop.domain.job import Input, Job
from motiondrop.domain.pricing import Prices, dollars
from motiondrop.version import __version__

#: The version of docs/result.schema.json.
_VERSION = 1

#: The packages that handled the job's files; the document states their versions.
_PACKAGES = ("boto3", "requests", "av", "pillow")


def render(job: Job, saved: datetime, prices: Prices) -> bytes:
    """The document of a job whose video is saved; `prices` are those that the stack uses."""
    document = {
        "version": _VERSION,
        "job_id": job.job_id,
        "execution": job.execution_number,
        "image": _input(job.image),
        "video": _input(job.video),
        "options": asdict(job.options),
        "provider": _provider(job, prices),
        "result": _result(job),
        "ai_generated": True,
        "recorded_at": iso(job.recorded_at),
        "saved_at": iso(saved),
        "advice": list(job.advice),
        "software": _software(),
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode(errors="replace")


def _input(one: Input) -> dict[str, Any]:
    """A drop with its size in bytes, then its copy in pixels, seconds and frames per second, and what was changed."""
    return {
        "key": one.key,
        "version": one.version,
        "etag": one.etag,
        "dropped_by": one.dropped_by,
        "copy": one.copy,
        "size": one.size,
        "width": one.width,
        "height": one.height,
        "duration": one.duration,
        "frame_rate": one.frame_rate,
        "sound": one.sound,
        "converted": list(one.converted),
    }


def _provider(job: Job, prices: Prices) -> dict[str, Any]:
    """What the provider did and charged: UTC, seconds, USD."""
    mode = job.billing.mode or job.options.mode
    return {
        "region": prices.region,
        "task_id": job.task.id,
        "request_id": job.task.request_id,
        "attempts": job.call.attempt,
        "submitted_at": iso(job.task.submitted_at),
        "scheduled_at": iso(job.task.scheduled_at),
        "ended_at": iso(job.task.ended_at),
        "billed_seconds": job.billing.seconds,
        "billed_mode": mode,
        "usd_per_second": dollars(prices.by_mode[mode]),
        "cost_usd": dollars(job.billing.cost or 0),
        "cost_estimated": job.billing.estimated,
        "quoted_usd": dollars(job.quote),
    }


def _result(job: Job) -> dict[str, Any]:
    """The saved video, as measured when it was opened; measures are null if it could not be opened."""
    return {
        "key": job.result.key,
        "still": job.result.still,
        "size": job.result.size,
        "sha256": job.result.sha256,
        "codec": job.result.codec,
        "width": job.result.width,
        "height": job.result.height,
        "duration": job.result.duration,
        "frame_rate": job.result.frame_rate,
        "sound": job.result.sound,
    }


def _software() -> dict[str, str]:
    found = {"motiondrop": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a layer that was packed without its metadata
            found[name] = "unknown"
    return found
