"""`motiondrop --local`: a pair is dropped, followed and downloaded from a terminal, and a healthy cloud is all ok."""

import io
from pathlib import Path

import av

from tests.support.driver import Driver, image, video


def operated(driver: Driver, *words: str) -> str:
    done = driver.operate(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_pair_is_dropped_followed_and_downloaded(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "terminal.png").write_bytes(image())
    (tmp_path / "dance.mp4").write_bytes(video())
    files = [str(tmp_path / name) for name in ("dance.mp4", "terminal.png")]
    assert "--local status desk/" in operated(driver, "drop", *files, "--folder", "desk/")
    assert driver.wait_for_execution("terminal")["status"] == "SUCCEEDED"
    receipt = driver.wait_for_receipt("desk/terminal.png", "done")
    rows = [line.split("\t") for line in operated(driver, "status", "desk/").splitlines()[1:]]
    assert {row[0] for row in rows} == {"desk/terminal.png", "desk/terminal.mp4"}
    assert all(row[1].startswith(receipt) for row in rows)
    job_id = rows[0][2]
    assert f"{job_id}\tSUCCEEDED\t" in operated(driver, "status")
    assert "state\tSUCCEEDED\n" in operated(driver, "status", job_id)
    path = operated(driver, "get", job_id, str(tmp_path / "videos")).strip()
    with av.open(io.BytesIO(Path(path).read_bytes())) as container:
        assert container.streams.video
    assert driver.operate("drop", *files, "--folder", "desk/").returncode == 1  # nothing is overwritten


def test_a_healthy_cloud_is_all_ok_and_a_broken_part_is_named(driver: Driver) -> None:
    lines = operated(driver, "doctor").splitlines()
    assert [line for line in lines if not line.startswith("  ok  ")] == [line for line in lines if "metrics" in line]
    assert len(lines) == 15
    with driver.paused():
        done = driver.operate("doctor")
    assert done.returncode == 1
    assert "NOT queue: it is paused: motiondrop --local resume" in done.stdout
