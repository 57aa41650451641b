"""A local cloud whose functions can be killed, and the count of what came of the jobs that were dropped into it."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from motiondrop.storage.items import SUBSCRIBERS, SWEEP
from tests.support.cloud import Cloud, running_cloud
from tests.support.driver import Driver, image, plain, video
from tests.support.tally import Counting, Tally, is_over

#: A lost event is looked for after this, a lost drop after ten times as long.
GRACE_SECONDS = 3

#: Invocations of one function at a time: what is killed has to be started again, which costs a second of two cores.
FEW_PROCESSES = {"EMULATOR_SYNCHRONOUS_CONCURRENCY": "3", "EMULATOR_ASYNCHRONOUS_CONCURRENCY": "2"}

#: Unfinished tasks at a time: as many as two cores can follow.
SLOTS = 6

_SHORT = 0.005  # factor on the pauses while Lambda has no room: without pauses its thousand tries are soon over
_DROPPERS = 8  # drops on their way at once


@dataclass(frozen=True)
class Call:
    """A call that a function made, the `number`th of its name for one pair."""

    function: str
    name: str
    number: int


@dataclass(frozen=True)
class Kill:
    """The process of `function` ends before or after a call, once, if the invocation's event has `event` and `also`."""

    id: str
    function: str
    call: str
    when: str
    event: str = ""
    skip: int = 0
    also: str = ""


