"""Least privilege, in both directions: what each function calls is what its policy in template.yaml grants.

Nothing may be missing: the local cloud enforces the policies, so a call that is not granted fails and is noted. And
nothing may be unused: each action that is granted on a resource is called here, or stands in UNSEEN with its reason.
"""

import fnmatch
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import requests

from local.emulator.edge import CALLS_FILE
from motiondrop.links import Links
from tests.integration.way.support import Way, image
from tests.integration.way.test_way_result import link_of

#: Function and action (both may be patterns), and why the scenario does not call it.
UNSEEN = {
    ("*", "s3:ListBucket"): "makes an object that is gone read as gone and not as forbidden; no call of its own",
    ("AdmitFunction", "sns:Publish"): "tells the end of a job whose run died before it could, or that lost its partner",
    ("AdmitFunction", "secretsmanager:GetSecretValue"): "the link in that mail",
    ("ConcludeFunction", "sqs:SendMessage"): "Lambda's own, for an event that was given up",
    ("CreateFunction", "sns:Publish"): "tells the end of a job stopped while it was not known whether it had a task",
    ("CreateFunction", "secretsmanager:GetSecretValue"): "the link in that mail",
    ("FinalizeFunction", "dynamodb:*"): "a result that has expired ends the job, which gives what it held; digests",
    ("FinalizeFunction", "states:SendTaskSuccess"): "the same: wakes the next of the line",
    (
        "FinalizeFunction",
        "s3:AbortMultipartUpload",
    ): "a copy of several parts that breaks off; the test's video is small",
    ("SubmitFunction", "states:SendTaskSuccess"): "a deleted drop's job gives its slot to the next of the line",
    ("SubmitFunction", "sqs:ChangeMessageVisibility"): "a drop that could not be taken in comes back soon",
    ("SweepFunction", "states:StartExecution"): "a job whose run was never started",
    ("SweepFunction", "states:SendTaskSuccess"): "a free slot that nobody gave, or a run that missed its waking",
    ("SweepFunction", "secretsmanager:GetSecretValue"): "the same as conclude, where its event was lost",
    ("SweepFunction", "s3:*ObjectTagging"): "the same",
    ("SweepFunction", "sns:Publish"): "the same, and digests",
    ("SweepFunction", "dynamodb:DeleteItem"): "a slot whose owner is gone",
}


@dataclass(frozen=True)
class Grant:
    """One action of a function's policy on one resource."""

    function: str
    action: str
    resource: str

    def allows(self, function: str, action: str, resource: str) -> bool:
        same = (self.function, self.action.lower()) == (function, action.lower())
        return same and fnmatch.fnmatchcase(resource, self.resource)

    @property
    def excused(self) -> str:
        return next(
            (
                why
                for (function, action), why in UNSEEN.items()
                if fnmatch.fnmatchcase(self.function, function) and fnmatch.fnmatchcase(self.action, action)
            ),
            "",
        )


def granted(way: Way) -> Iterator[Grant]:
    """What the functions' own policies grant, as deployed. SAM's are for logs, traces and the queue's polling."""
    for function, role in roles(way).items():
        for name in way.stack.iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = way.stack.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for statement in json.loads(json.dumps(document))["Statement"]:
                actions, resources = statement["Action"], statement["Resource"]
                for action in actions if isinstance(actions, list) else [actions]:
                    for resource in resources if isinstance(resources, list) else [resources]:
                        yield Grant(function, action, resource)


def roles(way: Way) -> dict[str, str]:
    """Function in the template → name of its role."""
    listed = way.stack.cloudformation.describe_stack_resources(StackName=way.stack.stack_name)["StackResources"]
    return {
        resource["LogicalResourceId"].removesuffix("Role"): resource["PhysicalResourceId"]
        for resource in listed
        if resource["ResourceType"] == "AWS::IAM::Role" and resource["LogicalResourceId"].endswith("FunctionRole")
    }


def called(way: Way) -> list[tuple[str, str, str, bool]]:
    """Function, action, resource and whether it was allowed, of every call until now."""
    functions = {role: function for function, role in roles(way).items()}
    lines = (way.stack.log_dir / CALLS_FILE).read_text().splitlines()
    calls = [json.loads(line) for line in lines]
    return [
        (functions[call["role"]], call["action"], call["resource"], call["allowed"])
        for call in calls
        if call["role"] in functions
    ]


def ended(way: Way, slug: str, number: int = 1) -> bool:
    """Whether the run succeeds, while the provider's clock runs fast."""

    def look() -> str:
        way.control("clock", advance_seconds=90)
        statuses = [run["status"] for run in way.runs(slug) if run["name"].endswith(f"-{number}")]
        return "" if statuses in ([], ["RUNNING"]) else str(statuses[0])

    return way.cloud.wait_for(look, f"run {number} of {slug} to end", every=0.5) == "SUCCEEDED"


def all_that_functions_do(way: Way) -> None:
    """Every way through the functions that makes a call of another kind."""
    a_line_of_four_of_which_one_is_deleted_and_two_are_stopped(way)
    three_of_which_one_waits_until_a_task_is_over(way)
    a_wrong_key_and_a_call_whose_answer_is_lost(way)
    a_pair_that_the_folder_takes_back_and_a_rejected_file(way)
    what_the_sweep_finds(way)
    what_a_reader_sees(way)


