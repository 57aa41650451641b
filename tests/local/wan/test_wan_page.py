"""The reference page's own commands and samples, and a client made from its text."""

import json
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from local.wan import DEMO_KEY
from tests.support.recorded_provider import CREATED, FAILED, REFUSED, SUCCEEDED
from tests.support.stand_in import Caller

CREATE_COMMAND = """\
curl --location 'https://dashscope-intl.aliyuncs.com/api/v1/services/aigc/image2video/video-synthesis' \\
--header 'X-DashScope-Async: enable' \\
--header "Authorization: Bearer $DASHSCOPE_API_KEY" \\
--header 'Content-Type: application/json' \\
--data '{
    "model": "wan2.2-animate-move",
    "input": {
        "image_url": "https://help-static-aliyun-doc.aliyuncs.com/file-manage-files/zh-CN/20250919/adsyrp/move_input_image.jpeg",
        "video_url": "https://help-static-aliyun-doc.aliyuncs.com/file-manage-files/zh-CN/20250919/kaakcn/move_input_video.mp4"
    },
    "parameters": {
        "mode": "wan-std"
    }
  }'
"""
QUERY_COMMAND = """\
curl -X GET https://dashscope-intl.aliyuncs.com/api/v1/tasks/0385dc79-5ff8-4d82-bcb6-xxxxxx \\
--header "Authorization: Bearer $DASHSCOPE_API_KEY"
"""


def shape(text: str | bytes) -> str:
    """Return an answer with every value but the words and the pace of the page's sample taken out."""
    document = json.dumps(json.loads(text), separators=(",", ":"))
    for name, form in FORMS.items():
        document = re.sub(rf'"{name}":({form})', f'"{name}":<{name}>', document)
    return document


FORMS = {
    "request_id": r'"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-(xxxxxx|[0-9a-f]{12})"',
    "task_id": r'"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-(xxxxxx|[0-9a-f]{12})"',
    "submit_time": r'"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"',
    "scheduled_time": r'"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"',
    "end_time": r'"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"',
    "video_url": r'"http://[^"]+\.mp4\?Expires=[^"]+"',
    "video_duration": r"\d+\.\d+",
    "message": '"(?!Invalid API-key)[^"]+"',
}


def run(command: str, caller: Caller, key: str = DEMO_KEY) -> str:
    """Run one of the page's commands with nothing changed but the hosts, the sample's id and the key."""
    command = command.replace("https://dashscope-intl.aliyuncs.com", caller.url)
    command = command.replace("\\\n", " ")
    command = re.sub(r"https://help-static[^\"]*/", f"{caller.media_url}/", command)
    words = [word.replace("$DASHSCOPE_API_KEY", key) for word in shlex.split(command)]
    curl = shutil.which(words[0])
    if curl is None:
        pytest.skip("there is no curl here")
    done = subprocess.run([curl, "-s", *words[1:]], capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - the page's own
    return done.stdout


@pytest.fixture
def page_media(caller: Caller, media: Any) -> Caller:
    media.files["/move_input_image.jpeg"] = media.files["/image.png"]
    media.files["/move_input_video.mp4"] = media.files["/video.mp4"]
    return caller


def test_pages_commands_create_a_task_and_query_it(page_media: Caller) -> None:
    created = run(CREATE_COMMAND, page_media)
    assert shape(created) == shape(CREATED)
    assert created == json.dumps(json.loads(created), separators=(",", ":"))
    task_id = json.loads(created)["output"]["task_id"]
    page_media.finished(task_id)
    queried = run(QUERY_COMMAND.replace("0385dc79-5ff8-4d82-bcb6-xxxxxx", task_id), page_media)
    assert shape(queried) == shape(SUCCEEDED)


def test_pages_command_with_a_wrong_key_gets_the_pages_error(page_media: Caller) -> None:
    assert shape(run(CREATE_COMMAND, page_media, "sk-xxxx")) == shape(REFUSED)


def test_failed_task_has_the_shape_of_the_pages_sample(caller: Caller) -> None:
    caller.fault("create", "task_failed", code="InternalError", message="xxxxxx")
    task_id = caller.create()
    answer = caller.finished(task_id)
    for name in ("submit_time", "scheduled_time", "end_time"):
        # The page's sample has no times; answers that were captured have them.
        assert answer["output"].pop(name)
    assert shape(json.dumps(answer)) == shape(FAILED)


def test_pages_task_id_is_unknown_here(caller: Caller) -> None:
    assert json.loads(run(QUERY_COMMAND, caller))["output"]["task_status"] == "UNKNOWN"


def test_client_made_from_the_pages_text_saves_a_video(caller: Caller, folder: Path) -> None:
    base = f"{caller.url}/api/v1"
    authorization = {"Authorization": f"Bearer {DEMO_KEY}"}
    created = requests.post(
        f"{base}/services/aigc/image2video/video-synthesis",
        headers={**authorization, "X-DashScope-Async": "enable", "Content-Type": "application/json"},
        data=json.dumps(
            {
                "model": "wan2.2-animate-move",
                "input": {
                    "image_url": f"{caller.media_url}/image.png",
                    "video_url": f"{caller.media_url}/video.mp4",
                },
                "parameters": {"mode": "wan-pro", "check_image": True},
            },
        ),
        timeout=10,
    )
    created.raise_for_status()
    task_id = created.json()["output"]["task_id"]
    for _ in range(100):
        answer = requests.get(f"{base}/tasks/{task_id}", headers=authorization, timeout=10).json()
        if answer["output"]["task_status"] not in ("PENDING", "RUNNING"):
            break
        time.sleep(0.05)
    assert answer["output"]["task_status"] == "SUCCEEDED"
    assert answer["usage"] == {"video_duration": 2.0, "video_ratio": "pro"}
    response = requests.get(answer["output"]["results"]["video_url"], stream=True, timeout=300)
    response.raise_for_status()
    saved = folder / "video.mp4"
    with saved.open("wb") as file:
        for chunk in response.iter_content(chunk_size=8192):
            file.write(chunk)
    assert saved.stat().st_size == int(response.headers["Content-Length"])
