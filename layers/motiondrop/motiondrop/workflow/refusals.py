"""Deciding on a job that the provider refused, or whose task failed: try it again, end it, or hold the queue.

Trouble with the user's files (moderation, media) ends the job. Trouble with the account holds the queue and ends no
job. Any other code does not say which of the two it is, so the decision depends on whether other jobs are refused
too: see `storage.circuit_breaker`.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, State, Task, Verdict
from motiondrop.domain.operator_messages import held, resumed
from motiondrop.domain.outcome import what_happened
from motiondrop.domain.provider_errors import RetryPolicy, WanError
from motiondrop.domain.step import Next, Step, go
from motiondrop.storage.circuit_breaker import CircuitBreaker, Ruling, Stage
from motiondrop.storage.items import BREAKER
from motiondrop.storage.slots import Slots

if TYPE_CHECKING:
    from collections.abc import Callable

    from motiondrop.aws.topics import Publisher


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """Decides on refusals. `publisher` makes a publisher when needed, which is seldom."""

    slots: Slots
    breaker: CircuitBreaker
    publisher: "Callable[[], Publisher]"

    def at_once(self, job: Job, refusal: WanError, stage: Stage) -> bool:
        """Whether the job is tried again in its slot. The last try of a refused create call is not made there: the job
        goes back to the queue first, so that another job is tried before it.
        """
        tries = refusal.retry.tries - (1 if stage is Stage.CREATE else 0)
        return job.call.faults < tries and not job.stopped

    def settle(self, job: Job, execution: Execution, refusal: WanError, stage: Stage, **changes: Any) -> Step:
        """Send the job back to its place in the queue, or end it with `changes` and raise the refusal."""
        whose = Ruling.OWN
        if refusal.retry is RetryPolicy.HELD and not job.stopped:
            whose = Ruling.SHARED
        elif refusal.retry.tries and not job.stopped:
            whose = self.breaker.refused(job, refusal, stage)
        if refusal.retry is RetryPolicy.HELD or whose is Ruling.SHARED:
            self.hold(job, refusal, stage)  # also for a stopped job: its email says that the operator was told
        if whose is Ruling.OWN:
            verdict = Verdict(type(refusal).__name__, refusal.code, refusal.message)
            ended = self.slots.release(job, execution.owner, State.FAILED, verdict=verdict, call=job.call, **changes)
            refusal.args = (what_happened(ended),)  # the console shows it, so it says what the email says
            raise refusal
        faults = job.call.faults if refusal.retry is RetryPolicy.HELD else job.call.faults + 1
        call = replace(job.call, faults=faults)
        self.slots.release(job, execution.owner, State.QUEUED, call=call, task=Task())
        return go(Next.SLOT)

    def hold(self, job: Job, refusal: WanError, stage: Stage) -> None:
        """Hold the queue, and alert the operator once."""
        if self.breaker.open(job, refusal, stage):
            self.publisher().alert(held(refusal))
            self.breaker.note_notified()

    def came_through(self, job: Job, stage: Stage) -> None:
        """Let the queue continue and the refused jobs be tried again, because this job got through."""
        deleted = self.breaker.close(job, stage)
        if deleted:
            self.slots.grant_what_is_free()
        if BREAKER in deleted:
            self.publisher().alert(resumed())
