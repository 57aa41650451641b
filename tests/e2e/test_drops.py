"""Every drop gets its receipt before it has a partner, and what is refused never costs anything."""

from functools import partial

import pytest

from motiondrop.domain.formats import Kind
from motiondrop.domain.keys import kind_of
from tests.e2e.drop_cases import NOTHING, WAITING_IMAGE, WAITING_VIDEO, Row, rows
from tests.support.driver import Driver, image, video


@pytest.fixture
def dropped(driver: Driver) -> list[tuple[str, Row]]:
    """The whole table, each drop in a folder of its own; some of the refused ones with a good partner."""
    table = [(f"intake/{number:03d}/{row.name}", row) for number, row in enumerate(rows())]
    for key, row in table:
        driver.drop(key, row.body(), **row.metadata)
    for key, row in table[::4]:
        if row.receipt.startswith("rejected") and "." in row.name:
            good, body = (".mp4", video()) if kind_of(key) is Kind.IMAGE else (".png", image())
            driver.drop(key.rpartition(".")[0] + good, body)
    return table


def test_every_drop_of_the_table_gets_its_receipt_and_none_makes_a_task(
    driver: Driver, dropped: list[tuple[str, Row]]
) -> None:
    made = driver.tasks()
    assert len(dropped) >= 150
    wrong = []
    for key, row in dropped:
        if row.receipt != NOTHING:
            receipt = driver.cloud.wait_for(partial(driver.receipt, key), f"a receipt of {key}", seconds=90)
            if not row.gets(receipt):
                wrong.append((key, row.receipt, receipt))
    assert wrong == []
    assert [key for key, row in dropped if row.receipt == NOTHING and driver.receipt(key)] == []
    assert driver.tasks() == made


def test_no_order_of_arrival_changes_what_is_paid_for(driver: Driver) -> None:
    made = driver.tasks()
    pictures = {"a.png": image(), "b.png": image()}
    clips = {"a.mp4": video(2, 200), "dance.mp4": video(2, 210)}
    names = [*pictures, *clips]
    for number in range(4):  # each of them comes first once, and last once; the unit tests shuffle and repeat events
        for name in names[number:] + names[:number]:
            driver.drop(f"orders/{number}/{name}", pictures.get(name) or clips[name])
    for number in range(4):
        assert driver.wait_for_receipt(f"orders/{number}/a.png", "done")
        assert driver.wait_for_receipt(f"orders/{number}/b.png", "done")
    assert driver.tasks() == made + 2


def test_deleting_a_drop_that_waits_in_line_cancels_its_job(driver: Driver) -> None:
    with driver.paused():
        driver.drop_pair("deleted")
        arn = driver.wait_for_state("deleted", "Wait for a slot")
        driver.stack.s3.delete_object(Bucket=driver.stack.inbox_bucket, Key="deleted.png")
        email = driver.wait_for_email("deleted")
    assert "One of the two files was deleted before the animation started." in email
    assert driver.wait_for_receipt("deleted.mp4", "canceled")
    driver.cloud.wait_for(lambda: driver.status(arn)["status"] == "ABORTED", "the execution to be stopped")


def test_overwriting_a_drop_withdraws_the_job_that_waits(driver: Driver) -> None:
    with driver.paused():
        driver.drop_pair("kept")
        driver.wait_for_state("kept", "Wait for a slot")
        driver.drop("kept.png", b"something else")
        driver.wait_for_receipt("kept.png", "rejected")
        driver.wait_for_receipt("kept.mp4", "canceled")
    assert driver.wait_for_execution("kept")["status"] == "ABORTED"
    assert "One of the two files was replaced before the animation started." in driver.wait_for_email("kept")


@pytest.mark.parametrize(
    ("name", "body", "receipt"),
    [("x.png", image, WAITING_IMAGE), ("x.mp4", video, WAITING_VIDEO)],
)
def test_a_drop_alone_waits(driver: Driver, name: str, body: object, receipt: str) -> None:
    assert callable(body)
    driver.drop(f"alone/{name[-3:]}/{name}", body())
    assert driver.wait_for_receipt(f"alone/{name[-3:]}/{name}", receipt)
