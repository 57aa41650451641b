"""What `make up` says to do next, and the `export` lines of `make env`."""

import shlex
from pathlib import Path

from local.drop_link import new_drop_link
from local.stack import PROJECT, Stack

FOLDER = "me/"


def exports(stack: Stack) -> str:
    """Return shell lines with which the AWS CLI and every SDK talk to the local cloud instead of AWS."""
    values = {
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_ACCESS_KEY_ID": stack.access_key_id,
        "AWS_SECRET_ACCESS_KEY": stack.secret_access_key,
        "AWS_SESSION_TOKEN": "",  # else one for the real AWS would be sent along
        "AWS_DEFAULT_REGION": stack.region,
        "AWS_REGION": stack.region,
        "INBOX_BUCKET": stack.inbox_bucket,
        "RESULTS_BUCKET": stack.results_bucket,
        "STATE_MACHINE_ARN": stack.state_machine_arn,
    }
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())


def next_steps(stack: Stack) -> str:
    """Return what can be done with the local cloud now, with a new drop link."""
    return f"""
Drop two files in the browser:
  {new_drop_link(stack, FOLDER)}
or with the AWS CLI, or any SDK:
  eval "$(make env)"
  aws s3 cp hero.png "s3://$INBOX_BUCKET/{FOLDER}"
  aws s3 cp hero.mp4 "s3://$INBOX_BUCKET/{FOLDER}"
  aws stepfunctions list-executions --state-machine-arn "$STATE_MACHINE_ARN"

A job takes about three minutes, as at the provider. Quicker from now on:
  make up ARGS="--wait-scale 0.1 --wan-task-seconds 8"

All jobs:              {stack.gallery_url}
Executions and emails: {stack.console_url}
Logs:                  {_short(stack.log_dir)}
Stop it:               make down"""


def _short(path: Path) -> str:
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)
