"""Permanent links: nobody makes one of another, and a new secret revokes them all."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motiondrop.aws.secrets import CachedSecret
from motiondrop.web.links import Links

if TYPE_CHECKING:
    from collections.abc import Iterator

JOB = "hero-0123456789abcdef0123"


@pytest.fixture
def links() -> Links:
    return Links("https://example.com/", lambda: "secret")


def test_a_link_opens_its_job_and_no_other(links: Links) -> None:
    url = links.to(JOB)
    assert url.startswith(f"https://example.com/{JOB}?k=")
    signature = url.partition("?k=")[2]
    assert links.opens(JOB, signature)
    assert not links.opens("hero-0123456789abcdef0124", signature)


def test_links_of_a_job_and_of_the_gallery_are_not_each_others(links: Links) -> None:
    gallery = links.to_gallery().partition("?k=")[2]
    assert links.opens_gallery(gallery)
    assert not links.opens_gallery(links.signature(JOB))
    assert not any(links.opens(job, gallery) for job in (JOB, "", "gallery", "/", "\ngallery"))
    assert not any(links.opens_gallery(links.signature(job)) for job in ("", "gallery", "\ngallery", "gallery\n"))


@given(st.text(max_size=80))
def test_no_guess_opens_anything(guess: str) -> None:
    links = Links("https://example.com", lambda: "secret")
    assert not links.opens(JOB, guess)
    assert not links.opens_gallery(guess)


def test_a_truncated_or_longer_signature_opens_nothing(links: Links) -> None:
    right = links.signature(JOB)
    assert not links.opens(JOB, right[:-1])
    assert not links.opens(JOB, right + "0")
    assert not links.opens(JOB, right.upper())


def test_a_new_secret_revokes_the_links_within_half_a_minute() -> None:
    secrets: Iterator[str] = iter(["old", "new"])
    clock = [0.0]
    kept = CachedSecret(lambda: next(secrets), 30, lambda: clock[0])
    links = Links("https://example.com", kept)
    old = links.signature(JOB)
    clock[0] = 29.9
    assert links.opens(JOB, old)
    clock[0] = 30
    assert not links.opens(JOB, old)
