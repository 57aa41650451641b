import socket
from pathlib import Path

import pytest

from local.wan import Settings, serve
from local.wan.media import MAX_BYTES
from tests.support.stand_in import Caller, MediaServer, image_bytes, video_file


def failure(caller: Caller, image: str = "/image.png", video: str = "/video.mp4") -> str:
    """Create a task, which is accepted, and return the code it fails with."""
    answer = caller.finished(caller.create(image, video))
    output = answer["output"]
    assert list(answer) == ["request_id", "output"]
    assert list(output)[5:] == ["code", "message"]
    assert output["task_status"] == "FAILED"
    assert output["message"]
    return str(output["code"])


def test_media_are_fetched_by_get_alone(caller: Caller, media: MediaServer) -> None:
    media.files |= {"/signed.png": media.files["/image.png"], "/signed.mp4": media.files["/video.mp4"]}
    caller.finished(caller.create("/signed.png?X-Amz-Signature=1", "/signed.mp4"))
    asked = [request for request in media.asked if "signed" in request]
    assert asked == ["GET /signed.png?X-Amz-Signature=1", "GET /signed.mp4"]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_media_that_cannot_be_downloaded_fail_the_task(caller: Caller, media: MediaServer, status: int) -> None:
    media.statuses["/image.png"] = status
    assert failure(caller) == "InvalidParameter.DataInspection"
    assert failure(caller, image="/other.png") == "InvalidParameter.DataInspection"


def test_media_server_that_refuses_connections_fails_the_task(caller: Caller) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    body = caller.body()
    body["input"]["image_url"] = f"http://127.0.0.1:{port}/image.png"
    output = caller.finished(caller.post(body).json()["output"]["task_id"])["output"]
    assert output["code"] == "InvalidURL.ConnectionRefused"


def test_media_server_that_stays_silent_fails_the_task(caller: Caller, media: MediaServer) -> None:
    media.silent.add("/video.mp4")
    assert failure(caller) == "InvalidURL.Timeout"


@pytest.mark.parametrize(
    ("path", "size", "code"),
    [
        ("/a.png", (199, 300), "InvalidImage.Resolution"),
        ("/a.png", (4097, 2000), "InvalidImage.Resolution"),
        ("/a.png", (200, 601), "InvalidImage.AspectRatio"),
    ],
)
def test_image_of_a_wrong_size_fails_the_task(
    caller: Caller,
    media: MediaServer,
    path: str,
    size: tuple[int, int],
    code: str,
) -> None:
    media.files[path] = image_bytes(size)
    assert failure(caller, image=path) == code


@pytest.mark.parametrize(
    ("path", "name"),
    [("/a.jpg", "JPEG"), ("/a.JPEG", "JPEG"), ("/a.png", "PNG"), ("/a.bmp", "BMP"), ("/a.webp", "WEBP")],
)
@pytest.mark.parametrize("size", [(200, 200), (200, 600), (600, 200)])
def test_every_image_format_of_the_page_is_taken(
    caller: Caller,
    media: MediaServer,
    path: str,
    name: str,
    size: tuple[int, int],
) -> None:
    media.files[path] = image_bytes(size, name)
    assert caller.finished(caller.create(image=path))["output"]["task_status"] == "SUCCEEDED"


@pytest.mark.parametrize("path", ["/image", "/image.gif", "/image.png.txt", "/folder.png/image"])
def test_url_without_a_real_file_extension_is_an_unsupported_type(
    caller: Caller,
    media: MediaServer,
    path: str,
) -> None:
    media.files[path] = media.files["/image.png"]
    assert failure(caller, image=path + "?name=a.png") == "InvalidImage.Format"
    assert failure(caller, video="/video?x=.mp4") == "InvalidFile.Format"


def test_image_that_is_none_fails_the_task(caller: Caller, media: MediaServer) -> None:
    media.files |= {"/text.png": b"no image", "/empty.png": b"", "/gif.png": image_bytes(name="GIF")}
    media.files["/cut.png"] = media.files["/image.png"][:300]
    assert failure(caller, image="/text.png") == "InvalidImage.Openerror"
    assert failure(caller, image="/empty.png") == "InvalidImage.Openerror"
    assert failure(caller, image="/cut.png") == "InvalidImage.Openerror"
    assert failure(caller, image="/gif.png") == "InvalidImage.Format"


def test_image_over_five_megabytes_fails_the_task(caller: Caller, media: MediaServer) -> None:
    media.files["/big.png"] = media.files["/image.png"] + bytes(5 * 1024 * 1024)
    assert failure(caller, image="/big.png") == "InvalidImage.Size"


def test_video_over_its_limit_fails_the_task(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MAX_BYTES, "Video", 1000)
    assert failure(caller) == "InvalidFile.Size"


@pytest.mark.parametrize(
    ("size", "seconds", "code"),
    [
        ((240, 240), 1.9, "InvalidFile.Duration"),
        ((240, 240), 30.1, "InvalidFile.Duration"),
        ((198, 240), 2, "InvalidFile.Resolution"),
        ((2050, 1000), 2, "InvalidFile.Resolution"),
        ((200, 602), 2, "InvalidFile.AspectRatio"),
    ],
)
def test_video_of_a_wrong_shape_or_length_fails_the_task(
    *,
    caller: Caller,
    media: MediaServer,
    folder: Path,
    size: tuple[int, int],
    seconds: float,
    code: str,
) -> None:
    media.files["/wrong.mp4"] = video_file(folder / "wrong.mp4", size, seconds)
    assert failure(caller, video="/wrong.mp4") == code


@pytest.mark.parametrize("container", ["mov", "avi", "mp4"])
@pytest.mark.parametrize("seconds", [2, 30])
def test_every_video_format_of_the_page_is_taken(
    caller: Caller,
    media: MediaServer,
    folder: Path,
    container: str,
    seconds: float,
) -> None:
    media.files[f"/a.{container}"] = video_file(folder / "a", (200, 200), seconds, rate=2, container=container)
    answer = caller.finished(caller.create(video=f"/a.{container}"))
    assert answer["output"]["task_status"] == "SUCCEEDED"
    assert answer["usage"]["video_duration"] == seconds


def test_video_that_is_none_fails_the_task(caller: Caller, media: MediaServer, folder: Path) -> None:
    media.files["/text.mp4"] = b"no video" * 100
    media.files["/cut.mp4"] = media.files["/video.mp4"][:500]
    media.files["/webm.mp4"] = video_file(folder / "a", container="matroska")
    media.files["/image.mp4"] = media.files["/image.png"]
    assert failure(caller, video="/text.mp4") == "InvalidFile.Openerror"
    assert failure(caller, video="/cut.mp4") == "InvalidFile.Openerror"
    assert failure(caller, video="/webm.mp4") == "InvalidFile.Format"
    assert failure(caller, video="/image.mp4") == "InvalidFile.Format"


def test_media_trouble_does_not_stop_the_queue(caller: Caller) -> None:
    bad, good = caller.create(image="/none.png"), caller.create()
    assert caller.finished(good)["output"]["task_status"] == "SUCCEEDED"
    assert caller.status(bad) == "FAILED"


def test_media_trouble_shows_late_when_the_task_runs(media: MediaServer) -> None:
    with serve(Settings(task_seconds=100)) as stand_in:
        caller = Caller(stand_in.url, media.url)
        caller.create()
        bad = caller.create(image="/none.png")
        assert caller.status(bad) == "PENDING"
        assert not [path for path in media.asked if "none" in path]
