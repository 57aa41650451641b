"""`motiondrop drop`, `status` and `get`."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from cli import table
from cli.drop import drop
from cli.get import get
from cli.stack import Target
from cli.status import status
from motiondrop.domain.formats import Kind
from motiondrop.domain.job import Result as Saved
from motiondrop.domain.job import State
from motiondrop.storage.drops import Drop
from tests.support.bench import Bench, client
from tests.support.builders import REGION, make_input
from tests.support.target import make_target


@pytest.fixture
def target(bench: Bench) -> Target:
    for bucket in ("inbox", "results"):
        client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    client("secretsmanager").create_secret(Name="motiondrop/page-links", SecretString="s")
    return make_target(bench, InboxBucket="inbox", ResultsBucket="results", ResultPageUrl="https://page.example/")


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "hero.png").write_bytes(b"image")
    (tmp_path / "dance.MP4").write_bytes(b"video")
    return str(tmp_path / "hero.png"), str(tmp_path / "dance.MP4")


def run(command: click.Command, target: Target, *words: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(command, words, obj=lambda: target)


def inbox() -> set[str]:
    return {item["Key"] for item in client("s3").list_objects_v2(Bucket="inbox").get("Contents", [])}


@pytest.mark.parametrize(
    ("folder", "keys"),
    [((), {"hero.png", "hero.mp4"}), (("--folder", "/ada/films"), {"ada/films/hero.png", "ada/films/hero.mp4"})],
)
def test_two_files_are_dropped_as_namesakes_in_either_order(
    target: Target, files: tuple[str, str], folder: tuple[str, ...], keys: set[str]
) -> None:
    done = run(drop, target, *reversed(files), *folder)
    assert done.exit_code == 0
    assert inbox() == keys
    assert "motiondrop --stack motiondrop status" in done.output


def test_a_drop_never_overwrites_another_and_then_drops_neither(target: Target, files: tuple[str, str]) -> None:
    client("s3").put_object(Bucket="inbox", Key="hero.mp4", Body=b"another")
    done = run(drop, target, *files)
    assert (done.exit_code, inbox()) == (1, {"hero.mp4"})
    assert "hero.mp4 is in the inbox already" in done.stderr


def test_two_images_are_no_pair(target: Target, files: tuple[str, str]) -> None:
    done = run(drop, target, files[0], files[0])
    assert (done.exit_code, inbox()) == (2, set())


def test_status_lists_the_newest_jobs_a_line_each_with_tabs_in_a_pipe(target: Target, bench: Bench) -> None:
    job = bench.job("hero")
    lines = run(status, target).output.splitlines()
    assert lines[0].startswith("job\tstate\t")
    assert lines[1].split("\t")[:2] == [job.job_id, "QUEUED"]
    assert "$0.62" in lines[1]


def test_status_of_a_job_says_where_its_result_and_its_page_are(target: Target, bench: Bench) -> None:
    job = bench.job("hero", state=State.SUCCEEDED, result=Saved(key="videos/hero.mp4"))
    output = run(status, target, job.job_id).output
    assert "result\ts3://results/videos/hero.mp4" in output
    assert f"page\thttps://page.example/{job.job_id}?k=" in output


def test_status_of_a_folder_says_each_files_receipt(target: Target, bench: Bench) -> None:
    image, video = make_input("ada/hero.png", "i"), make_input("ada/small.mp4", "v")
    job = bench.job("ada/hero")
    bench.drops.record(Drop(image.key, Kind.IMAGE, "e", media=image))
    bench.drops.add_job(image.key, job.job_id, image.digest)
    bench.drops.record(Drop(video.key, Kind.VIDEO, "e", rejected="video is too short"))
    output = run(status, target, "ada").output
    assert "ada/small.mp4\trejected: video is too short" in output
    assert f"\t{job.job_id}\n" in output


def test_status_of_what_is_neither_says_so(target: Target) -> None:
    done = run(status, target, "nobody/")
    assert done.exit_code == 1
    assert "nothing in nobody/" in done.stderr


def test_a_name_that_hides_control_characters_shows_none(target: Target, bench: Bench) -> None:
    bench.job("evil", image=make_input("a\x1b[31m\tb.png", "i"))
    assert "\x1b" not in run(status, target).output


def test_at_a_terminal_status_is_a_table_that_takes_names_as_they_are(
    target: Target, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "has_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    job = bench.job("a-character-with-a-long-name", image=make_input("[red]b.png", "i"))
    output = run(status, target).output
    assert "───" in output
    assert f" {job.job_id} " in output
    assert "[red]b" in output


def test_get_saves_the_video_under_the_jobs_name(target: Target, bench: Bench, tmp_path: Path) -> None:
    job = bench.job("hero", state=State.SUCCEEDED, result=Saved(key="videos/x.mp4"))
    client("s3").put_object(Bucket="results", Key="videos/x.mp4", Body=b"video")
    done = run(get, target, job.job_id, str(tmp_path / "new"))
    assert done.exit_code == 0
    assert (tmp_path / "new" / f"{job.job_id}.mp4").read_bytes() == b"video"


@pytest.mark.parametrize("state", [State.QUEUED, State.FAILED])
def test_get_says_the_state_of_a_job_without_a_video(target: Target, bench: Bench, state: State) -> None:
    done = run(get, target, bench.job("hero", state=state).job_id)
    assert done.exit_code == 1
    assert state in done.stderr


def test_get_of_an_unknown_job_says_so(target: Target) -> None:
    assert "There is no job" in run(get, target, "x-0123456789abcdef0123").stderr
