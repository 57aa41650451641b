"""What one job costs in reads and writes of the table, whatever else the table holds."""

from collections.abc import Callable

from motiondrop.workflow.pairs import MAX_JOBS
from tests.support.crowd import READS, calls, multiply, queue_up
from tests.support.life import Stack, costs_after


def test_each_step_reads_and_writes_the_same_with_10_and_with_3000_jobs_in_the_queue() -> None:
    few = costs_after(lambda one: queue_up(one.bench, 10))
    many = costs_after(lambda one: queue_up(one.bench, 3000))
    assert few == many
    assert set(few) == {"arrival", "grant", "create", "poll", "end"}
    assert all(sum(counts[read] for read in READS) for counts in few.values())


def test_each_step_costs_the_same_with_10_and_with_1000_earlier_jobs_of_other_content_under_the_name() -> None:
    def prepare(number: int) -> Callable[[Stack], None]:
        def lived(one: Stack) -> None:
            job, _ = one.life(b"old image", b"old video")
            multiply(one.bench, job.job_id, number - 1)

        return lived

    assert costs_after(prepare(10)) == costs_after(prepare(1000))


def test_each_step_makes_the_same_calls_with_10_jobs_of_a_shared_file_and_with_as_many_as_it_may_have() -> None:
    """Its receipt counts them, so their records are read, in one call: never more than the cap."""

    def prepare(number: int) -> Callable[[Stack], None]:
        def shared(one: Stack) -> None:
            job, _ = one.life(b"old image", b"video")
            for job_id in multiply(one.bench, job.job_id, number):
                assert one.bench.drops.add_job("hero.mp4", job_id, job.video.digest)
            one.intake.delete("hero.png")

        return shared

    few, most = costs_after(prepare(10)), costs_after(prepare(MAX_JOBS - 2))
    for step, counts in most.items():
        assert calls(counts) == calls(few[step]), step
        assert counts["items read"] <= (MAX_JOBS + 2) * (counts["BatchGetItem"] + counts["Query"]), step
