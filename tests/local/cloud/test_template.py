"""What the local cloud makes of a template before it deploys it."""

from pathlib import Path
from typing import Any

import pytest

from local.cloud.progress import CloudError
from local.cloud.template import LocalAddresses, drop_what_is_not_emulated, parameter_values, read_template

ADDRESSES = LocalAddresses("http://127.0.0.1:8900")


def seconds(default: int) -> dict[str, Any]:
    return {"Parameters": {"SettleSeconds": {"Type": "Number", "Default": default}}}


def test_the_margin_after_a_lost_call_is_scaled_below_its_least_value_but_not_to_nothing() -> None:
    margin = {"Type": "Number", "Default": 300, "MinValue": 240}
    template = {"Parameters": {"ReconcileMarginSeconds": margin}}
    assert parameter_values(template, ADDRESSES, 0, {}) == {"ReconcileMarginSeconds": "1"}
    assert "MinValue" not in margin


@pytest.mark.parametrize(("scale", "expected"), [(1, "30"), (0, "0"), (0.01, "1"), (0.5, "15"), (2, "60")])
def test_our_waits_are_scaled_and_rounded_up(scale: float, expected: str) -> None:
    assert parameter_values(seconds(30), ADDRESSES, scale, {}) == {"SettleSeconds": expected}


def test_only_parameters_the_template_declares_are_passed() -> None:
    assert parameter_values({"Parameters": {}}, ADDRESSES, 1, {}) == {}


def test_a_given_parameter_wins_and_an_unknown_one_is_refused() -> None:
    assert parameter_values(seconds(30), ADDRESSES, 0, {"SettleSeconds": "5"}) == {"SettleSeconds": "5"}
    with pytest.raises(CloudError, match=r"no parameter Settle\."):
        parameter_values(seconds(30), ADDRESSES, 0, {"Settle": "5"})


def test_the_result_origin_is_a_pattern_of_the_stand_ins_address_only() -> None:
    template = {"Parameters": {"WanResultOrigins": {"Type": "String"}}}
    values = parameter_values(template, ADDRESSES, 1, {})
    assert values == {"WanResultOrigins": r"http://127\.0\.0\.1:8900"}


def test_what_the_emulator_cannot_take_goes_with_all_that_refers_to_it() -> None:
    template: dict[str, Any] = {
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic"},
            "Plain": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "m"}},
            "Ratio": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": []}},
            "Both": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {}},
            "Board": {
                "Type": "AWS::CloudWatch::Dashboard",
                "Properties": {"B": {"Fn::Sub": "x ${Ratio.Arn}"}},
            },
        },
        "Outputs": {
            "Ratio": {"Value": {"Fn::GetAtt": ["Ratio", "Arn"]}},
            "Topic": {"Value": {"Ref": "Topic"}},
        },
    }
    dropped = drop_what_is_not_emulated(template)
    assert dropped == ["Ratio (metric math alarms)", "Both (composite alarms)", "Board (refers to Ratio)"]
    assert list(template["Resources"]) == ["Topic", "Plain"]
    assert list(template["Outputs"]) == ["Topic"]


def test_short_forms_are_read_as_their_long_ones(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text("Resources:\n  A: {Type: T, P: [!Ref B, !GetAtt C.D.E, !Sub '${F}', !If [G, 1, 2]]}\n")
    assert read_template(template)["Resources"]["A"]["P"] == [
        {"Ref": "B"},
        {"Fn::GetAtt": ["C", "D.E"]},
        {"Fn::Sub": "${F}"},
        {"Fn::If": ["G", 1, 2]},
    ]


@pytest.mark.parametrize("text", ["", "a: [", "Parameters: {}"])
def test_a_file_that_is_no_template_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(text)
    with pytest.raises(CloudError, match=r"template.yaml (has no Resources|is not valid YAML)"):
        read_template(template)
