"""What the scanners have no rule for: TLS only, no `*` without its reason, one key for all, logs without data."""

import re
from typing import Any

import pytest
import yaml

from local.stack import PROJECT
from tests.support.template import FUNCTIONS, RESOURCES, TEMPLATE, TEXT, statements_of

MACHINE: dict[str, Any] = yaml.safe_load((PROJECT / "statemachine" / "animation.asl.yaml").read_text())

#: The policy type of a resource that others reach directly, and the property that says whose policy it is.
POLICIES = {
    "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket"),
    "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues"),
    "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics"),
}
OPEN_TO_OTHERS = [name for name, resource in RESOURCES.items() if resource["Type"] in POLICIES]

#: What holds data, and where its type names the key.
KEYS = {
    "AWS::DynamoDB::Table": "SSESpecification",
    "AWS::Logs::LogGroup": "KmsKeyId",
    "AWS::S3::Bucket": "BucketEncryption",
    "AWS::SecretsManager::Secret": "KmsKeyId",  # pragma: allowlist secret
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::SQS::Queue": "KmsMasterKeyId",
}
HOLDS_DATA = [name for name, resource in RESOURCES.items() if resource["Type"] in KEYS]


def policy_statements(name: str) -> list[dict[str, Any]]:
    """The statements of the policies of a bucket, a queue or a topic."""
    kind, owner = POLICIES[RESOURCES[name]["Type"]]
    found: list[dict[str, Any]] = []
    for resource in RESOURCES.values():
        if resource["Type"] == kind and {"Ref": name} in as_list(resource["Properties"][owner]):
            found += resource["Properties"]["PolicyDocument"]["Statement"]
    return found


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("name", OPEN_TO_OTHERS)
def test_what_does_not_come_by_tls_is_refused(name: str) -> None:
    refused = [
        statement
        for statement in policy_statements(name)
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}
    ]
    assert [statement["Principal"] for statement in refused] == ["*"]


@pytest.mark.parametrize("name", OPEN_TO_OTHERS)
def test_a_service_that_may_come_in_comes_from_this_account(name: str) -> None:
    for statement in policy_statements(name):
        if statement["Effect"] == "Allow":
            assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_every_resource_that_is_not_named_has_its_reason_beside_it() -> None:
    lines = [line for line in TEXT.splitlines() if re.search(r"\bResource: *\[? *[\"']\*[\"']", line)]
    assert lines
    assert [line for line in lines if not re.search(r"# \w+ \w+", line)] == []


@pytest.mark.parametrize("name", HOLDS_DATA)
def test_everything_that_holds_data_uses_the_stacks_key_where_one_is_asked_for(name: str) -> None:
    resource = RESOURCES[name]
    encryption = repr(resource["Properties"][KEYS[resource["Type"]]])
    assert "'HasOwnKey'" in encryption
    assert "EncryptionKey" in encryption


def test_every_function_may_use_the_stacks_key_and_encrypts_its_variables_with_it() -> None:
    granting = {
        name
        for name, resource in RESOURCES.items()
        if "'kms:Decrypt'" in repr(resource["Properties"]) and resource["Type"] != "AWS::KMS::Key"
    }
    roles = {role["Ref"] for role in RESOURCES["JobsPolicy"]["Properties"]["Roles"]}
    alone = {"DropPageFunction", "MediaFunction", "ResultPageFunction"}
    assert granting == {"JobsPolicy"} | alone
    assert roles | {f"{name}Role" for name in alone} == {f"{name}Role" for name in FUNCTIONS}
    assert "EncryptionKey" in repr(TEMPLATE["Globals"]["Function"]["KmsKeyArn"])


def test_a_function_is_made_after_the_policies_that_it_shares_so_no_event_comes_before_its_rights() -> None:
    shared = {name: resource for name, resource in RESOURCES.items() if resource["Type"] == "AWS::IAM::Policy"}
    assert len(shared) == 3
    for name in FUNCTIONS:
        mine = {policy for policy, made in shared.items() if {"Ref": f"{name}Role"} in made["Properties"]["Roles"]}
        assert set(RESOURCES[name].get("DependsOn", [])) == mine, name


