"""The names of a job: the identity of its content, and an id that a person can read."""

import hashlib
import re

from motiondrop.domain.job import Options
from motiondrop.domain.keys import stem_of
from motiondrop.sanitize import transliterated


def identity(image_digest: str, video_digest: str, options: Options) -> str:
    """80 bits, in hex, that identify a job's content: both files' content and the options, but not the files' names."""
    text = "\n".join(
        [
            image_digest,
            video_digest,
            options.model,
            options.mode,
            str(options.check_image).lower(),
            options.trim or "",
        ]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:20]


_SLUG_LENGTH = 48  # leaves room for identity and execution number in the 80 characters of an execution's name


def slug(image_key: str, video_key: str) -> str:
    """The dropped files' names in lower-case ASCII letters, digits and dashes, so that a person can find the job."""
    stems = [_ascii(stem_of(image_key)), _ascii(stem_of(video_key))]
    words = [stems[0]] if stems[0] == stems[1] else [stem[: _SLUG_LENGTH // 2 - 1] for stem in stems]
    return "-".join(word.strip("-") for word in words if word.strip("-"))[:_SLUG_LENGTH].strip("-") or "job"


def _ascii(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", transliterated(text).lower()).strip("-")


def job_id_of(image_key: str, video_key: str, identity_hex: str) -> str:
    """The job's id: the slug of its files' names, a dash, and its identity."""
    return f"{slug(image_key, video_key)}-{identity_hex}"


_JOB_ID = re.compile(r"[a-z0-9-]{1,60}-([0-9a-f]{20})")


def identity_of(job_id: str) -> str | None:
    """The identity that a job id ends in, or None if the text is not a job id."""
    match = _JOB_ID.fullmatch(job_id)
    return match.group(1) if match else None
