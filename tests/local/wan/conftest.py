from collections.abc import Iterator
from pathlib import Path

import pytest

from local.wan import Settings, StandIn, serve
from tests.support.stand_in import Caller, MediaServer, image_bytes, video_file


@pytest.fixture(scope="session")
def video_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return video_file(tmp_path_factory.mktemp("media") / "video.mp4")


@pytest.fixture(scope="session")
def _shared_media() -> Iterator[MediaServer]:
    served = MediaServer()
    server = served.start()
    yield served
    server.shutdown()
    server.server_close()


@pytest.fixture
def media(_shared_media: MediaServer, video_bytes: bytes) -> Iterator[MediaServer]:
    _shared_media.begin({"/image.png": image_bytes(), "/video.mp4": video_bytes})
    yield _shared_media
    _shared_media.release.set()


@pytest.fixture(scope="session")
def _shared_stand_in() -> Iterator[StandIn]:
    with serve(QUICK) as stand_in:
        yield stand_in


QUICK = Settings(
    task_seconds=0,
    creations_per_second=10_000,
    queries_per_second=10_000,
    download_timeout_seconds=0.5,
    # Where a test only needs any video, none of its time goes into drawing.
    short_side=144,
)


@pytest.fixture
def stand_in(_shared_stand_in: StandIn) -> Iterator[StandIn]:
    """A stand-in whose tasks take no longer than their rendering."""
    yield _shared_stand_in
    settings = QUICK.shown()
    del settings["region"], settings["download_timeout_seconds"]
    _shared_stand_in.change(settings)
    _shared_stand_in.reset()


@pytest.fixture
def caller(stand_in: StandIn, media: MediaServer) -> Iterator[Caller]:
    made = Caller(stand_in.url, media.url)
    yield made
    made.session.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