class Stand:
    """The cloud, the faults planned in it, and the pairs dropped into it."""

    def __init__(self, cloud: Cloud) -> None:
        self.driver = Driver(cloud)
        self.stack = cloud.stack
        self._faults = cloud.state_dir / "faults"
        self.clip = video(2)
        self.driver.control(
            "settings", task_seconds=0.05, concurrency=SLOTS, creations_per_second=1000, queries_per_second=10_000
        )
        # Messages for programs are filed like emails, so that they can be counted.
        self.stack.sns.subscribe(
            TopicArn=self.stack.events_topic_arn, Protocol="email", Endpoint="programs@example.com"
        )
        # A message comes back when its visibility timeout is over: on AWS, 30 minutes after the function received it.
        self.stack.sqs.set_queue_attributes(QueueUrl=self.stack.event_queue_url, Attributes={"VisibilityTimeout": "4"})

    def plan(self, kills: Iterable[Kill] = (), storm: dict[str, Any] | None = None) -> None:
        """Let these kills happen from now on, and no others."""
        plan = {"kills": [vars(kill) for kill in kills], "storm": storm}
        new = self._faults / "plan.new"
        new.write_text(json.dumps(plan))
        new.rename(self._faults / "plan.json")

    def happened(self, kills: Iterable[Kill]) -> list[Kill]:
        """Those of the kills that have happened."""
        return [kill for kill in kills if (self._faults / "done" / kill.id).exists()]

    def storm_kills(self, seed: int) -> list[str]:
        """The calls at which a storm killed."""
        return [path.read_text() for path in (self._faults / "done").glob(f"storm-{seed}-*")]

    def traced(self, stem: str = "", also: str = "") -> list[Call]:
        """The calls of the invocations whose event contains both texts, each counted up within its function."""
        counts: Counter[tuple[str, str]] = Counter()
        calls = []
        for line in (self._faults / "trace.log").read_text().splitlines():
            function, name, when, event = line.split(" ", 3)
            if when == "before" and stem in event and also in event:
                calls.append(Call(function, name, counts[function, name]))
                counts[function, name] += 1
        return calls

    def drop(self, stems: Iterable[str]) -> None:
        """Drop a pair for each of the stems."""
        with ThreadPoolExecutor(_DROPPERS) as droppers:
            list(droppers.map(lambda stem: self.driver.drop_pair(stem, image((200, 200)), self.clip), stems))

    def drop_unusable(self, stems: Iterable[str]) -> None:
        """Drop an image that is too small for each of the stems."""
        for stem in stems:
            self.driver.drop(f"{stem}.png", image((100, 100)))

    def rejected(self, stem: str) -> bool:
        """Whether the drop's receipt says that it is rejected, and programs were notified."""
        notified = any(
            f'"{stem}.png"' in path.read_text() for path in self.stack.emails() if "EventsTopic" in path.read_text()
        )
        return notified and self.driver.receipt(f"{stem}.png").startswith("rejected")

    def wait(self, look: Callable[[], object], seconds: float = 60) -> None:
        """Wait until `look` finds something; raise TimeoutError after `seconds`."""
        deadline = time.monotonic() + seconds
        while not look():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {seconds} s in vain")
            time.sleep(0.1)

    def wait_for_state(self, stems: Iterable[str], states: set[str], seconds: float = 60) -> None:
        """Wait until the job of each stem is in one of the states."""
        waiting = set(stems)

        def look() -> bool:
            jobs = self.jobs()
            waiting.difference_update({stem for stem in waiting if jobs.get(stem, {}).get("state") in states})
            return not waiting

        self.wait(look, seconds)

    def overwrite(self, stems: Iterable[str], size: tuple[int, int] = (220, 220)) -> None:
        """Overwrite the image of each by an upload in parts, so that its event differs from the first one's."""
        s3, bucket = self.stack.s3, self.stack.inbox_bucket
        for stem in stems:
            key = f"{stem}.png"
            upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
            part = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=image(size))
            s3.complete_multipart_upload(
                Bucket=bucket,
                Key=key,
                UploadId=upload,
                MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
            )

    def withdrawn(self, stems: Iterable[str]) -> bool:
        """Whether the first job of each was canceled."""
        versions = self.versions()
        return all(stem in versions and versions[stem][0]["state"] == "CANCELED" for stem in stems)

    @contextmanager
    def no_room(self, *functions: str) -> Iterator[None]:
        """Let Lambda answer 429 for these functions during the block, with short pauses before it is asked again."""
        names = [name for name in self.stack.functions.values() if name.rpartition("-")[2] in functions]
        self.driver.scale_waits(_SHORT)
        for name in names:
            self.stack.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        try:
            yield
        finally:
            for name in names:
                self.stack.lambda_.delete_function_concurrency(FunctionName=name)
            self.driver.scale_waits(0)

    def stop(self, stems: Iterable[str]) -> None:
        """*Stop execution* of the newest execution of each."""
        jobs = self.jobs()
        for stem in stems:
            if arn := jobs[stem].get("owner_arn"):
                self.stack.stepfunctions.stop_execution(executionArn=arn)

    def double_event(self, stem: str) -> None:
        """Announce a drop once more."""
        record = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": f"{stem}.png"}}}
        self.stack.sqs.send_message(QueueUrl=self.stack.event_queue_url, MessageBody=json.dumps({"Records": [record]}))

    def new_day(self) -> None:
        """Let the sweep do again what it does once a day."""
        self.stack.dynamodb.delete_item(TableName=self.stack.table, Key={"pk": {"S": SWEEP}, "sk": {"S": SUBSCRIBERS}})

    def pause(self) -> None:
        """Let no slots be given."""
        self._put("QUEUE", "PAUSE")

    def resume(self) -> None:
        """Let slots be given again, and give none now."""
        self.stack.dynamodb.delete_item(TableName=self.stack.table, Key={"pk": {"S": "QUEUE"}, "sk": {"S": "PAUSE"}})

    def end_round(self) -> None:
        """Let the next round of the sweep begin, even if one that died would hold it up."""
        self.stack.dynamodb.delete_item(TableName=self.stack.table, Key={"pk": {"S": "SWEEP"}, "sk": {"S": "ROUND"}})

    def stale_place(self) -> None:
        """Put a place into the queue, before all others, whose job is gone."""
        self._put("QUEUE", "WAIT#000000000000#gone", job_id={"S": "gone-00000000000000000000"})

    def no_room_for_emails(self) -> None:
        """Let this minute and the next have had all their emails, so that further ones become a digest."""
        moment = datetime.now(UTC)
        for minute in (moment, moment + timedelta(minutes=1)):
            later = str(int(minute.timestamp()) + 3600)
            self._put("EMAIL", f"SENT#{minute:%Y-%m-%dT%H:%M}", sent={"N": "100000"}, expires={"N": later})

    def over_a_day_ago(self, stem: str) -> None:
        """Let the job's task be older than the provider keeps one."""
        job = self.jobs()[stem]
        asked_at = datetime.fromisoformat(job["call"]["asked_at"]) - timedelta(hours=25)
        self.stack.dynamodb.update_item(
            TableName=self.stack.table,
            Key={"pk": {"S": job["pk"]}, "sk": {"S": job["sk"]}},
            UpdateExpression="SET #call.asked_at = :moment",
            ExpressionAttributeNames={"#call": "call"},
            ExpressionAttributeValues={":moment": {"S": f"{asked_at:%Y-%m-%dT%H:%M:%S.%f%z}"}},
        )

    def run_again(self, stem: str) -> None:
        """*New execution* of the stem's job, as a person starts one in the console."""
        job_id = self.jobs()[stem]["job_id"]
        self.stack.stepfunctions.start_execution(
            stateMachineArn=self.stack.state_machine_arn,
            name=f"by-hand-{job_id}",
            input=json.dumps({"job_id": job_id}),
        )

    def begin_cold(self, function: str) -> None:
        """Let the function's next invocation find no process that has read the secrets already."""
        name = next(name for name in self.stack.functions.values() if name.endswith(f"-{function}"))
        client = self.stack.client("lambda")
        variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables["BEGUN_COLD_AT"] = f"{time.time()}"  # a change makes new environments
        client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    def _put(self, pk: str, sk: str, **attributes: Any) -> None:
        self.stack.dynamodb.put_item(TableName=self.stack.table, Item={"pk": {"S": pk}, "sk": {"S": sk}, **attributes})

    @contextmanager
    def no_status_events(self) -> Iterator[None]:
        """Let no execution's end be announced during the block."""
        with self._without_rules("EventPattern"):
            yield

    @contextmanager
    def no_rounds(self) -> Iterator[None]:
        """Let the sweep make no round by itself during the block."""
        with self._without_rules("ScheduleExpression"):
            yield

    @contextmanager
    def _without_rules(self, kind: str) -> Iterator[None]:
        rules = self.driver.disable_rules(kind)
        try:
            yield
        finally:
            for rule in rules:
                self.stack.events.enable_rule(Name=rule)

    @contextmanager
    def no_drop_events(self) -> Iterator[None]:
        """Let no drop be announced during the block."""
        s3, bucket = self.stack.s3, self.stack.inbox_bucket
        notified = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
        try:
            yield
        finally:
            s3.put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration={"QueueConfigurations": notified}
            )

    def sweep(self) -> dict[str, Any]:
        """Run a round of the sweep now; return what it healed, or the error that ended it."""
        return self.driver.sweep()

    def jobs(self) -> dict[str, dict[str, Any]]:
        """The jobs' records by the stem of the image that was dropped; where it was overwritten, the newest one's."""
        return {stem: versions[-1] for stem, versions in self.versions().items()}

    def versions(self) -> dict[str, list[dict[str, Any]]]:
        """All jobs' records, by the stem of the image that was dropped, in the order of recording."""
        pages = self.stack.dynamodb.get_paginator("scan").paginate(
            TableName=self.stack.table,
            ConsistentRead=True,
            FilterExpression="sk = :job",
            ExpressionAttributeValues={":job": {"S": "JOB"}},
        )
        jobs = [plain(item) for page in pages for item in page["Items"]]
        found: dict[str, list[dict[str, Any]]] = {}
        for job in sorted(jobs, key=lambda job: str(job["recorded_at"])):
            found.setdefault(job["image"]["key"].removesuffix(".png").rpartition("/")[2], []).append(job)
        return found

    def most_at_once(self) -> int:
        """The most tasks that were unfinished at the provider at a time, or jobs that had a slot, as far as is known.

        A job has its slot from when it was given until its task was asked for, at least. Slots count since tasks here
        end too fast to meet each other at the provider.
        """
        held = [
            (datetime.fromisoformat(job["turn"]["admitted_at"]), datetime.fromisoformat(job["call"]["asked_at"]))
            for job in self.jobs().values()
            if "admitted_at" in job["turn"] and "asked_at" in job["call"]
        ]
        slots = (sum(begin <= moment < end for begin, end in held) for moment, _ in held)
        return max(int(self.driver.control("stats")["peak_unfinished"]), *slots, 0)

    def notified(self) -> int:
        """How many jobs have ended and had their end announced."""
        pages = self.stack.dynamodb.get_paginator("scan").paginate(
            TableName=self.stack.table,
            Select="COUNT",
            FilterExpression="closing.notified = :yes",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )
        return sum(page["Count"] for page in pages)

    def with_helpers(self, stems: Iterable[str]) -> list[str]:
        """These names, and those of pairs that were dropped for their sake: they begin with one of these."""
        begun = tuple(stems)
        return sorted(set(begun) | {stem for stem in self.jobs() if stem.startswith(begun)})

    def settle(self, stems: Iterable[str], seconds: float, every: float = 1.0) -> None:
        """Sweep until every job's end was announced and nothing is left to do, or the time is over."""
        begun = tuple(stems)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            # Asked first: the job that an event is about to bring, of a helper or of a new version, may not exist yet.
            events = self._events_under_way()
            jobs = self.versions()
            names = set(begun) | {stem for stem in jobs if stem.startswith(begun)}
            waiting = {stem for stem in names if not all(map(is_over, jobs.get(stem, [None])))}
            self.driver.probe_is_due()
            healed = self.sweep()
            if not events and not waiting and not self.driver.in_queue() and not healed.get("digests"):
                return
            time.sleep(every)

    def _events_under_way(self) -> bool:
        """Whether events of S3 are waiting or being handled; delayed messages, which settle a folder, do not count."""
        names: list[Any] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.stack.sqs.get_queue_attributes(QueueUrl=self.stack.event_queue_url, AttributeNames=names)
        return any(int(number) for number in counts["Attributes"].values())

    def tally(self, stems: Iterable[str], kills: Iterable[Kill] = (), *, may_fail: bool = False) -> Tally:
        """Count what came of the pairs; a job may have FAILED or been CANCELED only where that is what it should."""
        happened = self.happened(kills)
        counting = Counting(self.driver, self.versions(), bool(happened), {kill.event for kill in happened})
        tally = counting.count(list(stems), may_fail=may_fail)
        tally.killed = len(happened)
        return tally


@contextmanager
def faulty_cloud(folder: Path, *options: str) -> Iterator[Stand]:
    """A local cloud of its own, with no waits of ours, whose functions meet the faults that are planned."""
    (folder / "faults").mkdir(parents=True)
    (folder / "faults" / "trace.log").touch()
    parameters = {"GraceSeconds": GRACE_SECONDS, "MaxInFlight": SLOTS, "DailyBudgetUSD": 1_000_000}
    said = [word for name, value in parameters.items() for word in ("--parameter", f"{name}={value}")]
    clouds = running_cloud(folder, *said, *options)
    try:
        with patch.dict(os.environ, FEW_PROCESSES):
            cloud = next(clouds)
        yield Stand(cloud)
    finally:
        clouds.close()  # type: ignore[attr-defined]  # a generator, typed as the iterator it is
