"""docs/stand-in.md: each of its commands is sent, in the page's order, to a stand-in that it starts itself."""

import contextlib
import io
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from local.stack import PROJECT
from local.wan import DEMO_KEY, faults, listing
from tests.local.wan.test_wan_page import CREATE_COMMAND, QUERY_COMMAND
from tests.local.wan.test_wan_process import process
from tests.support.stand_in import Caller, MediaServer

PAGE = (PROJECT / "docs" / "stand-in.md").read_text()
COMMANDS = dict(re.findall(r"<!-- ([a-z ]+) -->\n+```sh\n(.+?)```", PAGE, re.DOTALL))
HOST = "http://127.0.0.1:8900"
SAMPLE_ID = "0385dc79-5ff8-4d82-bcb6-xxxxxx"


class Shell:
    """Sends what curl would; knows the few options of the page, and fails at any other."""

    def __init__(self, url: str, media_url: str) -> None:
        self.variables = {"DASHSCOPE_API_KEY": DEMO_KEY}
        self._url = url
        self._media_url = media_url
        self._session = requests.Session()
        self._session.trust_env = False

    def run(self, command: str) -> requests.Response:
        command = command.replace(HOST, self._url)
        command = re.sub(r"https://help-static[^\"]*/", f"{self._media_url}/", command)
        for name, value in self.variables.items():
            command = command.replace(f"${name}", value)
        assert "$" not in command
        name, *words = shlex.split(command.replace("\\\n", " "))
        assert name == "curl"
        method, url, data, headers = "", "", None, {}
        while words:
            word = words.pop(0)
            match word:
                case "--location":
                    pass
                case "-X":
                    method = words.pop(0)
                case "--header":
                    header, _, value = words.pop(0).partition(": ")
                    headers[header] = value
                case "--data":
                    data = words.pop(0)
                case "--output":
                    words.pop(0)
                case _:
                    assert not word.startswith("-"), word
                    url = word
        if data is not None:
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")  # curl's own
        method = method or ("GET" if data is None else "POST")
        return self._session.request(method, url, data=data, headers=headers, timeout=20)

    def json(self, name: str) -> Any:
        answer = self.run(COMMANDS[name])
        assert answer.status_code == 200, answer.text
        return answer.json()


def test_every_command_of_the_page_does_what_the_page_says(media: MediaServer, folder: Path) -> None:
    media.files["/move_input_image.jpeg"] = media.files["/image.png"]
    media.files["/move_input_video.mp4"] = media.files["/video.mp4"]
    done: list[str] = []
    options = ["--task-seconds", "0", "--queries-per-second", "1000", "--short-side", "144"]
    with process(folder, *options) as (_, url):
        shell, caller = Shell(url, media.url), Caller(url, media.url)

        def run(name: str) -> Any:
            done.append(name)
            return shell.json(name)

        task_id = shell.variables["TASK_ID"] = run("creates the task")["output"]["task_id"]
        caller.finished(task_id)
        output = run("queries the task")["output"]
        assert output["task_status"] == "SUCCEEDED"
        shell.variables["VIDEO_URL"] = output["results"]["video_url"]
        done.append("fetches the video")
        assert shell.run(COMMANDS["fetches the video"]).content[4:8] == b"ftyp"
        assert [row["task_id"] for row in run("lists the tasks")["data"]] == [task_id]
        done.append("cancels a task")
        assert shell.run(COMMANDS["cancels a task"]).json()["code"] == "UnsupportedOperation"

        _faults_do_what_the_page_says(shell, caller, run)
        _settings_do_what_the_page_says(shell, caller, run)

        assert len(run("shows the tasks")) == 4
        assert run("shows the counts")["created"] == 4
        run("moves the clock")
        assert shell.json("queries the task")["output"]["task_status"] == "UNKNOWN"
        assert shell.run(COMMANDS["fetches the video"]).status_code == 403
        assert run("changes the settings")["concurrency"] == 2
        run("begins again")
        assert shell.json("shows the tasks") == []
        caller.session.close()
    assert done == list(COMMANDS)


def _faults_do_what_the_page_says(shell: Shell, caller: Caller, run: Callable[[str], Any]) -> None:
    run("loses an answer")
    with pytest.raises(requests.ConnectionError):
        shell.run(COMMANDS["creates the task"])
    run("throttles queries")
    codes = [shell.run(COMMANDS["queries the task"]).status_code for _ in range(4)]
    assert codes == [429, 429, 429, 200]
    run("fails a task")
    shell.variables["TASK_ID"] = shell.json("creates the task")["output"]["task_id"]
    assert caller.finished(shell.variables["TASK_ID"])["output"]["code"] == "InvalidFile.NoHuman"


def _settings_do_what_the_page_says(shell: Shell, caller: Caller, run: Callable[[str], Any]) -> None:
    run("takes a model offline")
    assert shell.run(COMMANDS["creates the task"]).json()["code"] == "AccessDenied"
    run("brings the model back")
    run("accepts wrong fields")
    answer = caller.post(caller.body(mode="fast"))
    assert caller.finished(answer.json()["output"]["task_id"])["output"]["code"] == "InvalidParameter"


def test_page_names_every_filter_of_the_list() -> None:
    named = PAGE.partition("The list of tasks with its filters (")[2].partition(")")[0]
    assert set(re.findall(r"`(\w+)`", named)) == {"start_time", "end_time", "status", *listing._EXACT}


def test_every_command_of_the_page_is_named_and_so_tested() -> None:
    blocks = re.findall(r"```sh\n(.+?)```", PAGE, re.DOTALL)
    assert [block for block in blocks if "curl" in block] == list(COMMANDS.values())


@pytest.mark.parametrize(
    ("name", "original"), [("creates the task", CREATE_COMMAND), ("queries the task", QUERY_COMMAND)]
)
def test_commands_are_the_providers_with_nothing_changed_but_the_host(name: str, original: str) -> None:
    wanted = original.replace("https://dashscope-intl.aliyuncs.com", HOST).replace(SAMPLE_ID, "$TASK_ID")
    assert COMMANDS[name] == wanted


def test_page_starts_the_program_as_it_is_started(media: MediaServer, folder: Path) -> None:
    command = shlex.split(PAGE.partition("```sh\n")[2].splitlines()[0])
    assert command[:3] == [".venv/bin/python", "-m", "local.wan"]
    options = ["0" if option == str(urlsplit(HOST).port) else option for option in command[3:]]
    with process(folder, *options) as (_, url):
        assert requests.get(f"{url}/_control/tasks", timeout=5).json() == []
    assert f"export DASHSCOPE_API_KEY={DEMO_KEY}" in PAGE


def test_page_names_every_fault() -> None:
    rows = re.findall(r"^\| (`.+?) \| (\w+) \|", PAGE, re.MULTILINE)
    named = {kind: on for kinds, on in rows for kind in re.findall(r"`(\w+)`", kinds)}
    everywhere = frozenset(faults.STAGES)
    assert named == {kind: "any" if stages == everywhere else "".join(stages) for kind, stages in faults.KINDS.items()}


def test_example_in_python_runs() -> None:
    example = PAGE.partition("```python\n")[2].partition("```")[0]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example, "docs/stand-in.md", "exec"), {})  # noqa: S102  # the page's own
    assert re.fullmatch(rf"http://127\.0\.0\.1:\d+ {DEMO_KEY}\n", printed.getvalue())
