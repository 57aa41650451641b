"""The checks of `motiondrop doctor`, a function each: it returns what is fine, or raises Trouble with what to do."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import requests

from cli.stack import Target
from motiondrop.aws.executions import Executions
from motiondrop.aws.metrics import NAMESPACE
from motiondrop.aws.secrets import Secrets
from motiondrop.clock import now
from motiondrop.domain.job import State
from motiondrop.domain.provider_errors import WanError
from motiondrop.provider.client import NoAnswer, WanClient, address
from motiondrop.sanitize import plain
from motiondrop.storage.items import BREAKER, PAUSE, QUEUE, QueueItem

#: Concurrent executions that a stack needs at least, as many as a new account has; how many functions reserve
#: FunctionConcurrency, and how many PageConcurrency; and how many executions AWS keeps unreserved (Lambda Developer
#: Guide, "Configuring reserved concurrency").
LEAST = 10
WORKING_FUNCTIONS = 8
PAGE_FUNCTIONS = 2
KEPT_BY_AWS = 100

#: Regions without function URLs (Lambda Developer Guide, "Creating and managing Lambda function URLs", 2026-11), and
#: AWS's regions in China. A rule of template.yaml refuses all of them.
WITHOUT_FUNCTION_URLS = {
    *("ap-south-2", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ap-east-2"),
    *("ca-west-1", "eu-south-2", "eu-central-2", "il-central-1", "me-central-1", "cn-north-1", "cn-northwest-1"),
}

_TIMEOUT = 30  # seconds: a function that starts cold takes some
_FORBIDDEN = 403
_SERVER_ERROR = 500

#: A job that was recorded just now may have no execution yet; after GraceSeconds the sweep starts one.
_STARTING = timedelta(minutes=5)
_LOOKED_AT = 200  # open jobs, longest unseen first
_METRICS_WITHIN = timedelta(minutes=15)

#: What a probe's name begins with: a hidden file, which is no drop and gets no receipt.
_PROBE = ".motiondrop-doctor-"


class Trouble(Exception):
    """Something is not as it should be; the sentence says what, and what to do."""


class NotHereError(Exception):
    """There is nothing to check; the sentence says why."""


def subscribers(output: str, target: Target) -> str:
    """Whether somebody gets the emails of a topic: a subscription delivers nothing until it is confirmed."""
    pages = target.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=target.outputs[output])
    listed = [each["SubscriptionArn"].startswith("arn:") for page in pages for each in page["Subscriptions"]]
    waiting = f", {listed.count(False)} not confirmed" if False in listed else ""
    if True not in listed:
        raise Trouble(
            f"nobody gets them{waiting}: follow the link in the email from AWS, or subscribe to the output {output}"
        )
    return f"{listed.count(True)} confirmed{waiting}"


def provider_key(target: Target) -> str:
    """Whether the secret has a value that can be a key."""
    secret = target.outputs["ProviderKeySecret"]
    try:
        Secrets(target.client("secretsmanager")).key(secret)
    except WanError as error:
        raise Trouble(
            f"{error.message} Set it: aws secretsmanager put-secret-value --secret-id {target.name}/provider-key"
            " --secret-string sk-your-key"
        ) from error
    return "it has a value"


def provider(target: Target) -> str:
    """Whether the provider accepts the key. The check reads the provider's list of tasks, which costs nothing."""
    secrets = Secrets(target.client("secretsmanager"))
    said = target.parameters.get("WanBaseUrl") or target.parameters.get("WanRegion", "singapore")
    client = WanClient(requests.Session(), said, lambda: secrets.key(target.outputs["ProviderKeySecret"]))
    try:
        client.list()
    except WanError as error:
        raise Trouble(f"{error.sentence} Its code is {plain(error.code or '')}: see docs/runbook.md#on-hold") from error
    except NoAnswer as error:
        raise Trouble(f"it cannot be reached at {address(said)}: {error}. Check WanBaseUrl and the network") from error
    return "it takes the key"


def region(target: Target) -> str:
    """Whether the region has function URLs."""
    return region_named(target.client("lambda").meta.region_name)


def region_named(name: str) -> str:
    """Whether the region called `name` has function URLs."""
    if name in WITHOUT_FUNCTION_URLS:
        raise Trouble(f"{name} has no function URLs, which the pages need: deploy to another, such as ap-southeast-1")
    return f"{name} has function URLs"


