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
from motiondrop.storage.drops import record_key
from motiondrop.web.links import Links
from tests.e2e.test_result import link_of
from tests.support.driver import Driver, image, video

#: Function and action (both may be patterns), and why the scenario does not call it.
UNSEEN = {
    ("SweepFunction", "lambda:InvokeFunction"): "looks at a result that its own execution could not look at",
    ("SweepFunction", "s3:PutObject"): "the document of that result",
    ("*", "s3:ListBucket"): "makes an object that is gone read as gone and not as forbidden; no call of its own",
    (
        "AdmitFunction",
        "sns:Publish",
    ): "tells the end of a job whose execution died before it could, or that lost its partner",
    ("AdmitFunction", "secretsmanager:GetSecretValue"): "the link in that email",
    ("AdmitFunction", "s3:*ObjectTagging"): "the receipts of that end, and of a next execution that waits again",
    ("ConcludeFunction", "sqs:SendMessage"): "Lambda's own, for an event that was given up",
    ("CreateFunction", "sns:Publish"): "tells the end of a job stopped while it was not known whether it had a task",
    ("CreateFunction", "secretsmanager:GetSecretValue"): "the link in that email",
    ("FinalizeFunction", "dynamodb:*"): "a result that has expired ends the job, which gives what it held; digests",
    ("FinalizeFunction", "states:SendTaskSuccess"): "the same: wakes the next of the queue",
    (
        "FinalizeFunction",
        "s3:AbortMultipartUpload",
    ): "a copy of several parts that breaks off; the test's video is small",
    ("SubmitFunction", "states:SendTaskSuccess"): "a deleted drop's job gives its slot to the next of the queue",
    ("SubmitFunction", "sqs:ChangeMessageVisibility"): "a drop that could not be taken in comes back soon",
    ("SweepFunction", "states:StartExecution"): "a job whose execution was never started",
    ("SweepFunction", "states:SendTaskSuccess"): "a free slot that nobody gave, or an execution that missed its waking",
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


def granted(driver: Driver) -> Iterator[Grant]:
    """What the functions' own policies grant, as deployed. SAM's are for logs, traces and the queue's polling."""
    for function, role in roles(driver).items():
        for name in driver.stack.iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = driver.stack.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for statement in json.loads(json.dumps(document))["Statement"]:
                actions, resources = statement["Action"], statement["Resource"]
                for action in actions if isinstance(actions, list) else [actions]:
                    for resource in resources if isinstance(resources, list) else [resources]:
                        yield Grant(function, action, resource)


def roles(driver: Driver) -> dict[str, str]:
    """Function in the template → name of its role."""
    listed = driver.stack.cloudformation.describe_stack_resources(StackName=driver.stack.stack_name)["StackResources"]
    return {
        resource["LogicalResourceId"].removesuffix("Role"): resource["PhysicalResourceId"]
        for resource in listed
        if resource["ResourceType"] == "AWS::IAM::Role" and resource["LogicalResourceId"].endswith("FunctionRole")
    }


def called(driver: Driver) -> list[tuple[str, str, str, bool]]:
    """Function, action, resource and whether it was allowed, of every call until now."""
    functions = {role: function for function, role in roles(driver).items()}
    lines = (driver.stack.log_dir / CALLS_FILE).read_text().splitlines()
    calls = [json.loads(line) for line in lines]
    return [
        (functions[call["role"]], call["action"], call["resource"], call["allowed"])
        for call in calls
        if call["role"] in functions
    ]


def ended(driver: Driver, slug: str, number: int = 1) -> bool:
    """Whether the execution succeeds, while the provider's clock runs fast."""

    def look() -> str:
        driver.control("clock", advance_seconds=90)
        statuses = [
            execution["status"] for execution in driver.executions(slug) if execution["name"].endswith(f"-{number}")
        ]
        return "" if statuses in ([], ["RUNNING"]) else str(statuses[0])

    return driver.cloud.wait_for(look, f"execution {number} of {slug} to end", every=0.5) == "SUCCEEDED"


def all_that_functions_do(driver: Driver) -> None:
    """Every way through the functions that makes a call of another kind."""
    a_line_of_four_of_which_one_is_deleted_and_two_are_stopped(driver)
    three_of_which_one_waits_until_a_task_is_over(driver)
    a_wrong_key_and_a_call_whose_answer_is_lost(driver)
    a_pair_that_the_folder_takes_back_and_a_rejected_file(driver)
    what_the_sweep_finds(driver)
    what_a_reader_sees(driver)
    what_somebody_with_a_drop_link_does(driver)


def a_line_of_four_of_which_one_is_deleted_and_two_are_stopped(driver: Driver) -> None:
    driver.control("settings", task_seconds=90)
    for stem, state in (("rights-first", "RUNNING"), ("rights-second", "PENDING"), ("rights-third", "QUEUED")):
        driver.drop_pair(f"rights/{stem}")
        wait_for_record(driver, stem, state)
    driver.drop_pair("rights/rights-fourth")
    for stem in ("rights-third", "rights-fourth"):
        driver.wait_for_state(stem, "Wait for a slot")
    links = links_of(driver)
    waiting = driver.job(driver.wait_for_state("rights-fourth", "Wait for a slot"))["job_id"]
    assert "in the queue. It should be ready" in requests.get(links.to(waiting), timeout=30).text
    driver.stack.s3.delete_object(Bucket=driver.stack.inbox_bucket, Key="rights/rights-third.png")
    driver.wait_for_email("rights-third")
    for stem in ("rights-second", "rights-first"):  # one waits at the provider, one is worked on
        arn = driver.wait_for_execution(stem, statuses=["RUNNING"])["executionArn"]
        driver.stack.stepfunctions.stop_execution(executionArn=arn)
    driver.wait_for_email("rights-second")
    driver.control("settings", task_seconds=1)
    assert ended(driver, "rights-first", 2)
    assert ended(driver, "rights-fourth")


def wait_for_record(driver: Driver, stem: str, state: str) -> None:
    arn = driver.wait_for_execution(stem, statuses=["RUNNING"])["executionArn"]
    driver.cloud.wait_for(lambda: driver.job(arn)["state"] == state, f"{stem} to be {state}")


def three_of_which_one_waits_until_a_task_is_over(driver: Driver) -> None:
    driver.control("settings", task_seconds=90)
    for stem in ("rights-one", "rights-two", "rights-three"):
        driver.drop_pair(f"rights/{stem}")
        driver.wait_for_receipt(f"rights/{stem}.mp4", "a")
    arn = driver.wait_for_state("rights-three", "Wait for a slot")
    driver.stack.stepfunctions.start_execution(
        stateMachineArn=driver.stack.state_machine_arn, input=driver.status(arn)["input"], name="rights-another"
    )
    driver.sweep()
    driver.control("settings", task_seconds=0.2)
    assert ended(driver, "rights-three")


def a_wrong_key_and_a_call_whose_answer_is_lost(driver: Driver) -> None:
    driver.control("settings", task_seconds=0.2, api_keys=["another-key"])
    held = len(driver.emails("MotionDrop"))
    for stem in ("rights-refused-key", "rights-behind-it"):
        driver.drop_pair(f"rights/{stem}")
        driver.wait_for_state(stem, "Wait for a slot")
    driver.wait_for_email("MotionDrop", held + 1)
    driver.control("settings", api_keys=["sk-local-demo"])
    driver.stack.dynamodb.update_item(
        TableName=driver.stack.table,
        Key={"pk": {"S": "QUEUE"}, "sk": {"S": "BREAKER"}},
        UpdateExpression="SET #until = #since, notified = :no",
        ExpressionAttributeNames={"#until": "until", "#since": "since"},
        ExpressionAttributeValues={":no": {"BOOL": False}},
    )  # the next probe is due, and it looks as if the operator had not been told
    driver.sweep()
    for stem in ("rights-refused-key", "rights-behind-it"):
        assert driver.wait_for_execution(stem)["status"] == "SUCCEEDED"
    overdue = {"kind": "task_failed", "code": "Arrearage", "message": "no", "after_seconds": 0}
    driver.control("faults", on="create", times=1, **overdue)
    driver.drop_pair("rights/rights-overdue")
    driver.cloud.wait_for(lambda: "BREAKER" in driver.queue(), "the queue to be held")
    driver.wait_for_state("rights-overdue", "Wait for a slot")
    driver.probe_is_due()
    driver.sweep()
    assert driver.wait_for_execution("rights-overdue")["status"] == "SUCCEEDED"
    driver.control("faults", on="create", times=1, kind="accepted_then_lost")
    driver.drop_pair("rights/rights-lost")
    assert driver.wait_for_execution("rights-lost")["status"] == "SUCCEEDED"


def a_pair_that_the_folder_takes_back_and_a_rejected_file(driver: Driver) -> None:
    driver.drop("rights/rights-small.png", image((180, 300)))
    driver.wait_for_receipt("rights/rights-small.png", "rejected")
    driver.control(
        "faults", on="create", times=1, kind="task_failed", code="InvalidImage.NoHuman", message="no", after_seconds=0
    )
    driver.drop_pair("rights/rights-nobody")
    assert driver.wait_for_execution("rights-nobody")["status"] == "FAILED"
    driver.wait_for_email("rights-nobody")


def what_the_sweep_finds(driver: Driver) -> None:
    key = "unheard/rights-face.png"
    driver.drop(key, image())
    driver.wait_for_receipt(key, "waiting")
    item = dict(zip(("pk", "sk"), ({"S": part} for part in record_key(key)), strict=True))
    found = driver.stack.dynamodb.get_item(TableName=driver.stack.table, Key=item)
    assert "Item" in found
    driver.stack.dynamodb.delete_item(TableName=driver.stack.table, Key=item)

    def again() -> bool:
        driver.sweep()
        return "Item" in driver.stack.dynamodb.get_item(TableName=driver.stack.table, Key=item)

    driver.cloud.wait_for(again, "the lost drop to be announced", every=1)


def what_a_reader_sees(driver: Driver) -> None:
    link = link_of(driver.wait_for_email("rights-three"))
    assert requests.get(link, timeout=30).status_code == 200
    page, _, signature = link.partition("?")
    for part in ("video", "image"):
        assert requests.get(f"{page}/{part}?{signature}", timeout=30).status_code == 200
    assert requests.get(links_of(driver).to_gallery(), timeout=30).status_code == 200


def links_of(driver: Driver) -> Links:
    secret = driver.stack.secretsmanager.get_secret_value(SecretId=f"{driver.stack.stack_name}/page-links")
    return Links(driver.stack.result_page_url, lambda: secret["SecretString"])


def what_somebody_with_a_drop_link_does(driver: Driver) -> None:
    page = driver.new_drop_link("rights-link/")
    with driver.paused():
        for name, body in (("rights-linked.png", image()), ("rights-linked.mp4", video())):
            asked = {"name": name, "size": len(body), "mode": "wan-std"}
            upload = requests.post(f"{page}/upload", json=asked, timeout=30).json()
            assert requests.put(upload["url"], body, headers=upload["headers"], timeout=30).status_code == 200
        driver.wait_for_state("rights-linked", "Wait for a slot")
        assert "paused the queue" in requests.get(f"{page}/list", timeout=30).text
    driver.sweep()
    execution = driver.wait_for_execution("rights-linked")
    job_id = driver.job(execution["executionArn"])["job_id"]
    assert requests.get(f"{page}/list", timeout=30).status_code == 200
    for part in ("video", "poster"):
        about = {"name": "rights-linked.png", "job": job_id}
        assert requests.get(f"{page}/{part}", about, timeout=30).status_code == 200
    assert requests.post(f"{page}/remove", json={"name": "rights-linked.png"}, timeout=30).status_code == 200


def test_each_function_calls_what_its_policy_grants_and_nothing_is_granted_that_it_does_not_call(
    driver: Driver,
) -> None:
    all_that_functions_do(driver)
    calls = called(driver)
    refused = {call[:3] for call in calls if not call[3]}
    grants = list(granted(driver))
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
