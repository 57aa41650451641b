"""Check a deployed stack from outside: its parts first, then one real job, after asking.

What costs nothing is checked first: the key, the buckets, the state machine, the subscribers. The job goes all the way:
drop, receipt, execution, result, link. It is made of the files that were named, or of drawn ones, the cheapest
there can be: two seconds of video. Whether the provider sees a person in a drawing is known by trying only.
"""

import argparse
import json
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import av
import boto3
import requests
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image, ImageOps

from local.samples import given_or_drawn
from local.stack import Stack, StackNotRunningError
from motiondrop.domain.pricing import AS_ON_THE_PAGE, Prices, usd
from motiondrop.web.links import Links

T = TypeVar("T")

SECONDS = 2
MINUTES = 30
WIDEST = 1024  # pixels of the image that is dropped: as a PNG it stays below 5 MB, so it is not converted
_STEM = "motiondrop-smoke"

#: What the provider says of media that it sees no person in.
_UNFIT = {"MediaUnfit", "ContentRefused"}


class SmokeError(Exception):
    """Something is not as it should be; the sentence says what, and what to do."""


@dataclass(frozen=True)
class Target:
    """A stack's outputs and parameters, and how to reach it."""

    name: str
    outputs: dict[str, str]
    parameters: dict[str, str]
    client: Callable[[str], Any]


@dataclass(frozen=True)
class Inputs:
    """The files of the job; `seconds` is the video's length, `drawn` that one of them was drawn here."""

    image: Path
    video: Path
    seconds: float
    drawn: bool


def main(arguments: list[str] | None = None) -> int:
    """Check the stack; return the exit status."""
    parser = argparse.ArgumentParser(prog="make smoke")
    parser.add_argument("--stack", default="", help="a stack on AWS; the local cloud without it")
    parser.add_argument("--state-dir", type=Path, help="another local cloud's folder")
    parser.add_argument("--image", default="", help="an image of a person; drawn without it")
    parser.add_argument("--video", default="", help="a video of a person, from 2 s on; drawn without it")
    parser.add_argument("--yes", action="store_true", help="spend without asking")
    said = parser.parse_args(arguments)
    try:
        target = connect(said.stack, said.state_dir)
        with inputs(said.image, said.video) as files:
            for line in parts(target):
                print(f"  ok  {line}")
            if not said.yes and not agreed(files, price(target, files)):
                print("Nothing was dropped and nothing was spent.")
                return 0
            for line in one_job(target, files):
                print(f"  ok  {line}")
    except (SmokeError, StackNotRunningError, BotoCoreError, ClientError) as error:
        print(f"  NOT {error}", file=sys.stderr)
        return 1
    print("The stack works.")
    return 0


def connect(name: str, state_dir: Path | None) -> Target:
    """The stack on AWS with the AWS CLI's credentials and region, or the local cloud."""
    client: Callable[[str], Any]
    if name:
        client = boto3.Session().client  # type: ignore[assignment]  # an overload for each service
    else:
        local = Stack.load(state_dir) if state_dir else Stack.load()
        name, client = local.stack_name, local.client
    described = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return Target(
        name,
        {item["OutputKey"]: item["OutputValue"] for item in described.get("Outputs", [])},
        {item["ParameterKey"]: item["ParameterValue"] for item in described.get("Parameters", [])},
        client,
    )


@contextmanager
def inputs(image: str, video: str) -> Iterator[Inputs]:
    """The files to drop: those that were named, or drawn ones; SmokeError for a file that is none."""
    with TemporaryDirectory() as folder:
        picture, clip = given_or_drawn(image, video, Path(folder), SECONDS)
        unique = Path(folder, "unique.png")
        try:
            _make_unlike_any_other(picture, unique)
            with av.open(str(clip)) as opened:
                seconds = (opened.duration or 0) / av.time_base
        except (OSError, av.error.FFmpegError) as error:
            raise SmokeError(f"a file cannot be opened: {error}") from error
        yield Inputs(unique, clip, seconds, drawn=not (image and video))


def price(target: Target, files: Inputs) -> int:
    """What the job will cost, in micro-USD."""
    given = target.parameters
    model, region = given.get("WanModel", "wan2.2-animate-move"), given.get("WanRegion", "singapore")
    prices = Prices.of(model, region, given.get("WanPrices", AS_ON_THE_PAGE))
    return prices.cost(files.seconds, given.get("DefaultMode", "wan-std"))


def agreed(files: Inputs, micro_usd: int) -> bool:
    """Ask; anything but `yes` is no."""
    answer = input(
        f"One job of {files.seconds:.1f} s costs about {usd(micro_usd)} at the provider. Spend it? Type yes: "
    )
    return answer.strip().lower() == "yes"


