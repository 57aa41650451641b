import pytest
from hypothesis import given
from hypothesis import strategies as st

from motiondrop.domain.pricing import MODE_OF_RATIO, MODES, PRICES, Prices, usd
from motiondrop.errors import SettingsError
from motiondrop.provider.client import BASE_URLS

MOVE, MIX = "wan2.2-animate-move", "wan2.2-animate-mix"


@pytest.mark.parametrize(
    ("model", "region", "standard", "professional"),
    [
        (MOVE, "singapore", 120_000, 180_000),
        (MOVE, "beijing", 60_000, 90_000),
        (MIX, "singapore", 180_000, 260_000),
        (MIX, "beijing", 86_000, 129_000),
    ],
)
def test_prices_are_the_pages(model: str, region: str, standard: int, professional: int) -> None:
    prices = Prices.of(model, region)
    assert (prices.cost(1, "wan-std"), prices.cost(1, "wan-pro")) == (standard, professional)


def test_pages_billing_example_is_exact() -> None:
    assert Prices.of(MOVE, "singapore").cost(5.2, "wan-std") == 624_000


def test_every_region_with_an_address_has_a_price_for_every_mode() -> None:
    for model in PRICES.values():
        assert set(model) == set(BASE_URLS)
        assert all(set(prices) == set(MODES) for prices in model.values())
    assert set(MODE_OF_RATIO.values()) == set(MODES)


def test_fraction_of_a_micro_dollar_is_rounded_half_up() -> None:
    prices = Prices.of(MOVE, "singapore", "wan-std=0.000001,wan-pro=0.000003")
    assert (prices.cost(0.5, "wan-std"), prices.cost(0.5, "wan-pro"), prices.cost(0.49, "wan-std")) == (1, 2, 0)


@pytest.mark.parametrize(("model", "region"), [("wan9", "singapore"), (MOVE, "frankfurt")])
def test_model_or_region_without_a_price_on_the_page_is_no_stack_unless_it_says_one(model: str, region: str) -> None:
    with pytest.raises(SettingsError, match="no price is known"):
        Prices.of(model, region)
    said = Prices.of(model, region, "wan-std=0.2, wan-pro = 0.3")
    assert usd(said.cost(2, "wan-pro")) == "$0.60"


def test_prices_that_the_stack_says_hold_over_the_pages() -> None:
    assert usd(Prices.of(MOVE, "singapore", "wan-std=0.1,wan-pro=0").cost(5, "wan-std")) == "$0.50"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Page",
        "0.12",
        "wan-std=0.12",
        "wan-std=0.12,wan-pro",
        "wan-std=0.12,wan-pro=",
        "wan-std=0.12,wan-pro=dear",
        "wan-std=0.12,wan-pro=-1",
        "wan-std=0.12,wan-pro=NaN",
        "wan-std=0.12,wan-pro=Infinity",
        "wan-std=0.12,wan-pro=1001",
        "wan-std=0.12,wan-pro=0.0000001",
        "wan-std=0.12,wan-pro=0.18,wan-max=1",
        "wan-std=0.12,wan-pro=0.18,wan-pro=0.19",
    ],
)
def test_prices_that_cannot_be_meant_are_refused(said: str) -> None:
    with pytest.raises(SettingsError):
        Prices.of(MOVE, "singapore", said)


@pytest.mark.parametrize(
    ("micro", "text"),
    [
        (0, "$0.00"),
        (4_999, "$0.00"),
        (5_000, "$0.01"),
        (10_000, "$0.01"),
        (624_000, "$0.62"),
        (3_600_000, "$3.60"),
        (12e6, "$12.00"),
    ],
)
def test_money_is_said_in_cents(micro: int, text: str) -> None:
    assert usd(int(micro)) == text


@given(st.integers(0, 30_000), st.integers(0, 30_000), st.sampled_from(MODES))
def test_cost_of_hundredths_of_seconds_is_a_plain_sum(one: int, other: int, mode: str) -> None:
    prices = Prices.of(MOVE, "singapore")
    assert prices.cost(one / 100, mode) + prices.cost(other / 100, mode) == prices.cost((one + other) / 100, mode)
