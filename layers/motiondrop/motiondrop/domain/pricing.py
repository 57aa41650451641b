"""What the provider charges: USD per second of delivered video, by model, region and mode.

Sources: for animate-move the provider's page "Wan - image to animation API reference", section "Billing and rate
limiting" (last updated 2025-12-12); for animate-mix its overview page (2026-02), which gives 0.6 and 0.9 CNY for
Beijing, converted here to USD at the rate of the provider's own page on a sibling model. Money is counted in whole
micro-USD, so that sums are exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from motiondrop.errors import SettingsError

MODES = ("wan-std", "wan-pro")

#: How `usage.video_ratio` names the modes, from the API reference page.
MODE_OF_RATIO = {"standard": "wan-std", "pro": "wan-pro"}
_NAME_OF_MODE = {mode: name for name, mode in MODE_OF_RATIO.items()}

#: The value of WanPrices for a stack that uses the prices of the provider's pages.
AS_ON_THE_PAGE = "page"

_MICRO = Decimal(1_000_000)
_MOST = Decimal(1000)  # USD per second: a higher price must be in another unit


#: Micro-USD per second by model, region and mode. Models and regions for which no page of the provider gives a price
#: are not here: a stack that uses one has to set WanPrices.
PRICES: Mapping[str, Mapping[str, Mapping[str, int]]] = {
    "wan2.2-animate-move": {
        "singapore": {"wan-std": 120_000, "wan-pro": 180_000},
        "beijing": {"wan-std": 60_000, "wan-pro": 90_000},
    },
    "wan2.2-animate-mix": {
        "singapore": {"wan-std": 180_000, "wan-pro": 260_000},
        "beijing": {"wan-std": 86_000, "wan-pro": 129_000},
    },
}


def mode_name(mode: str) -> str:
    """What people call a mode: `standard` or `pro`; an unknown mode keeps its own name."""
    return _NAME_OF_MODE.get(mode, mode)


@dataclass(frozen=True)
class Prices:
    """What a second of delivered video costs a stack in the provider's region: micro-USD by mode, for every mode."""

    region: str
    by_mode: Mapping[str, int]

    @classmethod
    def of(cls, model: str, region: str, said: str = AS_ON_THE_PAGE) -> "Prices":
        """The pages' prices, or those that the stack sets, as in `wan-std=0.12,wan-pro=0.18` (USD per second).

        Raise SettingsError if the pages have no price for the model and region, or the stack's value makes no sense.
        """
        if said != AS_ON_THE_PAGE:
            return cls(region, _read(said))
        try:
            return cls(region, PRICES[model][region])
        except KeyError as error:
            raise SettingsError(f"no price is known for {model} in {region}: say it as WanPrices") from error

    def cost(self, seconds: float, mode: str) -> int:
        """Micro-USD for `seconds` of video: the cost of a delivered video, or the quote for a reference video."""
        exact = Decimal(str(seconds)) * self.by_mode[mode]
        return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def dollars(micro: int) -> float:
    """Micro-USD as a number of USD, for programs."""
    return micro / 1_000_000


def usd(micro: int) -> str:
    """Micro-USD as a person reads it, in cents: `$0.62`."""
    return f"${(Decimal(micro) / _MICRO).quantize(Decimal('0.01'), rounding=ROUND_HALF_UP)}"


def usd_as_tag(micro: int) -> str:
    """Micro-USD in the alphabet of S3 tags, which has no dollar sign: `0.62 USD`."""
    return f"{usd(micro)[1:]} USD"


def _read(said: str) -> dict[str, int]:
    """Read the prices that a stack sets: micro-USD by mode."""
    pairs = [part.partition("=") for part in said.split(",")]
    prices = {mode.strip(): _micro(text) for mode, _, text in pairs}
    if sorted(prices) != sorted(MODES) or len(pairs) != len(MODES):
        raise SettingsError(f"the prices are {said!r}, which does not say each of {' and '.join(MODES)} once")
    return prices


def _micro(text: str) -> int:
    try:
        micro = Decimal(text.strip()) * _MICRO
        usable = 0 <= micro <= _MOST * _MICRO and micro == int(micro)
    except (InvalidOperation, ValueError, OverflowError):
        usable = False
    if not usable:
        raise SettingsError(f"the price {text!r} is no number of USD per second with at most six decimals")
    return int(micro)
