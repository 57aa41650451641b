"""A stand-in for Alibaba Cloud Model Studio's `wan2.2-animate-move`: its contract, no model behind it."""

from local.wan.server import StandIn, serve
from local.wan.settings import DEMO_KEY, Settings

__all__ = ["DEMO_KEY", "Settings", "StandIn", "serve"]