def concurrency(target: Target) -> str:
    """Whether the account leaves the stack's functions enough executions at once."""
    reserved = [int(target.parameters.get(name, -1)) for name in ("FunctionConcurrency", "PageConcurrency")]
    limits = target.client("lambda").get_account_settings()["AccountLimit"]
    unreserved = limits["UnreservedConcurrentExecutions"]
    if -1 in reserved and unreserved < LEAST:
        raise Trouble(
            f"functions without reserved concurrency have {unreserved} concurrent executions, and need {LEAST}:"
            " ask for more in Service Quotas (AWS Lambda, Concurrent executions), or reserve less elsewhere"
        )
    return f"{limits['ConcurrentExecutions']} executions at once in the account, {unreserved} of them unreserved"


def concurrency_for(client: Any, functions: int, pages: int) -> str:
    """Whether the account has room for a stack with these FunctionConcurrency and PageConcurrency; -1 reserves none."""
    unreserved = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    reserved = WORKING_FUNCTIONS * max(functions, 0) + PAGE_FUNCTIONS * max(pages, 0)
    needed = reserved + KEPT_BY_AWS if reserved else LEAST
    if unreserved < needed:
        raise Trouble(
            f"the account has {unreserved} executions at once left, and the stack needs {needed}: ask for more in"
            " Service Quotas (AWS Lambda, Concurrent executions), or reserve less, here or elsewhere"
        )
    return f"{unreserved} executions at once are left, and the stack needs {needed}"


def page(output: str, function: str, target: Target) -> str:
    """Whether a function URL answers. The link requested here opens nothing, so a working function answers 404."""
    url = target.outputs[output]
    status = requests.get(url, timeout=_TIMEOUT).status_code
    if status == _FORBIDDEN:
        raise Trouble(
            "AWS answers 403. Since October 2025 a function URL needs two permissions, lambda:InvokeFunctionUrl and"
            " lambda:InvokeFunction. Add the second one: aws lambda add-permission --function-name"
            f" {target.name}-{function} --statement-id public --action lambda:InvokeFunction --principal '*'"
            " --invoked-via-function-url"
        )
    if status >= _SERVER_ERROR:
        raise Trouble(f"it answers {status}: read the log of the function {target.name}-{function}")
    return "it answers"


def cors(target: Target) -> str:
    """Whether browsers may upload from the drop page into the inbox."""
    parts = urlsplit(target.outputs["DropPageUrl"])
    origin = f"{parts.scheme}://{parts.netloc}"
    rules = target.s3.get_bucket_cors(Bucket=target.outputs["InboxBucket"])["CORSRules"]
    if not any("PUT" in rule["AllowedMethods"] and {origin, "*"} & set(rule["AllowedOrigins"]) for rule in rules):
        raise Trouble(f"the inbox takes no PUT from {origin}, so the drop page cannot upload: deploy the stack again")
    return f"the inbox takes uploads from {origin}"


def presigned_url(target: Target) -> str:
    """Whether a presigned URL can upload, as from the drop page, and another download, as to the provider."""
    bucket = target.outputs["InboxBucket"]
    with _probe(target) as key:
        for method, action in (("PUT", "put_object"), ("GET", "get_object")):
            url = target.s3.generate_presigned_url(action, Params={"Bucket": bucket, "Key": key}, ExpiresIn=60)
            body = b"motiondrop" if method == "PUT" else None
            answer = requests.request(method, url, data=body, timeout=_TIMEOUT)
            if not answer.ok:
                raise Trouble(
                    f"a presigned {method} is answered with {answer.status_code}: a new bucket needs up to an hour"
                    " until its name is known everywhere; after that look at the bucket's policy"
                )
    return "one uploads, one downloads"


def tags(target: Target) -> str:
    """Whether objects of the inbox can be tagged: receipts are tags."""
    bucket = target.outputs["InboxBucket"]
    with _probe(target) as key:
        target.s3.put_object(Bucket=bucket, Key=key, Body=b"motiondrop")
        target.s3.put_object_tagging(
            Bucket=bucket, Key=key, Tagging={"TagSet": [{"Key": "motiondrop", "Value": "doctor"}]}
        )
        if not target.s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]:
            raise Trouble("a tag that was written is not there")
    return "they can be written"


