"""`motiondrop uninstall`: what waits is canceled, what is paid is saved, and only then is the stack deleted."""

import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from cli import asking
from cli.stack import Target
from cli.uninstall import uninstall
from motiondrop.domain.identity import identity_of
from motiondrop.domain.job import CLOSED, IN_FLIGHT, UNSENT, End, Job, State
from motiondrop.storage.items import JOB, MONEY, PAUSE, QUEUE, JobItem
from tests.support import target as targets
from tests.support.bench import Bench, client
from tests.support.target import make_target

NEXT = {
    State.SUBMITTING: State.PENDING,
    State.PENDING: State.RUNNING,
    State.RUNNING: State.SAVING,
    State.SAVING: State.SUCCEEDED,
}
RESOURCES = [
    ("AWS::S3::Bucket", "inbox"),
    ("AWS::DynamoDB::Table", "jobs"),
    ("AWS::Lambda::Function", "motiondrop-submit"),
    ("AWS::Logs::LogGroup", "logs-of-submit"),
    ("AWS::Logs::LogGroup", "logs-of-poll"),
]


@dataclass
class World:
    """A stack whose jobs move on while nobody looks: each time that the command sleeps."""

    bench: Bench
    machine: str
    target: Target
    arns: dict[str, str] = field(default_factory=dict)  # of executions, by their jobs' names
    jobs: dict[str, Job] = field(default_factory=dict)
    sleeps: int = 0
    deleting: bool = False
    begins_late: Job | None = None
    fails: bool = False
    works_from: int = 0  # looks

    def client(self, service: str) -> Any:
        if service == "cloudformation":
            return SimpleNamespace(
                describe_stacks=self.describe_stacks,
                delete_stack=self.delete_stack,
                get_paginator=lambda _: SimpleNamespace(paginate=self.resources),
                describe_stack_resources=self.describe_stack_resources,
            )
        if service == "logs":
            return SimpleNamespace(describe_log_groups=self.describe_log_groups)
        return targets.client(service)

    def running(self) -> list[str]:
        listed = client("stepfunctions").list_executions(stateMachineArn=self.machine, statusFilter="RUNNING")
        return [execution["executionArn"] for execution in listed["executions"]]

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803  # boto3's, as below
        if self.deleting and self.fails:
            return {"Stacks": [{"StackId": "id", "StackStatus": "DELETE_FAILED"}]}
        if self.deleting and not self.running():  # a state machine stays DELETING while an execution runs
            raise ClientError({"Error": {"Code": "ValidationError"}}, "DescribeStacks")
        return {"Stacks": [{"StackId": "id", "StackStatus": "DELETE_IN_PROGRESS"}]}

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        assert self.running() == []
        self.deleting = True
        if self.begins_late:
            self.start(self.begins_late)

    def resources(self, StackName: str) -> Any:  # noqa: N803
        return [{"StackResourceSummaries": [{"ResourceType": a, "PhysicalResourceId": b} for a, b in RESOURCES]}]

    def describe_stack_resources(self, StackName: str) -> Any:  # noqa: N803
        one = {"LogicalResourceId": "Dashboard", "ResourceStatus": "DELETE_FAILED", "ResourceStatusReason": "denied"}
        return {"StackResources": [one]}

    def describe_log_groups(self, logGroupNamePrefix: str) -> Any:  # noqa: N803
        return {"logGroups": [{"logGroupName": logGroupNamePrefix}] if logGroupNamePrefix == "logs-of-poll" else []}

    def job(self, state: State) -> Job:
        name = state.lower()
        closing = End(notified=state in CLOSED)
        job = self.bench.job(name, state=state, closing=closing)
        item = self.bench.tables.job(f"JOB#{identity_of(job.job_id)}", JOB)
        if state in IN_FLIGHT:
            item.update(actions=[JobItem.open.set(MONEY)])
        if state in CLOSED:
            item.update(actions=[JobItem.open.remove()])
        else:
            self.start(job)
        self.jobs[name] = job
        return job

    def start(self, job: Job) -> None:
        said = json.dumps({"job_id": job.job_id})
        started = client("stepfunctions").start_execution(
            stateMachineArn=self.machine, name=job.execution_name, input=said
        )
        self.arns[job.job_id] = started["executionArn"]

    def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        assert self.sleeps < 1000
        for job in (self.bench.read(job) for job in self.jobs.values()):
            stopped = job.job_id in self.arns and self.arns[job.job_id] not in self.running()
            if job.state in UNSENT and stopped:
                self.bench.jobs.transition(job, job.owner, State.CANCELED, closing=End(notified=True))
            if job.state in NEXT and self.sleeps >= self.works_from:
                assert not stopped, f"the execution of a job that is {job.state} was stopped"
                self.bench.jobs.transition(job, job.owner, NEXT[job.state], closing=End(notified=True))
                if NEXT[job.state] == State.SUCCEEDED:
                    client("stepfunctions").stop_execution(executionArn=self.arns[job.job_id])  # it ends

    def states(self) -> dict[str, State]:
        return {name: self.bench.read(job).state for name, job in self.jobs.items()}

    def run(self, *words: str, answer: str = "") -> Result:
        return CliRunner(mix_stderr=False).invoke(uninstall, words, obj=lambda: self.target, input=answer)


