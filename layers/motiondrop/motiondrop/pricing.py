"""What the provider charges: USD per second of delivered video, by region and mode.

Source of every price: the provider's page "Wan - image to animation API reference", section "Billing and rate
limiting" (last updated 2025-12-12). Money is counted in whole micro-USD, so that sums are exact.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

MODES = ("wan-std", "wan-pro")

#: How `usage.video_ratio` names the modes, from the same page.
MODE_OF_RATIO = {"standard": "wan-std", "pro": "wan-pro"}

_MICRO = Decimal(1_000_000)


@dataclass(frozen=True)
class Region:
    """A region of the provider; keys and base URLs of one do not work in the other."""

    base_url: str


@dataclass(frozen=True)
class Model:
    """What differs between models of the same path, request and answer: micro-USD per second by region and mode."""

    prices: dict[str, dict[str, int]]


REGIONS = {
    "singapore": Region("https://dashscope-intl.aliyuncs.com/api/v1"),
    "beijing": Region("https://dashscope.aliyuncs.com/api/v1"),
}

MODELS = {
    "wan2.2-animate-move": Model(
        {
            "singapore": {"wan-std": 120_000, "wan-pro": 180_000},
            "beijing": {"wan-std": 60_000, "wan-pro": 90_000},
        }
    ),
}


def cost(seconds: float, model: str, mode: str, region: str) -> int:
    """The price in micro-USD of `seconds` of delivered video; ValueError where no price is known."""
    try:
        price = MODELS[model].prices[region][mode]
    except KeyError as error:
        raise ValueError(f"no price is known for {model} in mode {mode} and region {region}") from error
    exact = Decimal(str(seconds)) * price
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def usd(micro: int) -> str:
    """Micro-USD as a person reads it: `$0.624`, at least two decimals and no more than needed."""
    text = f"{Decimal(micro) / _MICRO:.6f}".rstrip("0")
    whole, _, cents = text.partition(".")
    return f"${whole}.{cents.ljust(2, '0')}"
