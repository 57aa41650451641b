"""What the stand-in's tests share: media made on the spot, a server for them, and a caller by raw HTTP."""

import io
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import requests
from av.video.stream import VideoStream
from PIL import Image, ImageDraw

from local.wan import DEMO_KEY

CREATE = "/api/v1/services/aigc/image2video/video-synthesis"
MOVE, MIX = "wan2.2-animate-move", "wan2.2-animate-mix"
OVER = {"SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN"}


def image_bytes(size: tuple[int, int] = (240, 320), name: str = "PNG", color: str = "teal", **options: Any) -> bytes:
    picture = Image.new("RGB", size, color)
    ImageDraw.Draw(picture).ellipse((60, 40, 180, 160), fill="pink")
    return picture_bytes(picture, name, **options)


def picture_bytes(picture: Image.Image, name: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, name, **options)
    return file.getvalue()


def video_file(
    path: Path,
    size: tuple[int, int] = (240, 200),
    seconds: float = 2,
    *,
    rate: int = 10,
    container: str = "mp4",
    pixel_aspect: int = 1,
    paint: Callable[[int], Image.Image] | None = None,
) -> bytes:
    codec = "mpeg4" if container == "avi" else "libx264"
    with av.open(str(path), "w", format=container) as sink:
        stream = sink.add_stream(codec, rate=rate)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(pixel_aspect)
        if codec == "libx264":
            stream.options = {"preset": "ultrafast"}
        for number in range(round(seconds * rate)):
            picture = paint(number) if paint else Image.new("RGB", size, (20, 40, (number * 9) % 256))
            frame = av.VideoFrame.from_image(picture)
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return path.read_bytes()


def frames(data: bytes) -> list[Image.Image]:
    with av.open(io.BytesIO(data), "r") as source:
        return [frame.to_image() for frame in source.decode(video=0)]


@dataclass
class MediaServer:
    """Serves files by path, and misbehaves on those in `statuses` and `silent`."""

    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    url: str = ""
    asked: list[str] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def begin(self, files: dict[str, bytes]) -> None:
        self.files, self.statuses, self.silent, self.asked = dict(files), {}, set(), []
        self.release = threading.Event()

    def start(self) -> ThreadingHTTPServer:
        media = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                media.asked.append(f"{self.command} {self.path}")
                if path in media.silent:
                    media.release.wait(10)
                body = media.files.get(path)
                status = media.statuses.get(path, 404 if body is None else 200)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Say nothing of those who did not wait for a silent path."""

        server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server


@dataclass
class Caller:
    """A caller of the stand-in who knows only the reference page."""

    url: str
    media_url: str
    key: str = DEMO_KEY
    session: requests.Session = field(default_factory=requests.Session)

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "X-DashScope-Async": "enable"}

    def body(
        self,
        image: str = "/image.png",
        video: str = "/video.mp4",
        mode: str = "wan-std",
        model: str = MOVE,
        **fields: Any,
    ) -> dict[str, Any]:
        """A creation's body; `fields` are more of its input."""
        return {
            "model": model,
            "input": {"image_url": self.media_url + image, "video_url": self.media_url + video, **fields},
            "parameters": {"mode": mode},
        }

    def post(self, body: Any, **headers: str | None) -> requests.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        all_headers = {**self.headers(), **given}
        sent = {name: value for name, value in all_headers.items() if value is not None}
        return self.session.post(self.url + CREATE, json=body, headers=sent, timeout=10)

    def create(self, image: str = "/image.png", video: str = "/video.mp4", mode: str = "wan-std", **more: Any) -> str:
        answer = self.post(self.body(image, video, mode, **more))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["output"]["task_id"])

    def query(self, task_id: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return self.session.get(f"{self.url}/api/v1/tasks/{task_id}", headers=headers, timeout=10)

    def status(self, task_id: str) -> str:
        return str(self.query(task_id).json()["output"]["task_status"])

    def list(self, **query: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return self.session.get(f"{self.url}/api/v1/tasks/", params=query, headers=headers, timeout=10)

    def cancel(self, task_id: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return self.session.post(f"{self.url}/api/v1/tasks/{task_id}/cancel", headers=headers, timeout=10)

    def finished(self, task_id: str) -> dict[str, Any]:
        return self.until(task_id, OVER)

    def until(self, task_id: str, statuses: set[str]) -> dict[str, Any]:
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            answer: dict[str, Any] = self.query(task_id).json()
            if answer["output"]["task_status"] in statuses:
                return answer
            time.sleep(0.01)
        raise AssertionError(f"the task did not become {statuses}: {answer}")

    def result_url(self, **inputs: Any) -> str:
        answer = self.finished(self.create(**inputs))
        return str(answer["output"]["results"]["video_url"])

    def control(self, name: str, body: Any = None) -> Any:
        url = f"{self.url}/_control/{name}"
        answer = self.session.get(url, timeout=10) if body is None else self.session.post(url, json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, on: str, kind: str, times: int = 1, **fields: Any) -> None:
        self.control("faults", {"on": on, "kind": kind, "times": times, **fields})

    def advance(self, seconds: float) -> None:
        self.control("clock", {"advance_seconds": seconds})
