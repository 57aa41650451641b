"""Draw the stack's dashboard from the metrics of a local run: the template's widgets, the functions' log lines.

On AWS CloudWatch draws it; this is for the documents (docs/images/dashboard.png), and for a look without an account.
"""

import argparse
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from local.cloud.template import read_template
from local.stack import PROJECT, Stack, StackNotRunningError

Series = list[tuple[float, float]]

_UNIT_WIDTH, _UNIT_HEIGHT, _GAP = 54, 46, 10
_INK, _PALE, _GRID, _PAPER = (35, 47, 62), (95, 107, 122), (225, 229, 234), (255, 255, 255)
_BINS = 60

_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "p50": statistics.median,
}


@dataclass
class Metrics:
    """Points, each a time in seconds and a value, by metric and dimensions."""

    points: dict[tuple[str, frozenset[tuple[str, str]]], Series] = field(default_factory=lambda: defaultdict(list))

    def of(self, metric: list[Any]) -> Series:
        """The points of a metric as a widget names it: namespace, name, then dimensions in pairs, then its options."""
        _, name, *rest = [part for part in metric if isinstance(part, str)]
        dimensions = frozenset(zip(rest[2::2], rest[3::2], strict=True))  # but the first pair, the stack
        return sorted(self.points[name, dimensions])


def read(logs: Iterable[Path]) -> Metrics:
    """The metrics in functions' logs."""
    metrics = Metrics()
    for log in logs:
        for line in log.read_text(errors="replace").splitlines():
            if not line.startswith('{"_aws"'):
                continue
            document = json.loads(line)
            moment = document["_aws"]["Timestamp"] / 1000
            for directive in document["_aws"]["CloudWatchMetrics"]:
                names = set(directive["Dimensions"][0]) - {"service"}
                dimensions = frozenset((name, document[name]) for name in names)
                for metric in directive["Metrics"]:
                    values = document[metric["Name"]]
                    points = metrics.points[metric["Name"], dimensions]
                    points += [(moment, value) for value in (values if isinstance(values, list) else [values])]
    return metrics


def binned(points: Series, begin: float, end: float, stat: str) -> Series:
    """One value for each span of the run, as CloudWatch has one for each period."""
    width = max((end - begin) / _BINS, 1e-9)
    spans: dict[int, list[float]] = defaultdict(list)
    for moment, value in points:
        spans[min(int((moment - begin) / width), _BINS - 1)].append(value)
    found = {index: _STATISTICS[stat](values) for index, values in spans.items()}
    if stat == "Sum":
        return [(index / _BINS, found.get(index, 0.0)) for index in range(_BINS)]
    return [(index / _BINS, found[index]) for index in sorted(found)]


def draw(widgets: list[dict[str, Any]], metrics: Metrics) -> Image.Image:
    """The dashboard as a picture."""
    moments = [moment for points in metrics.points.values() for moment, _ in points] or [0.0, 1.0]
    begin, end = min(moments), max(moments)
    height = max(widget["y"] + widget["height"] for widget in widgets)
    picture = Image.new("RGB", (24 * _UNIT_WIDTH + _GAP, height * _UNIT_HEIGHT + _GAP), (242, 243, 243))
    canvas = ImageDraw.Draw(picture)
    for widget in widgets:
        left, top = widget["x"] * _UNIT_WIDTH + _GAP, widget["y"] * _UNIT_HEIGHT + _GAP
        right = left + widget["width"] * _UNIT_WIDTH - _GAP
        bottom = top + widget["height"] * _UNIT_HEIGHT - _GAP
        canvas.rectangle((left, top, right, bottom), fill=_PAPER, outline=_GRID)
        properties = widget["properties"]
        canvas.text((left + 12, top + 8), properties["title"], fill=_INK, font=_font(15))
        box = (left + 44, top + 40, right - 14, bottom - 50)
        if properties["view"] == "singleValue":
            _number(canvas, (left + 12, top + 44), properties, metrics)
        else:
            stat = properties["stat"]
            lines = [(metric[-1], binned(metrics.of(metric), begin, end, stat)) for metric in properties["metrics"]]
            _chart(canvas, box, lines, end - begin, bars=stat == "Sum")
    return picture


def _number(
    canvas: ImageDraw.ImageDraw, corner: tuple[float, float], properties: dict[str, Any], metrics: Metrics
) -> None:
    metric = properties["metrics"][0]
    values = [value for _, value in metrics.of(metric)]
    value = 0.0 if not values else sum(values) if properties["stat"] == "Sum" else values[-1]
    canvas.text(corner, f"{value:,.2f}".rstrip("0").rstrip("."), fill=_INK, font=_font(44))
    canvas.text((corner[0], corner[1] + 62), metric[-1]["label"], fill=_PALE, font=_font(14))


def _chart(
    canvas: ImageDraw.ImageDraw,
    box: tuple[float, float, float, float],
    lines: list[tuple[dict[str, str], Series]],
    seconds: float,
    *,
    bars: bool,
) -> None:
    left, top, right, bottom = box
    most = max((value for _, line in lines for _, value in line), default=0) or 1
    for step in range(5):
        y = bottom - (bottom - top) * step / 4
        canvas.line((left, y, right, y), fill=_GRID)
        canvas.text((left - 8, y), f"{most * step / 4:.3g}", fill=_PALE, font=_font(12), anchor="rm")
    for step in range(5):
        x = left + (right - left) * step / 4
        canvas.line((x, bottom, x, bottom + 4), fill=_GRID)
        minutes = f"{seconds / 60 * step / 4:.2g} min"
        canvas.text((x, bottom + 6), minutes, fill=_PALE, font=_font(12), anchor="rt" if step == 4 else "mt")  # noqa: PLR2004
    x_of_legend = left
    thick = (right - left) / _BINS / len(lines)
    for index, (shown, line) in enumerate(lines):
        label, colour = shown["label"], shown["color"]
        points = [(left + (right - left) * x, bottom - (bottom - top) * value / most) for x, value in line]
        if bars:
            for x, y in points:
                if y < bottom:
                    canvas.rectangle((x + index * thick, y, x + (index + 1) * thick - 1, bottom), fill=colour)
        else:
            canvas.line(points, fill=colour, width=3, joint="curve")
            for x, y in points:
                canvas.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
        canvas.rectangle((x_of_legend, bottom + 28, x_of_legend + 12, bottom + 40), fill=colour)
        canvas.text((x_of_legend + 18, bottom + 26), label, fill=_INK, font=_font(13))
        x_of_legend += 40 + canvas.textlength(label, font=_font(13))


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def main() -> int:
    """Draw the dashboard; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.dashboard")
    parser.add_argument("--logs", type=Path, help="a folder of functions' logs; default: the local cloud's")
    parser.add_argument("--output", type=Path, default=PROJECT / "docs" / "images" / "dashboard.png")
    said = parser.parse_args()
    try:
        logs = said.logs or Stack.load().log_dir
    except StackNotRunningError as error:
        print(error, file=sys.stderr)
        return 1
    template = read_template(PROJECT / "template.yaml")
    body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    said.output.parent.mkdir(parents=True, exist_ok=True)
    draw(json.loads(body)["widgets"], read(sorted(logs.glob("*.log")))).save(said.output, optimize=True)
    print(said.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
