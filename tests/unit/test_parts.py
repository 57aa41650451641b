"""The parts of a stack: how little it takes to have them."""

from dataclasses import fields

import pytest
from botocore.loaders import JSONFileLoader

from motiondrop.parts import Parts
from motiondrop.settings import PublishingSettings, load
from tests.support.bench import Bench
from tests.support.builders import REGION

_ENVIRON = {field.name.upper(): "5" for field in fields(PublishingSettings)} | {
    "AWS_REGION": REGION,
    "TABLE": "jobs",
    "WAN_MODEL": "wan2.2-animate-move",
    "WAN_REGION": "singapore",
    "WAN_BASE_URL": "singapore",
    "WAN_PRICES": "page",
    "WATERMARK": "false",
}


def test_a_function_reads_the_description_of_aws_and_of_each_service_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    load_file = JSONFileLoader.load_file

    def noted(self: JSONFileLoader, path: str) -> object:
        found = load_file(self, path)
        if found is not None:
            read.append(path.partition("/data/")[2])
        return found

    monkeypatch.setattr(JSONFileLoader, "load_file", noted)
    parts = Parts(load(PublishingSettings, _ENVIRON))
    assert parts.drops.get("hero.png") is None
    assert parts.slots.waiting() == 0
    assert parts.jobs.in_flight() == []
    for client in (parts.s3, parts.sns, parts.executions):
        assert client
    assert sorted(read) == sorted(set(read))
    assert "endpoints" in read
