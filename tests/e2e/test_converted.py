"""What phones make goes the whole way: a HEIC photo and a clip in 4K, 10 bits and HLG."""

import io

import av

from tests.support.driver import Driver, image
from tests.support.media_cases import LATITUDE, filmed, heic, hlg

FILES = ("image", "video")


def copies(driver: Driver, stem: str) -> tuple[bytes, bytes]:
    """What the provider was given for a job: image and video."""
    arn = driver.executions(stem)[0]["executionArn"]
    job = driver.job(arn)
    s3, bucket = driver.stack.s3, driver.stack.results_bucket
    image_copy, video_copy = (s3.get_object(Bucket=bucket, Key=job[one]["copy"])["Body"].read() for one in FILES)
    return image_copy, video_copy


def test_a_heic_and_a_4k_hlg_clip_become_a_saved_result(driver: Driver) -> None:
    driver.drop("phone.mov", hlg())
    assert driver.wait_for_receipt(
        "phone.mov", "waiting for an image - converted: H.265 to H.264 - 3840x2160 to 2048x1152 px - HDR"
    )
    driver.drop("phone.heic", heic())
    execution = driver.wait_for_execution("phone")
    assert execution["status"] == "SUCCEEDED"
    assert "Convert the files" in driver.states(execution["executionArn"])
    assert "converted: HEIC to JPEG" in driver.wait_for_receipt("phone.heic", "done")
    picture, video = copies(driver, "phone")
    assert picture[:2] == b"\xff\xd8"
    with av.open(io.BytesIO(video)) as opened:
        stream = opened.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 2048, 1152)
        assert stream.format.name == "yuv420p"


def test_no_position_leaves_the_inbox(driver: Driver) -> None:
    driver.drop("positioned.png", image())
    clip = filmed("mov", "testsrc2=s=480x640:r=30:d=3", location=LATITUDE)
    assert LATITUDE.encode() in clip
    driver.drop("positioned.mov", clip)
    assert driver.wait_for_execution("positioned")["status"] == "SUCCEEDED"
    assert all(LATITUDE.encode() not in copy for copy in copies(driver, "positioned"))


def test_a_pair_that_needs_no_converting_is_not_converted(driver: Driver) -> None:
    driver.drop_pair("as-it-is")
    execution = driver.wait_for_execution("as-it-is")
    assert "Convert the files" not in driver.states(execution["executionArn"])
