"""The model's part: fetch a task's inputs, check them, and render what stands in for the animation."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import requests

from local.wan import media
from local.wan.rendering import render
from local.wan.results import Result, ResultStore
from local.wan.scene import Order
from local.wan.settings import Settings
from local.wan.tasks import Task


class Model:
    """Carries out tasks: checks their files and renders their results. A thread does one task at a time."""

    def __init__(self, store: ResultStore, settings: Callable[[], Settings]) -> None:
        self._store = store
        self._settings = settings
        self._threads = threading.local()

    def work(self, task: Task) -> Result:
        """Return the task's result; raises ProviderError if its media cannot be downloaded or are not accepted."""
        image, video = self._store.scratch(), self._store.scratch()
        asked = task.creation
        try:
            image_digest = self._download(asked.image_url, "Image", image)
            media.check_image(image)
            video_digest = self._download(asked.video_url, "Video", video)
            facts = media.check_video(video)
            order = Order(asked.model, asked.mode, asked.watermark, self._settings().short_side)
            digest = hashlib.sha256(f"{image_digest}{video_digest}{order}".encode()).hexdigest()

            def make(target: Path) -> float:
                return render(image, video, facts, order, target)

            return self._store.get_or_make(digest, make)
        finally:
            image.unlink(missing_ok=True)
            video.unlink(missing_ok=True)

    def _download(self, url: str, kind: media.Kind, target: Path) -> str:
        return media.download(self._session(), url, kind, target, self._settings().download_timeout_seconds)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = requests.Session()
            # Loopback only: the machine's proxy settings must not apply.
            session.trust_env = False
            self._threads.session = session
        return session
