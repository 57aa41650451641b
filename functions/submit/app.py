"""submit: a drop has arrived or was deleted (S3's events, through the event queue)."""

from typing import Any

from aws_lambda_powertools import Logger

from motiondrop import bootstrap
from motiondrop.aws.event_queue import SATURATED_SECONDS, events_in
from motiondrop.errors import Saturated

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001  # Lambda's shape
    """Handle each event in the queue's messages; a message that fails comes back soon."""
    for message in event["Records"]:
        try:
            for drop in events_in(message["body"]):
                bootstrap.submit().handle(drop)
        except Saturated:
            bootstrap.event_queue().postpone(message["body"], SATURATED_SECONDS)
        except Exception:
            received = int(message["attributes"]["ApproximateReceiveCount"])
            bootstrap.event_queue().try_again_soon(message["receiptHandle"], received)
            raise
