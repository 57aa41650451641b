"""What template.yaml promises, read as SAM reads it."""

import inspect
import re
from dataclasses import fields
from typing import Any

import pytest
from pynamodb.indexes import GlobalSecondaryIndex

from cli.checks import WITHOUT_FUNCTION_URLS
from local.stack import PROJECT
from motiondrop import bootstrap
from motiondrop.settings import EventQueueSettings, LinkSettings, PublishingSettings, Settings
from motiondrop.storage.items import DropsByTime, JobsByTime, OpenItems
from tests.support.template import FUNCTIONS, RESOURCES, TEMPLATE, all_statements, folder_of, statements_of

# What Lambda itself sets, and what Powertools reads.
OF_LAMBDA = {"AWS_REGION"}
OF_POWERTOOLS = {"POWERTOOLS_LOG_LEVEL", "POWERTOOLS_SERVICE_NAME"}


def variables(function: dict[str, Any]) -> set[str]:
    common = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    own = function.get("Environment", {}).get("Variables", {})
    return set(common) | set(own)


def test_the_ten_functions_of_the_design_are_there() -> None:
    names = [folder_of(name) for name in FUNCTIONS]
    assert set(names) == {folder.parent.name for folder in (PROJECT / "functions").glob("*/app.py")}
    assert names[:4] == ["submit", "create", "poll", "finalize"]
    assert len(names) == 10


@pytest.mark.parametrize("section", ["Parameters", "Outputs"])
def test_every_parameter_and_output_says_what_it_is(section: str) -> None:
    assert [name for name, item in TEMPLATE[section].items() if not item.get("Description")] == []


def test_the_console_groups_every_parameter() -> None:
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(TEMPLATE["Parameters"])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_told_what_its_settings_ask_for_and_nothing_else(name: str) -> None:
    factory = getattr(bootstrap, folder_of(name))
    source = inspect.getsource(factory)
    kind = next(
        (kind for kind in (EventQueueSettings, PublishingSettings, LinkSettings) if kind.__name__ in source), Settings
    )
    asked = {field.name.upper() for field in fields(kind)} - OF_LAMBDA
    assert variables(FUNCTIONS[name]) - OF_POWERTOOLS == asked


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_log_group_that_forgets_and_that_cloudformation_names(name: str) -> None:
    logs = FUNCTIONS[name]["LoggingConfig"]["LogGroup"]["Ref"]
    assert "RetentionInDays" in RESOURCES[logs]["Properties"]
    assert "LogGroupName" not in RESOURCES[logs]["Properties"]  # a name that is left over would block the next stack


@pytest.mark.parametrize(("name", "statement"), list(all_statements()))
def test_a_policy_names_its_actions_and_resources(name: str, statement: dict[str, Any]) -> None:
    actions = statement["Action"]
    for action in actions if isinstance(actions, list) else [actions]:
        assert re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action), name
    resources = statement["Resource"]
    for resource in resources if isinstance(resources, list) else [resources]:
        # The machine's log deliveries have no name; test_security.py sees to it that each `*` has its reason.
        assert resource != "*" or all(action.startswith("logs:") for action in actions), name


def test_the_queue_hides_a_message_for_six_times_the_functions_timeout() -> None:
    timeout = FUNCTIONS["SubmitFunction"]["Timeout"]
    assert RESOURCES["EventQueue"]["Properties"]["VisibilityTimeout"] >= 6 * timeout


def test_lambda_takes_no_message_that_a_function_sends_to_itself_again_for_a_loop() -> None:
    """By default, Lambda drops a message after 16 invocations (recursive loop detection)."""
    for name, function in FUNCTIONS.items():
        queues = [event["Properties"].get("Queue") for event in function.get("Events", {}).values()]
        sends = [one["Resource"] for one in statements_of(name) if "sqs:SendMessage" in one["Action"]]
        to_itself = any(queue is not None and queue in sends for queue in queues)
        assert (function.get("RecursiveLoop") == "Allow") == to_itself, name


def test_functions_know_how_long_the_queue_hides_a_message() -> None:
    for name in ("SubmitFunction", "SweepFunction"):
        notified = FUNCTIONS[name]["Environment"]["Variables"]["EVENT_QUEUE_VISIBILITY"]
        assert notified == RESOURCES["EventQueue"]["Properties"]["VisibilityTimeout"]


def test_the_buckets_are_private_encrypted_and_kept() -> None:
    for name in ("InboxBucket", "ResultsBucket"):
        bucket = RESOURCES[name]
        assert bucket["DeletionPolicy"] == "RetainExceptOnCreate"
        assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["Properties"]["BucketEncryption"]


@pytest.mark.parametrize("index", [OpenItems, JobsByTime, DropsByTime])
def test_an_index_has_the_attributes_that_the_library_takes_from_it(index: type[GlobalSecondaryIndex[Any]]) -> None:
    name = index.Meta.index_name
    declared = RESOURCES["JobsTable"]["Properties"]["GlobalSecondaryIndexes"]
    (projection,) = [one["Projection"] for one in declared if one["IndexName"] == name]
    ours = index.Meta.projection
    assert projection["ProjectionType"] == ours.projection_type
    assert projection.get("NonKeyAttributes") == ours.non_key_attributes


def test_what_holds_data_outlives_the_stack_but_not_a_creation_that_failed() -> None:
    """CloudFormation User Guide, "DeletionPolicy attribute": a name that is kept would block the next creation."""
    kept = {name for name, one in RESOURCES.items() if one.get("DeletionPolicy") == "RetainExceptOnCreate"}
    assert kept == {"InboxBucket", "ResultsBucket", "JobsTable", "EncryptionKey"}
    assert {name for name, one in RESOURCES.items() if one.get("UpdateReplacePolicy") == "Retain"} == kept


def test_a_deployment_that_could_not_work_is_refused_by_a_rule() -> None:
    refused = str(TEMPLATE["Rules"])
    (rule,) = TEMPLATE["Rules"]["RegionWithFunctionUrls"]["Assertions"]
    assert set(re.findall(r"[a-z]{2}-[a-z]+-\d", str(rule["Assert"]))) == WITHOUT_FUNCTION_URLS
    assert all(region in refused for region in ("ap-southeast-7", "eu-south-2", "me-central-1", "cn-north-1"))
    assert not any(region in refused for region in ("ap-southeast-1'", "ap-northeast-2", "ap-east-1'"))
