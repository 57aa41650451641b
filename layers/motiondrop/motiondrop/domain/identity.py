"""What names a job: the identity of its content, and an id that a person can read."""

import hashlib
import re

from motiondrop.domain.job import Options
from motiondrop.domain.keys import stem_of
from motiondrop.sanitize import transliterated


def identity(image_digest: str, video_digest: str, options: Options) -> str:
    """The 80 bits, in hex, that name a job's content: both files and the options, and nothing of their names."""
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


_SLUG_LENGTH = 48  # with the identity and an execution's number, within the 80 characters of an execution's name


def slug(image_key: str, video_key: str) -> str:
    """The dropped names in lower-case ASCII letters, digits and dashes: what a person finds a job by."""
    stems = [_ascii(stem_of(image_key)), _ascii(stem_of(video_key))]
    words = [stems[0]] if stems[0] == stems[1] else [stem[: _SLUG_LENGTH // 2 - 1] for stem in stems]
    return "-".join(word.strip("-") for word in words if word.strip("-"))[:_SLUG_LENGTH].strip("-") or "job"


def _ascii(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", transliterated(text).lower()).strip("-")


def job_id_of(image_key: str, video_key: str, identity_hex: str) -> str:
    """The job's id: the slug of its names, a dash, its identity."""
    return f"{slug(image_key, video_key)}-{identity_hex}"


_JOB_ID = re.compile(r"[a-z0-9-]{1,60}-([0-9a-f]{20})")


def identity_of(job_id: str) -> str | None:
    """The identity that a job id ends in, or None where the text is no job id."""
    match = _JOB_ID.fullmatch(job_id)
    return match.group(1) if match else None