def parts(target: Target) -> Iterator[str]:
    """Check what can be checked for nothing."""
    client, outputs = target.client, target.outputs
    secret = client("secretsmanager").get_secret_value(SecretId=outputs["ProviderKeySecret"])
    if not secret["SecretString"].strip():
        raise SmokeError("the provider's key is empty: aws secretsmanager put-secret-value …")
    yield "the provider's key has a value"
    for name in ("InboxBucket", "ResultsBucket"):
        client("s3").head_bucket(Bucket=outputs[name])
        yield f"{name} is there: {outputs[name]}"
    machine = client("stepfunctions").describe_state_machine(stateMachineArn=outputs["StateMachineArn"])
    if machine["status"] != "ACTIVE":
        raise SmokeError(f"the state machine is {machine['status']}")
    yield "the state machine is active"
    for name in ("NotificationsTopicArn", "OperationsTopicArn"):
        listed = client("sns").list_subscriptions_by_topic(TopicArn=outputs[name])["Subscriptions"]
        confirmed = [each for each in listed if each["SubscriptionArn"].startswith("arn:")]
        waiting = len(listed) - len(confirmed)
        if not confirmed:
            raise SmokeError(f"{name} tells nobody ({waiting} not confirmed): confirm the email, or subscribe")
        yield f"{name} tells {len(confirmed)}" + (f", {waiting} not confirmed" if waiting else "")


def one_job(target: Target, files: Inputs) -> Iterator[str]:
    """Send one job the whole way."""
    outputs = target.outputs
    s3, sfn = target.client("s3"), target.client("stepfunctions")
    folder = f"{_STEM}/{int(time.time())}/"
    before = set(_executions(sfn, outputs["StateMachineArn"]))  # of smoke tests that were
    for path in (files.image, files.video):
        s3.upload_file(str(path), outputs["InboxBucket"], f"{folder}{_STEM}{path.suffix}")
    yield f"dropped two files into {folder}"

    def receipt(beginning: str = "") -> str:
        return _receipt(s3, outputs["InboxBucket"], f"{folder}{_STEM}{files.video.suffix}", beginning)

    notified = wait(receipt, "a receipt", 3)
    if notified.startswith("rejected"):
        raise SmokeError(f"the video was refused, as it should be: {notified}")
    yield f"the drop has its receipt: {notified}"

    def execution() -> dict[str, Any]:
        found = _executions(sfn, outputs["StateMachineArn"])
        return next((each for name, each in found.items() if name not in before), {})

    arn = wait(execution, "an execution", 3)["executionArn"]
    yield f"it is an execution: {arn}"
    ended = wait(lambda: _end(sfn, arn), "the end of the execution", MINUTES)
    if files.drawn and ended.get("error") in _UNFIT:
        failed = wait(lambda: receipt("failed"), "the receipt", 3)
        raise SmokeError(
            f"the provider took the task, but not what was drawn here ({failed}). Nothing was charged, and all that "
            "comes before works. Try it with a person: make smoke STACK=… IMAGE=me.jpg VIDEO=dance.mp4"
        )
    if ended["status"] != "SUCCEEDED":
        raise SmokeError(f"the execution {ended['status']}: {ended.get('error', '')} {ended.get('cause', '')}")
    job_id = json.loads(ended["input"])["job_id"]
    size = s3.head_object(Bucket=outputs["ResultsBucket"], Key=f"videos/{job_id}.mp4")["ContentLength"]
    yield f"the result is saved: {size} bytes at videos/{job_id}.mp4"
    yield f"its receipt says so: {wait(lambda: receipt('done'), 'the receipt', 3)}"
    _open_the_link(target, job_id)
    yield "the permanent link plays it"


def _executions(sfn: Any, machine: str) -> dict[str, dict[str, Any]]:
    """The executions of smoke tests, by their names."""
    listed = sfn.list_executions(stateMachineArn=machine, maxResults=100)["executions"]
    return {each["name"]: each for each in listed if each["name"].startswith(f"{_STEM}-")}


def _receipt(s3: Any, bucket: str, key: str, beginning: str) -> str:
    """The receipt on a dropped file, if it begins like that; else nothing."""
    tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    notified = (tag["Value"] for tag in tags if tag["Key"] == "motiondrop")
    return next((text for text in notified if text.startswith(beginning)), "")


def _end(sfn: Any, arn: str) -> dict[str, Any]:
    """The execution as it ended; nothing while it runs."""
    described: dict[str, Any] = sfn.describe_execution(executionArn=arn)
    return {} if described["status"] == "RUNNING" else described


def _open_the_link(target: Target, job_id: str) -> None:
    """Open the job's permanent link; SmokeError if it does not answer with OK."""
    secret = target.client("secretsmanager").get_secret_value(SecretId=f"{target.name}/link-secret")["SecretString"]
    answer = requests.get(Links(target.outputs["ResultPageUrl"], lambda: secret).to(job_id), timeout=60)
    if answer.status_code != requests.codes.ok:
        raise SmokeError(f"the permanent link answers {answer.status_code}")


def _make_unlike_any_other(path: Path, copy: Path) -> None:
    """Copy the image with one pixel changed by chance: the same files again would not be animated again."""
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    picture.thumbnail((WIDEST, WIDEST))
    picture.putpixel((0, 0), tuple(secrets.token_bytes(3)))
    picture.save(copy)


def wait(look: Callable[[], T], what: str, minutes: float) -> T:
    """Return the first truthy thing that looking gives; SmokeError after so many minutes."""
    over = time.monotonic() + 60 * minutes
    while not (seen := look()):
        if time.monotonic() > over:
            raise SmokeError(f"{what} did not come within {minutes} minutes: look at the functions' logs")
        time.sleep(1)
    return seen


if __name__ == "__main__":
    sys.exit(main())
