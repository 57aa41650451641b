"""Drop links of a running local cloud, as `motiondrop --local drop-link` makes them."""

import os

from local.stack import Stack
from motiondrop.storage.drop_links import DropLinks
from motiondrop.storage.items import bind

_MICRO = 1_000_000


def new_drop_link(stack: Stack, folder: str, days: float = 30, usd_a_day: int = 10) -> str:
    """Make a drop link of a folder, such as `me/`; return the address of its page."""
    # PynamoDB takes credentials from the environment only.
    os.environ |= {"AWS_ACCESS_KEY_ID": stack.access_key_id, "AWS_SECRET_ACCESS_KEY": stack.secret_access_key}
    os.environ.pop("AWS_SESSION_TOKEN", None)
    links = DropLinks(bind(stack.table, stack.region, stack.endpoint_url))
    _, token = links.create(folder, days, usd_a_day * _MICRO)
    return f"{stack.drop_page_url.rstrip('/')}/{token}"
