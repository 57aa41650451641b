"""`make demo-picture`: docs/images/demo.gif, the looping picture of what `make demo` shows.

The drop page of a running local cloud in a real browser, with what is dropped, what comes out and the email beside it.
"""

import html
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import Browser, Page, sync_playwright

from local.cloud import command
from local.drop_link import new_drop_link
from local.samples import given_or_drawn
from local.stack import PROJECT, Stack
from tests.support.browser import MISSING, find

PICTURE = PROJECT / "docs" / "images" / "demo.gif"
STATE_DIR = PROJECT / ".local" / "picture"

_SIZE = (960, 540)
_PAGE = (520, 508)
_MARGIN = 16
_GROUND = (225, 228, 236)
_SIDE = (_PAGE[0] + 2 * _MARGIN, _SIZE[0] - _PAGE[0] - 3 * _MARGIN)  # where it begins, and how wide it is
_CARD = (180, 240)
_RESULT = (254, 338)
_COLOURS = 128
_FRAME_MS = 125
_FLIGHT = 6
_PLAYED = 28
_WITH_EMAIL = 24
_LOOKS = 400
_SHOW_VIDEO = "video => { video.muted = true; return video.play().then(() => video.pause()); }"

_EMAIL = """<body style="margin:0;background:#fff"><div style="width:340px;padding:16px 18px;font:14px/1.5 system-ui,
'Liberation Sans',sans-serif;color:#1d2333"><b style="font-size:14px">{subject}</b>
<div style="color:#69708a;font-size:12px;margin:3px 0 10px">Email to you</div>{body}</div></body>"""


def main() -> int:
    """Drop two files, look at what happens, and draw it; return the exit status."""
    executable = find()
    if executable is None:
        print(MISSING, file=sys.stderr)
        return 1
    up = ["up", "--state-dir", str(STATE_DIR), "--wait-scale", "0.1", "--wan-task-seconds", "6"]
    try:
        if command.main([*up, "--owner-pid", str(os.getpid())]):
            return 1
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
            film = _Film()
            _story(film, browser, Stack.load(STATE_DIR), Path(folder))
            browser.close()
    finally:
        command.main(["down", "--state-dir", str(STATE_DIR)])
    film.save()
    print(f"{PICTURE.relative_to(PROJECT)}: {len(film.frames)} frames, {PICTURE.stat().st_size / 1e6:.2f} MB")
    return 0


