"""`motiondrop doctor`: a healthy stack, broken ones, and an account before there is a stack."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result

from cli import checks
from cli.doctor import doctor
from cli.pause import set_pause
from cli.stack import Target
from motiondrop.clock import now
from motiondrop.domain.provider_errors import KeyRefused
from motiondrop.provider.responses import Unreachable
from tests.support import target as targets
from tests.support.bench import Bench, client
from tests.support.builders import REGION
from tests.support.target import make_target
from tests.support.template import FUNCTIONS

DROP_PAGE = "https://drop.lambda-url.example"


@dataclass
class World:
    """A stack on moto, with what moto has not: function URLs, the provider and the account's quota."""

    bench: Bench
    target: Target
    statuses: dict[str, int]
    refusal: Exception | None = None
    unreserved: int = 1000
    region: str = REGION

    def client(self, service: str) -> Any:
        if service != "lambda":
            return targets.client(service)
        limits = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": self.unreserved}
        return SimpleNamespace(
            meta=SimpleNamespace(region_name=self.region), get_account_settings=lambda: {"AccountLimit": limits}
        )

    def get(self, url: str, timeout: float) -> Any:
        return SimpleNamespace(status_code=self.statuses[url])

    def wan(self, session: object, address: str, key: Callable[[], str]) -> Any:
        def listed() -> None:
            assert key()
            if self.refusal:
                raise self.refusal

        return SimpleNamespace(list=listed)


def subscribed_topic(name: str) -> str:
    arn: str = client("sns").create_topic(Name=name)["TopicArn"]
    client("sns").subscribe(TopicArn=arn, Protocol="email", Endpoint="ada@example.com")
    return arn


def send_metric() -> None:
    dimensions = [{"Name": "service", "Value": "motiondrop"}]
    earlier = now() - timedelta(minutes=3)
    datum = {"MetricName": "JobsWaiting", "Dimensions": dimensions, "Value": 0, "Timestamp": earlier}
    client("cloudwatch").put_metric_data(Namespace="MotionDrop", MetricData=[datum])


