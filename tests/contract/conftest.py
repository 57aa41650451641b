"""The files that tasks are made of, served to the stand-in."""

from collections.abc import Iterator

import pytest

from tests.support.stand_in import MediaServer, image_bytes, video_file


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaServer]:
    served = MediaServer()
    server = served.start()
    video = video_file(tmp_path_factory.mktemp("media") / "video.mp4")
    served.begin({"/image.png": image_bytes(), "/video.mp4": video})
    yield served
    server.shutdown()
    server.server_close()