def a_line_of_four_of_which_one_is_deleted_and_two_are_stopped(way: Way) -> None:
    way.control("settings", task_seconds=90)
    for stem, state in (("rights-first", "RUNNING"), ("rights-second", "PENDING"), ("rights-third", "QUEUED")):
        way.drop_pair(f"rights/{stem}")
        wait_for_record(way, stem, state)
    way.drop_pair("rights/rights-fourth")
    for stem in ("rights-third", "rights-fourth"):
        way.wait_for_state(stem, "Wait for a slot")
    way.stack.s3.delete_object(Bucket=way.stack.inbox_bucket, Key="rights/rights-third.png")
    way.wait_for_mail("rights-third")
    for stem in ("rights-second", "rights-first"):  # one waits at the provider, one is worked on
        arn = way.wait_for_run(stem, statuses=["RUNNING"])["executionArn"]
        way.stack.stepfunctions.stop_execution(executionArn=arn)
    way.wait_for_mail("rights-second")
    way.control("settings", task_seconds=1)
    assert ended(way, "rights-first", 2)
    assert ended(way, "rights-fourth")


def wait_for_record(way: Way, stem: str, state: str) -> None:
    arn = way.wait_for_run(stem, statuses=["RUNNING"])["executionArn"]
    way.cloud.wait_for(lambda: way.job(arn)["state"] == state, f"{stem} to be {state}")


def three_of_which_one_waits_until_a_task_is_over(way: Way) -> None:
    way.control("settings", task_seconds=90)
    for stem in ("rights-one", "rights-two", "rights-three"):
        way.drop_pair(f"rights/{stem}")
        way.wait_for_receipt(f"rights/{stem}.mp4", "a")
    arn = way.wait_for_state("rights-three", "Wait for a slot")
    way.stack.stepfunctions.start_execution(
        stateMachineArn=way.stack.state_machine_arn, input=way.status(arn)["input"], name="rights-another"
    )
    way.sweep()
    way.control("settings", task_seconds=0.2)
    assert ended(way, "rights-three")


def a_wrong_key_and_a_call_whose_answer_is_lost(way: Way) -> None:
    way.control("settings", task_seconds=0.2, api_keys=["another-key"])
    held = len(way.mails("MotionDrop"))
    for stem in ("rights-refused-key", "rights-behind-it"):
        way.drop_pair(f"rights/{stem}")
        way.wait_for_state(stem, "Wait for a slot")
    way.wait_for_mail("MotionDrop", held + 1)
    way.control("settings", api_keys=["sk-local-demo"])
    way.stack.dynamodb.update_item(
        TableName=way.stack.table,
        Key={"pk": {"S": "LINE"}, "sk": {"S": "BREAKER"}},
        UpdateExpression="SET #until = #since, told = :no",
        ExpressionAttributeNames={"#until": "until", "#since": "since"},
        ExpressionAttributeValues={":no": {"BOOL": False}},
    )  # the next probe is due, and it looks as if the operator had not been told
    way.sweep()
    for stem in ("rights-refused-key", "rights-behind-it"):
        assert way.wait_for_run(stem)["status"] == "SUCCEEDED"
    way.control("faults", on="create", times=1, kind="accepted_then_lost")
    way.drop_pair("rights/rights-lost")
    assert way.wait_for_run("rights-lost")["status"] == "SUCCEEDED"


def a_pair_that_the_folder_takes_back_and_a_rejected_file(way: Way) -> None:
    way.drop("rights/rights-small.png", image((180, 300)))
    way.wait_for_receipt("rights/rights-small.png", "rejected")
    way.control(
        "faults", on="create", times=1, kind="task_failed", code="InvalidImage.NoHuman", message="no", after_seconds=0
    )
    way.drop_pair("rights/rights-nobody")
    assert way.wait_for_run("rights-nobody")["status"] == "FAILED"
    way.wait_for_mail("rights-nobody")


def what_the_sweep_finds(way: Way) -> None:
    key = "unheard/rights-face.png"
    way.drop(key, image())
    way.wait_for_receipt(key, "waiting")
    item = {"pk": {"S": "FOLDER#unheard/"}, "sk": {"S": "DROP#rights-face.png"}}
    found = way.stack.dynamodb.get_item(TableName=way.stack.table, Key=item)
    assert "Item" in found
    way.stack.dynamodb.delete_item(TableName=way.stack.table, Key=item)

    def again() -> bool:
        way.sweep()
        return "Item" in way.stack.dynamodb.get_item(TableName=way.stack.table, Key=item)

    way.cloud.wait_for(again, "the lost drop to be announced", every=1)


def what_a_reader_sees(way: Way) -> None:
    link = link_of(way.wait_for_mail("rights-three"))
    assert requests.get(link, timeout=30).status_code == 200
    page, _, signature = link.partition("?")
    for part in ("video", "image"):
        assert requests.get(f"{page}/{part}?{signature}", timeout=30).status_code == 200
    secret = way.stack.secretsmanager.get_secret_value(SecretId=f"{way.stack.stack_name}/link-secret")["SecretString"]
    assert requests.get(Links(way.stack.watch_url, lambda: secret).to_gallery(), timeout=30).status_code == 200


def test_each_function_calls_what_its_policy_grants_and_nothing_is_granted_that_it_does_not_call(way: Way) -> None:
    all_that_functions_do(way)
    calls = called(way)
    refused = {call[:3] for call in calls if not call[3]}
    grants = list(granted(way))
    unused = []
    print()  # noqa: T201  # the table is what this test is for: pytest -s shows it
    for grant in grants:
        used = any(grant.allows(*call[:3]) for call in calls if call[3])
        place = re.sub(r"arn:aws:|motiondrop-|:?ap-southeast-1:|000000000000:?", "", grant.resource)
        said = "called" if used else f"not called: {grant.excused}" if grant.excused else "UNUSED"
        print(f"{grant.function:18} {grant.action:32} {place:50} {said}")  # noqa: T201
        if not used and not grant.excused:
            unused.append(grant)
    stray = {call[:3] for call in calls if not any(grant.allows(*call[:3]) for grant in grants)}
    assert refused == set()
    assert stray == set()
    assert unused == []
