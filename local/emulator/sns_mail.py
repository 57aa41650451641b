"""Patches of SNS: emails become files, and subjects that AWS refuses are refused."""

import itertools
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from ministack.services import sns

from local.emulator.internals import internal, replace
from local.emulator.settings import emulator_settings

MAX_SUBJECT_LENGTH = 99
_DEFAULT_SUBJECT = "AWS Notification Message"
_SUBJECT = re.compile(r"[\x21-\x7e][\x20-\x7e]*")


def mails_become_files() -> None:
    """Write each email of a topic into a file in the mail folder, as a mail reader would show it.

    AWS, "Email notifications": a message's subject is the email's, its text the body; without a subject the email's is
    "AWS Notification Message". With MessageStructure=json, subscribers by email get the text under the key `email`.
    MiniStack only logs a line.
    """
    folder = emulator_settings().mail_dir
    numbers = itertools.count(1)
    stock = internal(sns, "_fanout")
    text_for = internal(sns, "_resolve_message_for_protocol")

    def fanout(
        topic_arn: str,
        message_id: str,
        message: str,
        subject: str,
        structure: str = "",
        *rest: Any,
        **more: Any,
    ) -> None:
        if readers := _readers(topic_arn):
            now = datetime.now(UTC)
            mail = "\n".join(
                (
                    f"Subject: {subject or _DEFAULT_SUBJECT}",
                    f"To: {', '.join(readers)}",
                    f"Topic: {topic_arn}",
                    f"Date: {format_datetime(now)}",
                    "",
                    text_for(message, structure, "email"),
                    "",
                )
            )
            _write_whole(folder / f"{now:%Y%m%dT%H%M%S.%f}-{next(numbers):05d}.txt", mail)
        stock(topic_arn, message_id, message, subject, structure, *rest, **more)

    replace(sns, "_fanout", fanout)


def _readers(topic_arn: str) -> list[str]:
    topic = internal(sns, "_topic_by_arn_any_scope")(topic_arn) or {"subscriptions": []}
    return [s["endpoint"] for s in topic["subscriptions"] if s["protocol"] in ("email", "email-json")]


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that no one who watches the folder sees half of it."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(text)
    unfinished.rename(path)


def subjects_are_checked() -> None:
    """Refuse a subject that AWS refuses: over 99 characters, more than one line, control or non-ASCII characters.

    AWS, "Publish": ASCII text that begins with a letter, number or punctuation mark, without line breaks or
    control characters, less than 100 characters long; otherwise InvalidParameter. MiniStack takes any.
    """
    stock = internal(sns, "_publish")
    stock_internal = sns.publish_internal
    parameter = internal(sns, "_p")

    def publish(parameters: dict[str, Any]) -> Any:
        if not _is_acceptable(parameter(parameters, "Subject")):
            return internal(sns, "_error")("InvalidParameter", "Invalid parameter: Subject", 400)
        return stock(parameters)

    def publish_internal(topic_arn: str, message: Any, subject: str = "", **more: Any) -> Any:
        if not _is_acceptable(subject):
            raise sns.SnsPublishError("InvalidParameter", "Invalid parameter: Subject")
        return stock_internal(topic_arn, message, subject, **more)

    replace(sns, "_publish", publish)
    replace(sns, "publish_internal", publish_internal)


def _is_acceptable(subject: str | None) -> bool:
    if not subject:
        return True
    return len(subject) <= MAX_SUBJECT_LENGTH and _SUBJECT.fullmatch(subject) is not None