@dataclass
class _Film:
    """The frames, and how long each is shown, in ms."""

    frames: list[Image.Image] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    def add(self, frame: Image.Image, milliseconds: int = _FRAME_MS) -> None:
        self.frames.append(frame)
        self.times.append(milliseconds)

    def save(self) -> None:
        """Write the GIF with one palette for all frames, so that what stays the same is stored once."""
        sample = Image.new("RGB", (_SIZE[0], _SIZE[1] * 3))
        for number, frame in enumerate((self.frames[0], self.frames[len(self.frames) // 2], self.frames[-1])):
            sample.paste(frame, (0, _SIZE[1] * number))
        palette = sample.quantize(_COLOURS, dither=Image.Dither.NONE)
        drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in self.frames]
        drawn[0].save(PICTURE, save_all=True, append_images=drawn[1:], duration=self.times, loop=0, optimize=True)


def _story(film: _Film, browser: Browser, stack: Stack, folder: Path) -> None:
    image, video = given_or_drawn("", "", folder)
    page = browser.new_page(viewport={"width": _PAGE[0], "height": _PAGE[1]})
    page.goto(new_drop_link(stack, "me/"))
    clip = list(_pictures(video, _CARD))
    still = Image.open(image).convert("RGB").resize(_CARD, Image.Resampling.LANCZOS)
    _drop(film, _shot(page), still, clip)
    page.set_input_files("#files", [str(image), str(video)])
    page.get_by_label("I have permission to use this person's likeness.").check()
    page.get_by_role("button", name="Upload").scroll_into_view_if_needed()
    beside = _Inputs(still, clip)
    film.add(beside.with_page(_shot(page)), 1600)
    page.get_by_role("button", name="Upload").click()
    for shot in _until_ready(page):
        for _ in range(6):
            film.add(beside.with_page(shot))
    _come_out(film, _shot(page), stack, browser, folder)


def _drop(film: _Film, shot: Image.Image, still: Image.Image, clip: list[Image.Image]) -> None:
    """Show the two files beside the empty page, and how they are moved onto it."""
    beside = _Inputs(still, clip)
    for _ in range(10):
        film.add(beside.with_page(shot))
    for step in range(1, _FLIGHT + 1):
        film.add(beside.with_page(shot, step / _FLIGHT))


class _Inputs:
    """The image and the video beside the page; the video plays from frame to frame."""

    def __init__(self, still: Image.Image, clip: list[Image.Image]) -> None:
        self._still, self._clip = still, clip
        self._shown = 0

    def with_page(self, shot: Image.Image, moved: float = 0.0) -> Image.Image:
        """Return a frame; `moved` is how far the two are on their way to the page."""
        frame = _canvas(shot)
        self._shown += 1
        left = _SIDE[0] + (_SIDE[1] - 2 * _CARD[0] - _MARGIN) // 2
        top = (_SIZE[1] - _CARD[1]) // 2
        for number, (picture, name) in enumerate(
            ((self._still, "hero.png"), (self._clip[self._shown % len(self._clip)], "hero.mp4"))
        ):
            start = left + number * (_CARD[0] + _MARGIN)
            x = round(start + moved * (60 + number * 200 - start))
            _put(frame, picture, (x, round(top + moved * 40)))
            if not moved:
                _name(frame, name, (x + _CARD[0] // 2, top + _CARD[1] + 16))
        return frame


def _until_ready(page: Page) -> Iterator[Image.Image]:
    """Give the page whenever its list says something else, until the result is there."""
    before = ""
    for _ in range(_LOOKS):
        page.evaluate("refresh()")
        page.wait_for_timeout(200)
        text = page.locator("#list").inner_text()
        if "Ready" in text:
            page.locator(".entry video").evaluate(_SHOW_VIDEO)
            page.wait_for_timeout(1000)  # until the player no longer says that it loads
            page.locator("#list").evaluate("list => list.scrollIntoView()")
            return
        if text != before and "hero.mp4" in text:
            before = text
            page.locator("#list").evaluate("list => list.scrollIntoView()")
            yield _shot(page)
    raise TimeoutError("The result never came.")


def _come_out(film: _Film, shot: Image.Image, stack: Stack, browser: Browser, folder: Path) -> None:
    """Show the result as it plays, and then the email about it."""
    saved = stack.s3.list_objects_v2(Bucket=stack.results_bucket, Prefix="videos/")["Contents"]
    (key,) = (one["Key"] for one in saved if one["Key"].endswith(".mp4"))
    stack.s3.download_file(stack.results_bucket, key, f"{folder}/out.mp4")
    email = _email(browser, stack.emails()[0].read_text())
    pictures = list(_pictures(folder / "out.mp4", _RESULT))
    left, top = _SIDE[0] + (_SIDE[1] - _RESULT[0]) // 2, _MARGIN
    for number in range(_PLAYED + _WITH_EMAIL):
        frame = _canvas(shot)
        _put(frame, pictures[number % len(pictures)], (left, top))
        if number >= _PLAYED:
            risen = min(1.0, (number - _PLAYED + 1) / 4)
            at = _SIDE[0] + (_SIDE[1] - email.width) // 2, round(_SIZE[1] - risen * (email.height + _MARGIN))
            _put(frame, email, at)
        film.add(frame)
    film.times[-1] = 2200


def _email(browser: Browser, text: str) -> Image.Image:
    """Return the email's subject and first sentences as a picture."""
    head, _, body = text.partition("\n\n")
    subject = head.splitlines()[0].removeprefix("Subject: ")
    said = [line for line in body.splitlines() if line and not line.startswith("For whoever")]
    lines = [said[0], '<a style="color:#3b5bdb">Watch or download</a>']
    inner = "".join(
        f'<div style="margin-top:6px">{line if "<a" in line else html.escape(line)}</div>' for line in lines
    )
    page = browser.new_page(viewport={"width": 376, "height": 200})
    page.set_content(_EMAIL.format(subject=html.escape(subject), body=inner))
    return _opened(page.locator("div").first.screenshot())


def _shot(page: Page) -> Image.Image:
    return _opened(page.screenshot())


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _canvas(shot: Image.Image) -> Image.Image:
    frame = Image.new("RGB", _SIZE, _GROUND)
    _put(frame, shot, (_MARGIN, _MARGIN))
    return frame


def _put(frame: Image.Image, picture: Image.Image, at: tuple[int, int]) -> None:
    """Paste a picture with round corners and a soft edge."""
    mask = Image.new("L", (picture.width * 2, picture.height * 2), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), 20, fill=255)
    mask = mask.reduce(2)
    shade = Image.new("L", (picture.width + 12, picture.height + 12), 0)
    shade.paste(mask.point(lambda level: level // 5), (6, 7))
    frame.paste((40, 46, 70), (at[0] - 6, at[1] - 6), shade.filter(ImageFilter.BoxBlur(3)))
    frame.paste(picture, at, mask)


def _name(frame: Image.Image, name: str, middle: tuple[int, int]) -> None:
    ImageDraw.Draw(frame).text(middle, name, fill=(70, 76, 100), anchor="mm", font_size=15)


def _pictures(path: Path, size: tuple[int, int]) -> Iterator[Image.Image]:
    """Give a video's pictures, as many a second as the GIF shows."""
    with av.open(str(path)) as container:
        every = float(container.streams.video[0].average_rate or 15) * _FRAME_MS / 1000
        due = 0.0
        for number, frame in enumerate(container.decode(video=0)):
            if number >= due:
                due += every
                yield frame.to_image().resize(size, Image.Resampling.LANCZOS)


if __name__ == "__main__":
    sys.exit(main())
