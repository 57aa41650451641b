"""A second stack beside the first, and what uninstalling leaves: on a cloud of its own."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud.code import ARTIFACTS_BUCKET
from local.stack import Stack
from tests.support.cloud import Cloud, running_cloud
from tests.support.driver import Driver, image, video


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    yield from running_cloud(tmp_path_factory.mktemp("stacks"))


def described(stack: Stack, name: str) -> Any:
    try:
        return stack.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError:
        return {"StackStatus": "DELETE_COMPLETE"}


def second(own: Cloud, name: str) -> Driver:
    """Deploy the very template that is deployed under another name; the way through that stack."""
    stack = own.stack
    deployed = described(stack, stack.stack_name)
    body = stack.cloudformation.get_template(StackName=stack.stack_name)["TemplateBody"]
    stack.s3.put_object(Bucket=ARTIFACTS_BUCKET, Key="second.template", Body=json.dumps(body))  # too long for a body
    stack.cloudformation.create_stack(
        StackName=name,
        TemplateURL=f"{stack.endpoint_url}/{ARTIFACTS_BUCKET}/second.template",
        Parameters=deployed["Parameters"],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    own.wait_for(lambda: described(stack, name)["StackStatus"] == "CREATE_COMPLETE", f"{name} to be deployed")
    outputs = {item["OutputKey"]: item["OutputValue"] for item in described(stack, name)["Outputs"]}
    stack.secretsmanager.put_secret_value(SecretId=outputs["ProviderKeySecret"], SecretString="sk-local-demo")
    named = {"inbox_bucket": "InboxBucket", "results_bucket": "ResultsBucket", "table": "JobsTable"}
    fields = {field: outputs[output] for field, output in named.items()}
    other = replace(stack, stack_name=name, state_machine_arn=outputs["StateMachineArn"], outputs=outputs, **fields)
    return Driver(Cloud(other, own.state_dir))


def test_a_second_stack_works_beside_the_first_and_shares_nothing_with_it(own: Cloud) -> None:
    first, other = Driver(own), second(own, "motiondrop-two")
    first.control("settings", task_seconds=0.2, creations_per_second=100, queries_per_second=1000)
    picture, clip = image(), video()
    for driver in (first, other):
        driver.drop_pair("beside", picture, clip)
    executions = [driver.wait_for_execution("beside") for driver in (first, other)]
    assert [execution["status"] for execution in executions] == ["SUCCEEDED", "SUCCEEDED"]
    assert (
        executions[0]["executionArn"].replace("motiondrop-animation", "motiondrop-two-animation")
        == executions[1]["executionArn"]
    )
    assert first.tasks() == 2  # the same files: what one stack has paid for the other knows nothing of


def test_uninstalling_cancels_what_waits_keeps_both_buckets_and_the_table_and_deletes_all_else(own: Cloud) -> None:
    stack, driver = own.stack, Driver(own)
    assert driver.operate("pause").returncode == 0
    driver.drop_pair("too-late")
    driver.wait_for_state("too-late", "Wait for a slot")
    done = driver.operate("uninstall", "--yes")
    assert done.returncode == 0, done.stderr
    assert "canceled" in driver.wait_for_email("too-late")
    for name in (stack.inbox_bucket, stack.results_bucket, stack.table):
        assert f": {name}\n" in done.stdout
    assert described(stack, stack.stack_name)["StackStatus"] == "DELETE_COMPLETE"
    kept = stack.s3.list_objects_v2(Bucket=stack.results_bucket, Prefix="videos/")
    assert any(item["Key"].endswith(".mp4") for item in kept["Contents"])
    assert stack.s3.list_objects_v2(Bucket=stack.inbox_bucket)["KeyCount"] == 4
    assert stack.dynamodb.describe_table(TableName=stack.table)["Table"]["ItemCount"] >= 0
    functions = [function["FunctionName"] for function in stack.lambda_.list_functions()["Functions"]]
    assert not [name for name in stack.functions.values() if name in functions]
    for gone in (
        lambda: stack.stepfunctions.describe_state_machine(stateMachineArn=stack.state_machine_arn),
        lambda: stack.sns.get_topic_attributes(TopicArn=stack.notifications_topic_arn),
        lambda: stack.sqs.get_queue_attributes(QueueUrl=stack.event_queue_url),
    ):
        with pytest.raises(ClientError):
            gone()
