"""Every drop gets its receipt at the door, and what is refused never costs anything."""

from functools import partial
from itertools import permutations

import pytest

from tests.integration.way.door_table import NOTHING, WAITING_IMAGE, WAITING_VIDEO, Row, rows
from tests.integration.way.support import Way, image, video


@pytest.fixture
def dropped(way: Way) -> list[tuple[str, Row]]:
    """The whole table, each drop in a folder of its own; some of the refused ones with a good partner."""
    table = [(f"door/{number:03d}/{row.name}", row) for number, row in enumerate(rows())]
    for key, row in table:
        way.drop(key, row.body(), **row.metadata)
    for key, row in table[::4]:
        if row.receipt.startswith("rejected") and "." in row.name:
            good, body = (".mp4", video()) if row.name.endswith(("png", "jpg", "bmp")) else (".png", image())
            way.drop(key.rpartition(".")[0] + good, body)
    return table


def test_every_drop_of_the_table_gets_its_receipt_and_none_makes_a_task(
    way: Way, dropped: list[tuple[str, Row]]
) -> None:
    made = way.tasks()
    assert len(dropped) >= 120
    wrong = []
    for key, row in dropped:
        if row.receipt != NOTHING:
            receipt = way.cloud.wait_for(partial(way.receipt, key), f"a receipt of {key}", seconds=90)
            if not receipt.startswith(row.receipt):
                wrong.append((key, row.receipt, receipt))
    assert wrong == []
    assert [key for key, row in dropped if row.receipt == NOTHING and way.receipt(key)] == []
    assert way.tasks() == made


def test_no_order_of_arrival_changes_what_is_paid_for(way: Way) -> None:
    made = way.tasks()
    pictures = {"a.png": image(), "b.png": image()}
    clips = {"a.mp4": video(2, 200), "dance.mp4": video(2, 210)}
    for number, order in enumerate(permutations(["a.png", "b.png", "a.mp4", "dance.mp4"])):
        for name in order:
            way.drop(f"orders/{number}/{name}", pictures.get(name) or clips[name])
    for number in range(24):
        assert way.wait_for_receipt(f"orders/{number}/a.png", "done")
        assert way.wait_for_receipt(f"orders/{number}/b.png", "done")
    assert way.tasks() == made + 2


def test_deleting_a_drop_that_waits_in_line_cancels_its_job(way: Way) -> None:
    way.control("settings", task_seconds=4)
    for stem in ("door-one", "door-two", "deleted"):
        way.drop_pair(stem)
        way.wait_for_receipt(f"{stem}.mp4", "a")
    arn = way.wait_for_state("deleted", "Wait for a slot")
    way.stack.s3.delete_object(Bucket=way.stack.inbox_bucket, Key="deleted.png")
    mail = way.wait_for_mail("deleted")
    assert "One of its files was deleted." in mail
    assert way.wait_for_receipt("deleted.mp4", "canceled")
    way.cloud.wait_for(lambda: way.status(arn)["status"] == "ABORTED", "the run to be stopped")
    for stem in ("door-one", "door-two"):
        assert way.wait_for_run(stem)["status"] == "SUCCEEDED"


def test_an_overwritten_drop_changes_nothing_for_the_job_that_waits(way: Way) -> None:
    way.control("settings", task_seconds=3)
    for stem in ("door-before", "door-first"):
        way.drop_pair(stem)
        way.wait_for_receipt(f"{stem}.mp4", "a")
    way.drop_pair("kept")
    way.wait_for_state("kept", "Wait for a slot")
    way.drop("kept.png", b"something else")
    way.wait_for_receipt("kept.png", "rejected")
    assert way.wait_for_run("kept")["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("name", "body", "receipt"),
    [("x.png", image, WAITING_IMAGE), ("x.mp4", video, WAITING_VIDEO)],
)
def test_a_drop_alone_waits(way: Way, name: str, body: object, receipt: str) -> None:
    assert callable(body)
    way.drop(f"alone/{name[-3:]}/{name}", body())
    assert way.wait_for_receipt(f"alone/{name[-3:]}/{name}", receipt)
