"""`motiondrop forget`: by a job's id or by a file, with what stays out of reach."""

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import asking
from cli.forget import content_of, forget
from cli.stack import Target
from motiondrop.domain.formats import Kind
from motiondrop.domain.job import Job, State
from motiondrop.storage.drops import Drop
from tests.support.bench import Bench, client
from tests.support.builders import REGION, make_input
from tests.support.target import make_target

BODY = b"ada's face"
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def target(bench: Bench) -> Target:
    for bucket in ("inbox", "results"):
        client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    return make_target(bench, InboxBucket="inbox", ResultsBucket="results")


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "ada.png"
    path.write_bytes(BODY)
    return str(path)


def job_of_ada(bench: Bench, name: str, state: State = State.SUCCEEDED) -> Job:
    """A job of the file, dropped under that name."""
    job = bench.job(name, state=state, image=make_input(f"{name}.png", DIGEST))
    drop(bench, f"{name}.png")
    bench.drops.add_job(f"{name}.png", job.job_id, DIGEST)
    return job


def drop(bench: Bench, key: str, rejected: str | None = None) -> None:
    etag = client("s3").put_object(Bucket="inbox", Key=key, Body=BODY)["ETag"]
    media = None if rejected else make_input(key, DIGEST)
    bench.drops.record(Drop(key, Kind.IMAGE, etag, media=media, rejected=rejected))


def inbox() -> set[str]:
    return {item["Key"] for item in client("s3").list_objects_v2(Bucket="inbox").get("Contents", [])}


def run(target: Target, *words: str, answer: str = "") -> Result:
    return CliRunner(mix_stderr=False).invoke(forget, words, obj=lambda: target, input=answer)


def test_a_file_is_forgotten_with_every_job_and_drop_that_has_it(target: Target, bench: Bench, file: str) -> None:
    jobs = [job_of_ada(bench, name) for name in ("hero", "films/anna")]
    drop(bench, "alone.png")
    drop(bench, "small.png", rejected="image is too small")
    other = bench.job("other", state=State.SUCCEEDED)
    done = run(target, "--image", file, "--yes")
    assert done.exit_code == 0, done.stderr
    assert inbox() == set()
    assert bench.jobs.find(job.job_id for job in [*jobs, other]) == [bench.read(other)]
    for words in ("90 days", "24 hours", "emails"):
        assert words in done.output


def test_a_job_that_has_not_ended_is_named_and_the_others_are_forgotten(
    target: Target, bench: Bench, file: str
) -> None:
    ended, running = job_of_ada(bench, "ended"), job_of_ada(bench, "running", State.RUNNING)
    done = run(target, "--image", file, "--yes")
    assert done.exit_code == 1
    assert running.job_id in done.stderr
    assert bench.jobs.find([ended.job_id, running.job_id]) == [bench.read(running)]
    assert inbox() == {"running.png"}


def test_a_file_that_is_nobodys_deletes_nothing(target: Target, bench: Bench, tmp_path: Path) -> None:
    job_of_ada(bench, "hero")
    (tmp_path / "other.png").write_bytes(b"somebody else")
    done = run(target, "--image", str(tmp_path / "other.png"))
    assert done.exit_code == 0
    assert "No job and no drop has the content of other.png." in done.output
    assert inbox() == {"hero.png"}


@pytest.mark.parametrize("terminal", [True, False])
def test_a_file_is_not_forgotten_without_a_yes(
    target: Target, bench: Bench, file: str, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(asking, "has_terminal", lambda: terminal)
    job_of_ada(bench, "hero")
    assert run(target, "--image", file, answer="no\n").exit_code == 1
    assert inbox() == {"hero.png"}


def test_a_job_is_forgotten_by_its_id_and_allowed_again(target: Target, bench: Bench) -> None:
    job = job_of_ada(bench, "hero")
    assert "is forgotten" in run(target, job.job_id).output
    again = run(target, job.job_id)
    assert (again.exit_code, "forgotten before" in again.stderr) == (1, True)
    assert run(target, job.job_id, "--allow-again").exit_code == 0
    assert run(target, job.job_id, "--allow-again").exit_code == 1


@pytest.mark.parametrize("words", [[], ["x-0123456789abcdef0123", "--image"], ["--image", "--allow-again"]])
def test_what_cannot_be_meant_is_refused(target: Target, file: str, words: list[str]) -> None:
    named = [part for word in words for part in ([word, file] if word == "--image" else [word])]
    assert run(target, *named).exit_code == 2


def test_a_file_is_known_by_what_a_drop_of_it_has(target: Target, file: str) -> None:
    content = content_of(Path(file))
    assert content.digest == DIGEST
    assert content.etag == client("s3").put_object(Bucket="inbox", Key="x", Body=BODY)["ETag"]
