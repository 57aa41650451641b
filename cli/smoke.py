"""`motiondrop smoke`: check a stack from outside, as `doctor` does, then with one real job, after asking.

The job goes the whole way: drop, receipt, execution, result, link. It uses the files that were named, or drawn ones,
which cost the least that a job can: two seconds of video. Only a try can show whether the provider sees a person in a
drawing.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import click
import requests
from PIL import Image

from cli.asking import agreed
from cli.doctor import is_healthy
from cli.stack import Find, Target
from local.samples import given_or_drawn
from motiondrop.aws.inbox import RECEIPT_TAG
from motiondrop.aws.results import video_key
from motiondrop.domain.pricing import AS_ON_THE_PAGE, Prices, usd
from motiondrop.media.limits import Rejected
from motiondrop.media.prepare import COPY, check
from motiondrop.media.report import Order, Plan, Report
from motiondrop.media.sandbox import SandboxError

T = TypeVar("T")

SECONDS = 2
MINUTES = 30
WIDEST = 1024  # pixels of the image that is dropped: as a PNG it stays below 5 MB, so it is not converted
_STEM = "motiondrop-smoke"

#: Errors of an execution whose media the provider may have refused because it sees no person in them.
_UNFIT = {"MediaUnfit", "ContentRefused"}


@dataclass(frozen=True)
class Inputs:
    """The files of the job; `seconds` is the video's length, `drawn` whether one of the files was drawn here."""

    image: Path
    video: Path
    seconds: float
    drawn: bool


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(epilog="Example: motiondrop --stack motiondrop smoke --image me.jpg --video dance.mp4")
@click.option("--image", metavar="FILE", type=_FILE, help="An image of a person. If not given, one is drawn.")
@click.option(
    "--video", metavar="FILE", type=_FILE, help="A video of a person, 2 to 30 seconds. If not given, one is drawn."
)
@click.option("--yes", is_flag=True, help="Spend without asking.")
@click.pass_obj
def smoke(find: Find, image: Path | None, video: Path | None, *, yes: bool) -> None:
    """Check a stack with one real job, which costs money.

    It first checks the files, and the stack as `doctor` does. Then the command says in USD what the job will cost,
    asks, and sends it the whole way: drop, receipt, execution, result, link. If you give no files, an image and a
    two-second video are drawn; the provider may not recognize a person in them. The job takes 1 to 10 minutes if
    nothing else is queued.
    """
    target = find()
    with inputs(image, video) as files:
        if not is_healthy(target):
            raise click.ClickException("First fix each line that says NOT: nothing was dropped and nothing was spent.")
        costs = f"One job of {files.seconds:.1f} s costs about {usd(price(target, files))} at the provider."
        if not yes and not agreed(costs, "Spend it?"):
            click.echo("Nothing was dropped and nothing was spent.")
            return
        for line in one_job(target, files):
            _ok(line)
    click.echo("The stack works.")


def _ok(line: str) -> None:
    click.echo(f"  ok  {line}")


