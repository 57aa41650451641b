"""`motiondrop smoke` checks the files as a drop is checked, before it asks for money."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.smoke import inputs, smoke
from local.samples import draw_character
from motiondrop.domain.formats import Kind
from motiondrop.media.limits import Rejected, check_duration, match_name
from tests.support.media_cases import filmed


def no_stack() -> None:
    """Nothing that a stack has is needed before the files were checked."""


@pytest.mark.parametrize("seconds", [1, 31])
def test_a_video_that_a_drop_could_not_be_is_refused_in_the_words_of_a_receipt(tmp_path: Path, seconds: int) -> None:
    (tmp_path / "dance.mp4").write_bytes(filmed("mp4", f"testsrc2=s=240x320:r=5:d={seconds}"))
    words = ["--video", str(tmp_path / "dance.mp4"), "--yes"]
    done = CliRunner(mix_stderr=False).invoke(smoke, words, obj=no_stack)
    with pytest.raises(Rejected) as rejected:
        check_duration(seconds)
    assert done.exit_code == 1
    assert f"dance.mp4 would be rejected: {rejected.value.reason}" in done.stderr


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    done = CliRunner(mix_stderr=False).invoke(smoke, ["--image", str(tmp_path / "text.jpg")], obj=no_stack)
    with pytest.raises(Rejected) as rejected:
        match_name("text.jpg", None, Kind.IMAGE)
    assert done.exit_code == 1
    assert f"text.jpg would be rejected: {rejected.value.reason}" in done.stderr


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    done = CliRunner(mix_stderr=False).invoke(smoke, ["--image", str(tmp_path / "none.jpg")], obj=no_stack)
    assert done.exit_code == 2
    assert "none.jpg" in done.stderr


def test_the_same_image_is_other_content_each_time(tmp_path: Path) -> None:
    draw_character(tmp_path / "me.jpg")
    copies = []
    for _ in range(2):
        with inputs(tmp_path / "me.jpg", None) as files:
            copies.append(files.image.read_bytes())
            assert files.seconds == pytest.approx(2)
    assert copies[0] != copies[1]
