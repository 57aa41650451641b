"""The state machine: starting and stopping executions, reading their status, and waking those that wait."""

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from motiondrop.aws.error_codes import code_of
from motiondrop.domain.execution import input_of
from motiondrop.domain.job import Job
from motiondrop.domain.step import admitted

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

#: Error codes for a task token at which no execution waits any more.
_OVER = {"TaskTimedOut", "InvalidToken", "TaskDoesNotExist"}


class Executions:
    """The executions of one stack's state machine."""

    def __init__(self, sfn: "SFNClient", state_machine_arn: str) -> None:
        self._sfn = sfn
        self._arn = state_machine_arn

    def start(self, job: Job) -> bool:
        """Start the job's newest execution; return False if one of that name was started before and is over."""
        try:
            self._sfn.start_execution(
                stateMachineArn=self._arn,
                name=job.execution_name,
                input=json.dumps(input_of(job), ensure_ascii=False),
            )
        except ClientError as error:
            if code_of(error) != "ExecutionAlreadyExists":
                raise
            return False
        return True

    def stop(self, arn: str, cause: str) -> None:
        """Stop an execution whose job has ended without it; do nothing if the execution is already over."""
        self._sfn.stop_execution(executionArn=arn, error="JobClosed", cause=cause)

    def status(self, arn: str) -> str:
        """The execution's status, such as RUNNING or ABORTED; GONE for one that Step Functions has forgotten."""
        try:
            return self._sfn.describe_execution(executionArn=arn)["status"]
        except ClientError as error:
            if code_of(error) == "ExecutionDoesNotExist":
                return "GONE"
            raise

    def alive(self, arn: str) -> bool:
        """Whether the execution is still running."""
        return self.status(arn) == "RUNNING"

    def arn_of(self, name: str) -> str:
        """The ARN of the execution called `name`."""
        return f"{self._arn.replace(':stateMachine:', ':execution:')}:{name}"

    def wake(self, token: str, job: Job) -> None:
        """Let the job's execution, which waits at `token`, continue; do nothing if none waits there any more."""
        try:
            self._sfn.send_task_success(taskToken=token, output=json.dumps(admitted(job)))
        except ClientError as error:
            if code_of(error) not in _OVER:
                raise