@contextmanager
def inputs(image: Path | None, video: Path | None) -> Iterator[Inputs]:
    """The files to drop, named or drawn; raise ClickException if one would be rejected."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        picture, clip = given_or_drawn(str(image or ""), str(video or ""), folder, SECONDS)
        checked(picture, folder)
        unique = folder / "unique.png"
        _make_unlike_any_other(folder / COPY, unique)
        yield Inputs(unique, clip, checked(clip, folder).duration or 0, drawn=not (image and video))


def checked(file: Path, folder: Path) -> Report | Plan:
    """What the check of a drop finds out about the file; raise ClickException if it would be rejected."""
    try:
        return check(file, Order(file.name), folder)
    except Rejected as error:
        raise click.ClickException(f"{file.name} would be rejected: {error.reason}.") from error
    except SandboxError as error:
        raise click.ClickException(f"{file.name} could not be checked on this machine: {error}.") from error


def price(target: Target, files: Inputs) -> int:
    """What the job will cost, in micro-USD."""
    given = target.parameters
    model, region = given.get("WanModel", "wan2.2-animate-move"), given.get("WanRegion", "singapore")
    prices = Prices.of(model, region, given.get("WanPrices", AS_ON_THE_PAGE))
    return prices.cost(files.seconds, given.get("DefaultMode", "wan-std"))


def one_job(target: Target, files: Inputs) -> Iterator[str]:
    """Send one job the whole way; yield a line for each step that worked."""
    outputs = target.outputs
    s3, sfn = target.client("s3"), target.client("stepfunctions")
    folder = f"{_STEM}/{int(time.time())}/"
    before = set(_executions(sfn, outputs["StateMachineArn"]))  # those of earlier smoke tests
    for path in (files.image, files.video):
        s3.upload_file(str(path), outputs["InboxBucket"], f"{folder}{_STEM}{path.suffix}")
    yield f"dropped two files into {folder}"

    def receipt(beginning: str = "") -> str:
        return _receipt(s3, outputs["InboxBucket"], f"{folder}{_STEM}{files.video.suffix}", beginning)

    notified = wait(receipt, "a receipt", 3)
    if notified.startswith("rejected"):
        raise click.ClickException(f"the video was rejected: {notified}")
    yield f"the drop has its receipt: {notified}"

    arn = wait(lambda: _newest(sfn, outputs["StateMachineArn"], before), "an execution", 3)
    yield f"its execution has started: {arn}"
    ended = wait(lambda: _end(sfn, arn), "the end of the execution", MINUTES)
    if files.drawn and ended.get("error") in _UNFIT:
        refused = wait(lambda: receipt("failed"), "the receipt", 3)
        raise click.ClickException(
            f"the provider accepted the task, but refused the drawn files ({refused}). Nothing was charged, and every "
            "step up to there works. Try it with a person: --image me.jpg --video dance.mp4"
        )
    if ended["status"] != "SUCCEEDED":
        why = f"{ended.get('error', '')} {ended.get('cause', '')}"
        raise click.ClickException(f"the execution {ended['status']}: {why}")
    job_id = json.loads(ended["input"])["job_id"]
    size = s3.head_object(Bucket=outputs["ResultsBucket"], Key=video_key(job_id))["ContentLength"]
    yield f"the result is saved: {size} bytes at {video_key(job_id)}"
    yield f"its receipt says so: {wait(lambda: receipt('done'), 'the receipt', 3)}"
    _open_the_link(target, job_id)
    yield "the permanent link plays it"


def _executions(sfn: Any, machine: str) -> dict[str, dict[str, Any]]:
    """The executions of smoke tests, by their names."""
    listed = sfn.list_executions(stateMachineArn=machine, maxResults=100)["executions"]
    return {each["name"]: each for each in listed if each["name"].startswith(f"{_STEM}-")}


def _newest(sfn: Any, machine: str, before: set[str]) -> str:
    """The ARN of an execution that is not in `before`; empty if there is none yet."""
    return next((each["executionArn"] for name, each in _executions(sfn, machine).items() if name not in before), "")


def _receipt(s3: Any, bucket: str, key: str, beginning: str) -> str:
    """The receipt on a dropped file, if it starts with `beginning`; else an empty text."""
    tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    notified = (tag["Value"] for tag in tags if tag["Key"] == RECEIPT_TAG)
    return next((text for text in notified if text.startswith(beginning)), "")


def _end(sfn: Any, arn: str) -> dict[str, Any]:
    """The description of the ended execution; empty while it runs."""
    described: dict[str, Any] = sfn.describe_execution(executionArn=arn)
    return {} if described["status"] == "RUNNING" else described


def _open_the_link(target: Target, job_id: str) -> None:
    """Open the job's permanent link; raise ClickException if it does not answer with OK."""
    answer = requests.get(target.links.to(job_id), timeout=60)
    if answer.status_code != requests.codes.ok:
        raise click.ClickException(f"the permanent link answers {answer.status_code}")


def _make_unlike_any_other(path: Path, copy: Path) -> None:
    """Copy the image with one random pixel, since the same files would not be animated a second time."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((WIDEST, WIDEST))
    picture.putpixel((0, 0), tuple(secrets.token_bytes(3)))
    picture.save(copy)


def wait(look: Callable[[], T], what: str, minutes: float) -> T:
    """Return the first truthy value that `look` returns; raise ClickException after `minutes`."""
    over = time.monotonic() + 60 * minutes
    while not (seen := look()):
        if time.monotonic() > over:
            raise click.ClickException(f"{what} did not come within {minutes} minutes: look at the functions' logs")
        time.sleep(1)
    return seen