@pytest.fixture
def world(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> World:
    s3 = client("s3")
    s3.create_bucket(Bucket="inbox", CreateBucketConfiguration={"LocationConstraint": REGION})
    rule = {"AllowedMethods": ["PUT"], "AllowedOrigins": [DROP_PAGE]}
    s3.put_bucket_cors(Bucket="inbox", CORSConfiguration={"CORSRules": [rule]})
    machine = client("stepfunctions").create_state_machine(
        name="motiondrop-animation",
        definition='{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}',
        roleArn="arn:aws:iam::123456789012:role/machine",
    )
    secret = client("secretsmanager").create_secret(Name="motiondrop/provider-key", SecretString="sk-x")
    send_metric()
    target = make_target(
        bench,
        InboxBucket="inbox",
        NotificationsTopicArn=subscribed_topic("notifications"),
        OperationsTopicArn=subscribed_topic("operations"),
        ProviderKeySecret=secret["ARN"],
        StateMachineArn=machine["stateMachineArn"],
        DropPageUrl=f"{DROP_PAGE}/",
        ResultPageUrl="https://result.lambda-url.example/",
    )
    statuses = {target.outputs[name]: 404 for name in ("DropPageUrl", "ResultPageUrl")}
    world = World(bench, target, statuses)
    world.target = replace(target, client=world.client)
    web = SimpleNamespace(get=world.get, request=requests.request, Session=requests.Session)
    monkeypatch.setattr(checks, "requests", web)
    monkeypatch.setattr(checks, "WanClient", world.wan)
    return world


def run(world: World, *words: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(doctor, words, obj=lambda: world.target)


def troubles(done: Result) -> list[str]:
    return [line.split("NOT ")[1] for line in done.output.splitlines() if line.startswith("  NOT ")]


def test_a_healthy_stack_is_all_ok_and_no_probe_is_left(world: World) -> None:
    job = world.bench.job("hero")
    start(world, job.execution_name)
    done = run(world)
    assert (done.exit_code, troubles(done)) == (0, [])
    assert done.output.count("  ok  ") == len(checks.CHECKS)
    assert client("s3").list_objects_v2(Bucket="inbox")["KeyCount"] == 0


def start(world: World, name: str) -> str:
    sfn = client("stepfunctions")
    arn: str = sfn.start_execution(stateMachineArn=world.target.outputs["StateMachineArn"], name=name)["executionArn"]
    return arn


def no_subscriber(world: World) -> None:
    for one in client("sns").list_subscriptions()["Subscriptions"]:
        if one["TopicArn"] == world.target.outputs["OperationsTopicArn"]:
            client("sns").unsubscribe(SubscriptionArn=one["SubscriptionArn"])


def no_key(world: World) -> None:
    secret = world.target.outputs["ProviderKeySecret"]
    client("secretsmanager").put_secret_value(SecretId=secret, SecretString=" ")


def refused_key(world: World) -> None:
    world.refusal = KeyRefused("InvalidApiKey", "Invalid API-key provided.", status=401)


def unreachable_provider(world: World) -> None:
    world.refusal = Unreachable("ConnectTimeout")


def region_without_function_urls(world: World) -> None:
    world.region = "eu-south-2"


def no_room_in_lambda(world: World) -> None:
    world.unreserved = 4


def one_permission(world: World) -> None:
    world.statuses[world.target.outputs["DropPageUrl"]] = 403


def failing_page(world: World) -> None:
    world.statuses[world.target.outputs["ResultPageUrl"]] = 502


def cors_of_another_stack(world: World) -> None:
    rule = {"AllowedMethods": ["PUT"], "AllowedOrigins": ["https://other.example"]}
    client("s3").put_bucket_cors(Bucket="inbox", CORSConfiguration={"CORSRules": [rule]})


def stopped_machine(world: World) -> None:
    client("stepfunctions").delete_state_machine(stateMachineArn=world.target.outputs["StateMachineArn"])


def paused(world: World) -> None:
    set_pause(world.bench.tables)


def asleep(world: World) -> None:
    job = world.bench.job("hero")
    client("stepfunctions").stop_execution(executionArn=start(world, job.execution_name))


def never_started(world: World) -> None:
    world.bench.job("hero")


def no_metrics(world: World) -> None:
    world.target = replace(world.target, name="another")


@pytest.mark.parametrize(
    ("broken", "about", "advice"),
    [
        (no_subscriber, "emails to the operator", "follow the link in the email from AWS"),
        (no_key, "provider's key", "put-secret-value --secret-id motiondrop/provider-key"),
        (refused_key, "provider", "docs/runbook.md#on-hold"),
        (unreachable_provider, "provider", "at https://dashscope-intl.aliyuncs.com/api/v1"),
        (region_without_function_urls, "region", "deploy to another"),
        (no_room_in_lambda, "Lambda", "Service Quotas"),
        (one_permission, "drop page", "--function-name motiondrop-drop-page"),
        (failing_page, "result page", "502"),
        (cors_of_another_stack, "browser uploads", DROP_PAGE),
        (stopped_machine, "state machine", ""),
        (paused, "queue", "motiondrop --stack motiondrop resume"),
        (asleep, "waiting jobs", "docs/runbook.md#sweep"),
        (never_started, "waiting jobs", "docs/runbook.md#sweep"),
        (no_metrics, "metrics", "docs/runbook.md#sweep"),
    ],
)
def test_what_is_broken_is_named_with_what_to_do_and_nothing_else(
    world: World, broken: Callable[[World], None], about: str, advice: str
) -> None:
    broken(world)
    done = run(world)
    assert done.exit_code == 1
    named = [line for line in troubles(done) if not (broken is no_key and line.startswith("provider: "))]
    assert [line.partition(": ")[0] for line in named] == [about]
    assert advice in named[0]


def test_a_bucket_that_is_gone_fails_its_checks_and_stops_no_other(world: World) -> None:
    client("s3").delete_bucket(Bucket="inbox")
    found = [line.partition(": ")[0] for line in troubles(run(world))]
    assert found == ["browser uploads", "presigned URLs", "tags"]


def test_a_job_that_was_recorded_just_now_may_still_wait_for_its_execution(world: World) -> None:
    world.bench.job("hero", recorded_at=now() - timedelta(seconds=30))
    assert run(world).exit_code == 0


def test_the_local_cloud_has_no_metrics_to_look_for(world: World) -> None:
    world.target = replace(world.target, option="--local", name="another")
    done = run(world)
    assert done.exit_code == 0
    assert "  -   metrics: " in done.output


@pytest.mark.parametrize(
    ("words", "unreserved", "region", "trouble"),
    [
        ("", 10, REGION, []),
        ("", 9, REGION, ["Lambda"]),
        ("", 1000, "il-central-1", ["region"]),
        ("--function-concurrency 5", 140, REGION, []),
        ("--function-concurrency 5", 139, REGION, ["Lambda"]),
        ("--function-concurrency 5 --page-concurrency 2", 143, REGION, ["Lambda"]),
    ],
)
def test_before_a_deployment_the_account_and_the_region_are_checked(  # noqa: PLR0917  # a case and its fixtures
    world: World, monkeypatch: pytest.MonkeyPatch, words: str, unreserved: int, region: str, trouble: list[str]
) -> None:
    world.unreserved, world.region = unreserved, region
    monkeypatch.setattr("cli.doctor.boto3", SimpleNamespace(Session=lambda: world))
    done = CliRunner(mix_stderr=False).invoke(doctor, ["--before-deploy", *words.split()], obj=pytest.fail)
    assert done.exit_code == bool(trouble), done.output
    assert [line.partition(": ")[0] for line in troubles(done)] == trouble


def test_it_counts_the_functions_that_reserve_executions_as_the_template_has_them() -> None:
    own = [name for name, function in FUNCTIONS.items() if "ReservedConcurrentExecutions" in function]
    assert len(own) == checks.PAGE_FUNCTIONS
    assert len(FUNCTIONS) - len(own) == checks.WORKING_FUNCTIONS