@contextmanager
def _probe(target: Target) -> Iterator[str]:
    """A key of the inbox for an object that is no drop, deleted afterwards."""
    key = f"{_PROBE}{token_hex(4)}"
    try:
        yield key
    finally:
        target.s3.delete_object(Bucket=target.outputs["InboxBucket"], Key=key)


def state_machine(target: Target) -> str:
    """Whether the state machine takes executions."""
    arn = target.outputs["StateMachineArn"]
    status = target.client("stepfunctions").describe_state_machine(stateMachineArn=arn)["status"]
    if status != "ACTIVE":
        raise Trouble(f"it is {status}: deploy the stack again")
    return "it is active"


def queue(target: Target) -> str:
    """Whether the queue gives slots."""
    held = {item.sk: item for item in target.tables.queue.query(QUEUE, QueueItem.sk <= PAUSE, consistent_read=True)}
    if PAUSE in held:
        raise Trouble(f"it is paused: {target.command} resume")
    if BREAKER in held:
        raise Trouble(f"it is on hold, the provider answered {held[BREAKER].code}: see docs/runbook.md#on-hold")
    return "it is open"


def waiting_jobs(target: Target) -> str:
    """Whether each job that waits has an execution that can be woken."""
    executions = Executions(target.client("stepfunctions"), target.outputs["StateMachineArn"])
    jobs = [job for job in target.jobs.least_seen(_LOOKED_AT) if job.state in {State.QUEUED, State.ADMITTED}]
    asleep = [
        job.job_id
        for job in jobs
        if now() - job.recorded_at > _STARTING
        and not executions.alive(job.owner_arn or executions.arn_of(job.execution_name))
    ]
    if asleep:
        names = ", ".join(asleep[:3]) + (", …" if len(asleep) > 3 else "")  # noqa: PLR2004  # as many as are named
        raise Trouble(
            f"{len(asleep)} of {len(jobs)} have no execution that runs ({names}): the sweep starts one within minutes,"
            " so look at its log (docs/runbook.md#sweep)"
        )
    return f"{len(jobs)}, and each has its execution" if jobs else "none"


def metrics(target: Target) -> str:
    """Whether the sweep's metrics, which the alarms watch, arrive."""
    if target.is_local:
        raise NotHereError("the local cloud makes none of the logs")
    found = target.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName="JobsWaiting",
        Dimensions=[{"Name": "service", "Value": target.name}],
        StartTime=now() - _METRICS_WITHIN,
        EndTime=now(),
        Period=60,
        Statistics=["Maximum"],
    )
    if not found["Datapoints"]:
        raise Trouble(
            "the sweep has sent none for 15 minutes: wait that long after a first deployment, then see"
            " docs/runbook.md#sweep"
        )
    return "they arrive"


#: The checks of a stack, by what each looks at.
CHECKS: Mapping[str, Callable[[Target], str]] = {
    "emails of results": partial(subscribers, "NotificationsTopicArn"),
    "emails to the operator": partial(subscribers, "OperationsTopicArn"),
    "provider's key": provider_key,
    "provider": provider,
    "region": region,
    "Lambda": concurrency,
    "result page": partial(page, "ResultPageUrl", "result-page"),
    "drop page": partial(page, "DropPageUrl", "drop-page"),
    "browser uploads": cors,
    "presigned URLs": presigned_url,
    "tags": tags,
    "state machine": state_machine,
    "queue": queue,
    "waiting jobs": waiting_jobs,
    "metrics": metrics,
}


@dataclass(frozen=True)
class Finding:
    """What a check found: `fine` is None where there was nothing to check."""

    about: str
    fine: bool | None
    said: str


def look(about: str, check: Callable[[], str]) -> Finding:
    """Carry out one check. Whatever it raises is a finding, so that no check stops the others."""
    try:
        return Finding(about, fine=True, said=check())
    except NotHereError as error:
        return Finding(about, fine=None, said=str(error))
    except Exception as error:  # noqa: BLE001  # a check that breaks has found something
        return Finding(about, fine=False, said=str(error) or type(error).__name__)