@pytest.fixture
def world(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> World:
    machine = client("stepfunctions").create_state_machine(
        name="motiondrop-animation",
        definition='{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}',
        roleArn="arn:aws:iam::123456789012:role/machine",
    )["stateMachineArn"]
    world = World(bench, machine, make_target(bench, StateMachineArn=machine))
    world.target = replace(world.target, client=world.client)
    monkeypatch.setattr("cli.uninstall.time", SimpleNamespace(sleep=world.sleep))
    return world


def test_jobs_of_every_state_end_as_they_cost_before_the_stack_is_deleted(world: World) -> None:
    for state in State:
        world.job(state)
    done = world.run("--yes")
    assert done.exit_code == 0, done.stderr
    assert world.deleting
    kept = {state.lower(): state for state in CLOSED}
    canceled = {state.lower(): State.CANCELED for state in UNSENT}
    saved = {state.lower(): State.SUCCEEDED for state in IN_FLIGHT}
    assert world.states() == kept | canceled | saved
    assert world.running() == []
    assert "1 PENDING, 1 RUNNING, 1 SAVING, 1 SUBMITTING" in done.output


def test_nothing_is_given_a_slot_any_more(world: World) -> None:
    world.run("--yes")
    assert world.bench.tables.queue.get(QUEUE, PAUSE)


def test_an_execution_that_begins_while_the_stack_is_deleted_does_not_hold_it_up(world: World) -> None:
    world.begins_late = world.bench.job("late")
    item = world.bench.tables.job(f"JOB#{identity_of(world.begins_late.job_id)}", JOB)
    item.update(actions=[JobItem.open.remove()])
    assert world.run("--yes").exit_code == 0
    assert world.running() == []


def test_an_execution_that_belongs_to_no_job_is_stopped(world: World) -> None:
    client("stepfunctions").start_execution(stateMachineArn=world.machine, name="by-hand", input='{"a": 1}')
    assert world.run("--yes").exit_code == 0


def test_it_says_what_is_kept(world: World) -> None:
    lines = [line.strip() for line in world.run("--yes").output.splitlines()]
    assert "bucket: inbox" in lines
    assert "table: jobs" in lines
    assert [line for line in lines if line.startswith("log group: ")] == ["log group: logs-of-poll"]
    assert not [line for line in lines if "submit" in line]


def test_what_cannot_be_deleted_is_said_with_its_reason(world: World) -> None:
    world.fails = True
    done = world.run("--yes")
    assert done.exit_code == 1
    assert "Dashboard, denied" in done.stderr


def test_it_does_not_wait_for_ever_for_a_paid_job_that_nothing_works_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.uninstall._ALONE", 20)
    job = world.job(State.RUNNING)
    world.works_from = 1000
    client("stepfunctions").stop_execution(executionArn=world.arns[job.job_id])
    done = world.run("--yes")
    assert (done.exit_code, world.deleting) == (1, False)
    assert job.job_id in done.stderr


def test_it_does_not_wait_for_ever_for_a_job_whose_end_is_not_told(world: World) -> None:
    world.bench.job("untold", state=State.FAILED)
    assert world.run("--yes").exit_code == 0
    assert 30 <= world.sleeps < 40


def test_people_are_told_of_a_video_that_takes_longer_than_that_to_save(world: World) -> None:
    world.bench.job("untold", state=State.FAILED)
    world.job(State.RUNNING)
    world.works_from = 50
    assert world.run("--yes").exit_code == 0
    assert 80 <= world.sleeps < 90


@pytest.mark.parametrize(("terminal", "exit_code"), [(True, 0), (False, 1)])
def test_nothing_is_changed_without_a_yes(
    world: World, monkeypatch: pytest.MonkeyPatch, terminal: bool, exit_code: int
) -> None:
    monkeypatch.setattr(asking, "has_terminal", lambda: terminal)
    job = world.job(State.QUEUED)
    assert world.run(answer="no\n").exit_code == exit_code
    assert not world.deleting
    assert len(world.running()) == 1
    assert world.bench.read(job).state == State.QUEUED
    assert world.bench.tables.queue.count(QUEUE, JobItem.sk == PAUSE) == 0
