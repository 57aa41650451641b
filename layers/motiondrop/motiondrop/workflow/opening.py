"""Looking at a saved video through `media`, and writing the document beside it. A failed look fails no job."""

from dataclasses import dataclass, replace

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from motiondrop.aws.media import MediaDied, MediaFunction
from motiondrop.aws.results import Results, record_key
from motiondrop.clock import Clock, now
from motiondrop.domain.job import Job, Result
from motiondrop.domain.pricing import Prices
from motiondrop.domain.result_document import render
from motiondrop.errors import Saturated
from motiondrop.media.limits import Rejected

_logger = Logger(child=True)


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Looks at the results of one stack."""

    media: MediaFunction
    results: Results
    prices: Prices
    clock: Clock = now

    def look(self, job: Job) -> Result:
        """Look at the job's video; return the job's result with what was found, as far as that is known now.

        The video is complete and paid for, so a failure to open it does not fail the job.
        """
        try:
            found, still = self.media.look(job.job_id)
        except Rejected as error:
            _logger.warning("a result cannot be opened", extra={"reason": str(error)})
            return replace(job.result, opened=True)
        except (MediaDied, Saturated, ClientError, BotoCoreError) as error:
            _logger.warning("a result was not opened yet", extra={"reason": str(error)})
            return job.result
        return replace(
            job.result,
            codec=found.codec,
            width=found.width,
            height=found.height,
            duration=found.duration,
            frame_rate=found.frame_rate,
            sound=found.sound,
            still=still,
            opened=True,
        )

    def write(self, job: Job) -> None:
        """Write `result.json`."""
        self.results.write(record_key(job.job_id), render(job, self.clock(), self.prices), "application/json")
