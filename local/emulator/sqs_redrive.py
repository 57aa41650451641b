"""A patch of SQS: dead letters can be put back."""

import time
import uuid
from typing import Any

from ministack.services import sqs

from local.emulator.internals import internal


def message_move_tasks() -> None:
    """Let StartMessageMoveTask put the messages of a dead-letter queue back into the queues they came from.

    AWS, "StartMessageMoveTask": without a destination each goes to its source queue, where its receive count begins
    anew. MiniStack does not know the action, but it remembers each message's source.
    """

    def start(data: dict[str, Any], _url: str) -> dict[str, Any]:
        dead = internal(sqs, "_queue_by_arn")(data.get("SourceArn", ""))
        if dead is None:
            error = internal(sqs, "_Err")
            raise error("ResourceNotFoundException", "The resource that you specified for the SourceArn doesn't exist.")
        messages, dead["messages"] = dead["messages"], []
        for message in messages:
            came_from = message.get("sys", {}).get("DeadLetterQueueSourceArn", "")
            queue = internal(sqs, "_queue_by_arn")(data.get("DestinationArn") or came_from)
            again = {**message, "receive_count": 0, "receipt_handle": None, "visible_at": time.time()}
            (queue or dead)["messages"].append(again)
        internal(sqs, "esm_wake").set()
        return {"TaskHandle": uuid.uuid4().hex}

    internal(sqs, "_HANDLERS")["StartMessageMoveTask"] = start
