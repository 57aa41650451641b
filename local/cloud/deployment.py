"""CloudFormation: the stack is created, or updated when something changed."""

import time
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from local.cloud.progress import CloudError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

DEPLOY_SECONDS = 180.0


def deploy(client: "CloudFormationClient", name: str, template_url: str, parameters: dict[str, str]) -> dict[str, str]:
    """Create or update the stack and return its outputs; raises CloudError with the failed resources."""
    exists = _stack(client, name) is not None
    if exists:
        _settled(client, name)  # an earlier command may have been interrupted
    operation = client.update_stack if exists else client.create_stack
    try:
        operation(
            StackName=name,
            TemplateURL=template_url,
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    except ClientError as error:
        message = error.response["Error"].get("Message", "")
        if "No updates are to be performed" not in message:
            raise CloudError("CloudFormation refused the template.", message) from error
    stack = _settled(client, name)
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise CloudError(f"Deploying the stack ended as {stack['StackStatus']}.", _failures(client, name))
    return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}


def _stack(client: "CloudFormationClient", name: str) -> "StackTypeDef | None":
    try:
        return client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError:
        return None


def _settled(client: "CloudFormationClient", name: str) -> "StackTypeDef":
    """Wait until nothing is in progress, and return the stack."""
    deadline = time.monotonic() + DEPLOY_SECONDS
    while (stack := _stack(client, name)) is None or stack["StackStatus"].endswith("_IN_PROGRESS"):
        if time.monotonic() > deadline:
            raise CloudError(f"The stack was not deployed within {DEPLOY_SECONDS:.0f} s.")
        time.sleep(0.2)
    return stack


def _failures(client: "CloudFormationClient", name: str) -> str:
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    failed = [e for e in events if "FAILED" in e.get("ResourceStatus", "")]
    return "\n".join(
        f"{e.get('LogicalResourceId')}: {e.get('ResourceStatus')} {e.get('ResourceStatusReason', '')}"
        for e in reversed(failed)
    )


def functions_of(client: "CloudFormationClient", name: str) -> dict[str, str]:
    """Return the stack's functions: logical id → name."""
    resources = client.describe_stack_resources(StackName=name)["StackResources"]
    return {
        r["LogicalResourceId"]: r.get("PhysicalResourceId", "")
        for r in resources
        if r["ResourceType"] == "AWS::Lambda::Function"
    }
