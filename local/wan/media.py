"""Download the inputs and check them as the provider does: when the task runs, not when it is made.

Limits: the reference page, "Request body", image_url and video_url.
"""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

import av
import requests
from PIL import Image

from local.wan.errors import ProviderError

Kind = Literal["Image", "Video"]
_MB = 1024 * 1024
MAX_BYTES: dict[Kind, int] = {"Image": 5 * _MB, "Video": 200 * _MB}
SIDES: dict[Kind, tuple[int, int]] = {"Image": (200, 4096), "Video": (200, 2048)}
MAX_ASPECT = 3.0
MIN_SECONDS, MAX_SECONDS = 2.0, 30.0
EXTENSIONS: dict[Kind, frozenset[str]] = {
    "Image": frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"}),
    "Video": frozenset({".mp4", ".avi", ".mov"}),
}
IMAGE_FORMATS = frozenset({"JPEG", "PNG", "BMP", "WEBP"})
VIDEO_CONTAINERS = frozenset({"mov", "mp4", "avi"})
#: The page of errors has no InvalidVideo: a video that does not fit is an InvalidFile.
_FAMILY: dict[Kind, str] = {"Image": "InvalidImage", "Video": "InvalidFile"}
_CHUNK = 256 * 1024
_WHOLE_DOWNLOAD = 6
"""A whole download may take this many times the timeout, which limits each wait for more bytes."""


@dataclass(frozen=True)
class VideoFacts:
    """What rendering needs to know of a reference video that passed the checks."""

    width: int
    height: int
    seconds: float


def download(session: requests.Session, url: str, kind: Kind, target: Path, timeout: float) -> str:
    """Save a URL's body to `target` and return its SHA-256; raises ProviderError with the code of what went wrong."""
    extension = PurePosixPath(unquote(urlsplit(url).path)).suffix.lower()
    if extension not in EXTENSIONS[kind]:
        allowed = ", ".join(sorted(EXTENSIONS[kind]))
        raise ProviderError(
            f"{_FAMILY[kind]}.Format",
            f"Unsupported file type {extension!r}: the URL's path must end in one of {allowed}.",
        )
    try:
        with session.get(url, stream=True, timeout=timeout) as response:
            if response.status_code != requests.codes.ok:
                raise ProviderError(
                    "InvalidParameter.DataInspection",
                    "Unable to download the media resource during the data inspection process.",
                )
            return _save(response, kind, target, time.monotonic() + _WHOLE_DOWNLOAD * timeout)
    except requests.Timeout as error:
        raise ProviderError("InvalidURL.Timeout", "Download timed out, please check the request URL.") from error
    except requests.ConnectionError as error:
        code = "InvalidURL.Timeout" if "timed out" in str(error) else "InvalidURL.ConnectionRefused"
        raise ProviderError(code, "Connection to the request URL failed, please check it is reachable.") from error
    except (requests.RequestException, ValueError) as error:
        raise ProviderError("InvalidURL", "The request URL is invalid or its body broke off.") from error


def _save(response: requests.Response, kind: Kind, target: Path, deadline: float) -> str:
    digest = hashlib.sha256()
    size = 0
    with target.open("wb") as file:
        for chunk in response.iter_content(_CHUNK):
            size += len(chunk)
            if size > MAX_BYTES[kind]:
                limit = MAX_BYTES[kind] // _MB
                raise ProviderError(f"{_FAMILY[kind]}.Size", f"The {kind.lower()} is larger than {limit} MB.")
            if time.monotonic() > deadline:
                raise ProviderError("InvalidURL.Timeout", "Download timed out, please check the request URL.")
            digest.update(chunk)
            file.write(chunk)
    if size == 0:
        raise ProviderError(f"{_FAMILY[kind]}.Openerror", f"The {kind.lower()} is empty.")
    return digest.hexdigest()


def check_image(path: Path) -> None:
    """Raise ProviderError if the file is not an image that the provider accepts."""
    try:
        with Image.open(path) as image:
            name, (width, height) = image.format, image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ProviderError("InvalidImage.Openerror", "The image cannot be opened.") from error
    if name not in IMAGE_FORMATS:
        raise ProviderError("InvalidImage.Format", f"The image is {name}, not JPG, JPEG, PNG, BMP or WEBP.")
    _check_shape("Image", width, height)


def check_video(path: Path) -> VideoFacts:
    """Return the reference video's facts; raises ProviderError if the provider would not accept it."""
    try:
        with av.open(str(path)) as container:
            if not VIDEO_CONTAINERS & set(container.format.name.split(",")):
                raise ProviderError("InvalidFile.Format", f"The video is {container.format.name}, not MP4, AVI or MOV.")
            if not container.streams.video:
                raise ProviderError("InvalidFile.Openerror", "The file has no video stream.")
            stream = container.streams.video[0]
            width, height = stream.codec_context.width, stream.codec_context.height
            seconds = 0.0
            if stream.duration and stream.time_base:
                seconds = float(stream.duration * stream.time_base)
            elif container.duration:
                seconds = container.duration / av.time_base
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ProviderError("InvalidFile.Openerror", "The video cannot be opened.") from error
    _check_shape("Video", width, height)
    # Containers count in ticks, which can make 30 s slightly longer: the duration is rounded to 0.01 s.
    if not MIN_SECONDS <= round(seconds, 2) <= MAX_SECONDS:
        raise ProviderError(
            "InvalidFile.Duration",
            f"The video lasts {seconds:.2f} s; it must last 2 s to 30 s.",
        )
    return VideoFacts(width, height, seconds)


def _check_shape(kind: Kind, width: int, height: int) -> None:
    low, high = SIDES[kind]
    if not (low <= width <= high and low <= height <= high):
        raise ProviderError(
            f"{_FAMILY[kind]}.Resolution",
            f"The {kind.lower()} is {width} x {height} px; both sides must be {low} to {high} px.",
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ProviderError(
            f"{_FAMILY[kind]}.AspectRatio",
            f"The {kind.lower()} is {width} x {height} px; its aspect ratio must be between 1:3 and 3:1.",
        )
