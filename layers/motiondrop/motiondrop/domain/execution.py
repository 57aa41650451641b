"""An execution of the state machine, as it presents itself to the functions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from motiondrop.domain.job import Job
from motiondrop.domain.pricing import dollars
from motiondrop.errors import NoSuchJob
from motiondrop.sanitize import plain


@dataclass(frozen=True)
class Execution:
    """One execution that works on a job, as described by `Execution` in the state machine's context object."""

    job_id: str
    name: str
    arn: str
    redrive: int = 0

    @classmethod
    def of(cls, execution: Mapping[str, Any]) -> "Execution":
        """The calling execution, from `$states.context.Execution`. Raise NoSuchJob if its input has no job id."""
        try:
            job_id = str(execution["Input"]["job_id"])
        except (KeyError, TypeError) as error:
            raise NoSuchJob('the input of an execution is {"job_id": "…"}') from error
        return cls(job_id, execution["Name"], execution["Id"], int(execution.get("RedriveCount") or 0))

    @classmethod
    def of_status_event(cls, detail: Mapping[str, Any]) -> "Execution":
        """The execution that a Step Functions status event is about. Raise NoSuchJob if its input has no job id."""
        return cls.of(
            {
                "Input": json.loads(detail.get("input") or "{}"),
                "Name": detail["name"],
                "Id": detail["executionArn"],
                "RedriveCount": detail.get("redriveCount"),
            }
        )

    @property
    def owner(self) -> str:
        """The execution's name in the record. A redriven execution keeps its name, so its redrive count is added."""
        return f"{self.name}~{self.redrive}" if self.redrive else self.name


def input_of(job: Job) -> dict[str, Any]:
    """The input of the job's next execution, at most 8 KB; durations are in seconds, money is in USD.

    The functions read `job_id` alone. The rest, as the record had it when the execution was started, is for people who
    look at the execution in the console.
    """
    image, video = (plain(one.key.rpartition("/")[2]) for one in (job.image, job.video))
    return {
        "job_id": job.job_id,
        "image": image,
        "video": video,
        "folder": plain(job.folder) or "/",
        "mode": job.options.mode,
        "seconds": job.video.duration,
        "quote_usd": dollars(job.quote),
    }
