"""User text made safe to show: nothing invisible, no links, nothing that passes for words of ours."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motiondrop.domain.formats import ACCEPTED
from motiondrop.sanitize import ascii_line, named, plain, quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://evil.example/x", "https[:]//evil.example/x"),
        ("HTTP://EVIL.COM", "HTTP[:]//EVIL[.]COM"),
        ("www.evil.example", "www[.]evil.example"),
        ("see evil.com, now", "see evil[.]com, now"),
        ("evil.com/path", "evil[.]com/path"),
        ("sub.evil.co.uk", "sub[.]evil[.]co[.]uk"),
        ("me@evil.xyz", "me@evil[.]xyz"),
        ("mailto:me@evil", "mailto[:]me@evil"),
        ("bücher.de", "bücher[.]de"),
        ("evil。com", "evil[。]com"),
        ("evil.xn--p1ai", "evil[.]xn--p1ai"),
        ("evil\u200b.c\u00adom", "evil[.]com"),
        ("evil.com\u3164", "evil[.]com"),
    ],
)
def test_what_a_mail_program_would_make_a_link_of_is_none(text: str, shown: str) -> None:
    assert plain(text) == shown
    assert plain(shown) == shown


@pytest.mark.parametrize(
    "name",
    [
        "a.b.png",
        "hero.final.v2.mp4",
        "2026.01.02.jpg",
        "a.de.png",
        "Dr. No",
        "InvalidImage.NoHuman",
        "AccessDenied.Unpurchased",
        "InternalError.Algo",
        "$0.62",
        "5.2 s",
        "wan-std/hero",
    ],
)
def test_an_ordinary_name_stays_as_it_is(name: str) -> None:
    assert plain(name) == name


@pytest.mark.parametrize("extension", [one for accepted in ACCEPTED for one in accepted.extensions])
def test_a_file_that_may_be_dropped_has_no_name_of_a_domain(extension: str) -> None:
    assert plain(f"hero.{extension}") == f"hero.{extension}"


#: Fillers, the blank of Braille, a soft hyphen, spaces and joiners without width, marks of direction, a tag.
INVISIBLE = "\u3164\u115f\u1160\uffa0\u2800\u00ad\u200b\u200d\u2060\ufeff\u034f\ufe0f\u180e\u202e\U000e0041"


@pytest.mark.parametrize("char", INVISIBLE)
def test_what_shows_nothing_is_dropped(char: str) -> None:
    assert plain(f"he{char}ro") == "hero"
    assert plain(char * 3) == ""
    assert ascii_line(f"he{char}ro").replace(" ", "") == "hero"


def test_letters_marks_and_emoji_that_show_are_kept() -> None:
    for name in ("Grüße", "名前 ♥", "한글", "नमस्ते", "⣿"):
        assert plain(name) == name


@pytest.mark.parametrize(
    ("name", "shown"), [("hero.png", "hero.png"), ("a b.png", '"a b.png"'), ('a"b', '"a\'b"'), ("", '""')]
)
def test_a_name_is_quoted_where_it_is_not_one_word(name: str, shown: str) -> None:
    assert named(name) == shown


@pytest.mark.parametrize("limit", range(4, 40))
def test_a_cut_makes_no_link_and_is_no_longer_than_its_limit(limit: int) -> None:
    for shown in (plain("evil.community evil.company evil.com", limit), ascii_line("evil.community " * 5, limit)):
        assert not re.search(r"evil\.com(?![a-z])", shown)
        assert len(shown) <= limit


@given(st.text(max_size=300))
def test_shown_text_is_one_line_and_stays_as_it_is_when_shown_again(text: str) -> None:
    for shown in (plain(text, 1000), quoted(text, 1000)):
        assert "\n" not in shown
        assert "://" not in shown
        assert plain(shown, 1000) == shown