def test_the_services_that_reach_encrypted_queues_topics_and_logs_may_use_the_key() -> None:
    services: set[str] = set()
    for statement in RESOURCES["EncryptionKey"]["Properties"]["KeyPolicy"]["Statement"]:
        services |= {repr(service) for service in as_list(statement["Principal"].get("Service", []))}
    said = " ".join(services)
    for service in ("s3.amazonaws.com", "cloudwatch.amazonaws.com", "events.amazonaws.com", "logs."):
        assert service in said


def test_half_uploads_are_removed_after_a_day_in_both_buckets() -> None:
    for name in ("InboxBucket", "ResultsBucket"):
        rules = RESOURCES[name]["Properties"]["LifecycleConfiguration"]["Rules"]
        assert {"DaysAfterInitiation": 1} in [rule.get("AbortIncompleteMultipartUpload") for rule in rules]


def test_the_inbox_forgets_only_where_it_is_told_to() -> None:
    rules = RESOURCES["InboxBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiry = [rule["Fn::If"] for rule in rules if "Fn::If" in rule]
    assert [condition for condition, *_ in expiry] == ["HasInboxExpiry"]
    assert TEMPLATE["Parameters"]["InboxExpiryDays"]["Default"] == 0


def test_a_drop_that_expires_is_there_for_two_days_at_least() -> None:
    parameter = TEMPLATE["Parameters"]["InboxExpiryDays"]
    assert (parameter["Type"], parameter["MinValue"]) == ("Number", 0)
    (assertion,) = TEMPLATE["Rules"]["DropsOfOneDay"]["Assertions"]
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "InboxExpiryDays"}, 1]}]}


def test_results_keep_their_versions_and_nothing_expires_them() -> None:
    results = RESOURCES["ResultsBucket"]["Properties"]
    assert results["VersioningConfiguration"] == {"Status": "Enabled"}
    assert not [rule for rule in results["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule]


def test_the_state_machine_logs_errors_without_what_goes_through_its_states() -> None:
    logging = RESOURCES["AnimationStateMachine"]["Properties"]["Logging"]
    assert logging["Level"] == "ERROR"
    assert logging["IncludeExecutionData"] is False
    assert "RetentionInDays" in RESOURCES["AnimationLogs"]["Properties"]


def test_every_step_of_the_state_machine_and_the_machine_itself_end_at_some_time() -> None:
    steps = [MACHINE, *(state for state in MACHINE["States"].values() if state["Type"] == "Task")]
    assert all(step["TimeoutSeconds"] > 0 for step in steps)


def test_every_event_that_a_function_or_a_rule_gives_up_is_kept() -> None:
    conclude = RESOURCES["ConcludeFunction"]["Properties"]
    assert conclude["DeadLetterQueue"]
    assert conclude["Events"]["ExecutionEnded"]["Properties"]["DeadLetterConfig"]
    assert RESOURCES["EventQueue"]["Properties"]["RedrivePolicy"]


def test_nothing_is_reserved_unless_it_is_asked_for() -> None:
    for name in ("FunctionConcurrency", "PageConcurrency"):
        assert TEMPLATE["Parameters"][name]["Default"] == -1
        assert TEMPLATE["Conditions"][f"Has{name}"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, -1]}]}


def test_an_exception_from_a_scanner_says_why_and_stands_in_one_file() -> None:
    assert "checkov:skip" not in TEXT
    exceptions = [line for line in (PROJECT / ".checkov.yaml").read_text().splitlines() if "CKV" in line]
    assert exceptions
    assert [line for line in exceptions if not re.search(r"# .{20,}", line)] == []


def test_the_function_that_opens_files_may_touch_no_table_no_secret_and_no_topic() -> None:
    granted = re.findall(r"'(\w+):\w+'", repr([said["Action"] for said in statements_of("MediaFunction")]))
    assert set(granted) == {"s3", "kms"}
    others = [name for name in FUNCTIONS if "MediaLayer" in repr(RESOURCES[name]["Properties"].get("Layers", []))]
    assert others == ["MediaFunction"]
