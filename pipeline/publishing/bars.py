"""Bar charts of the report as inline SVG: shares with their intervals, and what they are compared with. Hand-written.

Text and lines are drawn in the colour of the text around the picture, so that they are seen on dark and on white; bars
take the class `bar`, which a style sheet may colour. Nothing is told by colour alone: every value is printed, bars that
nobody checked are hatched, and what is compared is a diamond (W3C, WCAG 2.2, 1.1.1, 1.4.1 and 1.4.11).
"""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from pipeline.publishing.document import Bar, Chart
from pipeline.publishing.report import HIDDEN, percent

SIZE, LINE, SMALL = 14, 18, 12.5  # the type, its lines and its small size, in the units of the picture
WIDE, NARROW = 760, 330
NAMES, VALUES, GAP = 230, 158, 12  # of a wide picture: the columns of names and of values, and what is between
THICK, ROOM = 18, 12  # of a bar, and above and below each line of the chart
AXIS = 26
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
MOST_TICKS = 6
INK = 'fill="currentColor" stroke="none"'


@dataclass(frozen=True)
class _Frame:
    """Where things stand: the whole width, and the left end and width of the part that bars are drawn in."""

    width: int
    left: int
    plot: int
    top: float  # the share at the right end
    narrow: bool
    hatch: str

    def across(self, share: float) -> float:
        """Where a share stands, from the left edge of the picture."""
        return round(self.left + self.plot * min(share, self.top) / self.top, 1)


def chart_svg(chart: Chart, number: int, narrow: bool = False) -> str:
    """The chart as an `<svg>` element for a page; it scales with the room it is given.

    number: of the chart in its page, which its ids are made of. narrow: 330 units wide instead of 760, with each name
    above its bar, for telephones; both may stand in one page.
    """
    mark = f"chart-{number}{'-narrow' if narrow else ''}"
    frame = _frame(chart, narrow, f"{mark}-hatch")
    keys, y = _keys(chart, frame)
    axis, top = _axis(frame, y), y + AXIS
    lines = list(_lines(chart, frame, top))
    height = math.ceil(lines[-1][1] if lines else top)
    return "\n".join(
        [
            f'<svg class="{"narrow" if narrow else "wide"}" viewBox="0 0 {frame.width} {height}" role="img" '
            f'aria-labelledby="{mark}-title" aria-describedby="{mark}-desc" font-size="{SIZE}" fill="none" '
            'stroke="currentColor">',
            f'<title id="{mark}-title">{_text(chart.title)}</title>',
            f'<desc id="{mark}-desc">{_text(_described(chart))}</desc>',
            _hatch(frame.hatch),
            *keys,
            *axis,
            *_grid(frame, top, height),
            *(line for line, _ in lines),
            "</svg>",
        ]
    )


def _described(chart: Chart) -> str:
    """The main point, and how many bars there are; the figures are in the table."""
    bars = f"{len(chart.bars):,} bar{'' if len(chart.bars) == 1 else 's'}"
    return f"{chart.in_words} {bars}, with 95 % intervals where they are known; the table says the same in figures."


def _frame(chart: Chart, narrow: bool, hatch: str) -> _Frame:
    ends = [end for bar in chart.bars for end in (bar.share, bar.high, bar.beside) if end is not None]
    top = _ticks(max(ends, default=0.1))[-1]
    if narrow:
        return _Frame(NARROW, 2, NARROW - 14, top, narrow, hatch)
    left = NAMES + GAP
    return _Frame(WIDE, left, WIDE - left - GAP - VALUES, top, narrow, hatch)


def _ticks(largest: float) -> list[float]:
    """Round shares from 0 to the first that is no smaller than the largest, at most 1.

    >>> _ticks(0.34)
    [0.0, 0.1, 0.2, 0.3, 0.4]
    """
    largest = min(max(largest, STEPS[0]), 1.0)
    step = next(step for step in STEPS if math.ceil(largest / step - 1e-9) < MOST_TICKS)
    return [round(n * step, 4) for n in range(math.ceil(largest / step - 1e-9) + 1)]


# ---- the parts -----------------------------------------------------------------------------------------------------


def _hatch(id_: str) -> str:
    return (
        f'<defs><pattern id="{id_}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<path class="stripe" d="M1.5 0v6" stroke-width="3"/></pattern></defs>'
    )


def _keys(chart: Chart, frame: _Frame) -> tuple[list[str], float]:
    """What the signs mean, one after the other in as many lines as they need; and where the last line ends."""
    keys = [(_box(0, 5, 22, 10, frame, False), chart.share_name)] if _any(chart, checked=True) else []
    if _any(chart, checked=False):
        keys.append((_box(0, 5, 22, 10, frame, True), f"{chart.share_name}, not checked"))
    if any(bar.low is not None and bar.high is not None for bar in chart.bars):
        keys.append((_whisker(0, 22, 10), "95 % interval"))
    if chart.beside_name:
        keys.append((_diamond(11, 10), chart.beside_name))
    if any(bar.share is None for bar in chart.bars):
        keys.append((_line(HIDDEN, 0, 14, "start", SMALL), "not published"))
    parts, x, y = [], 0.0, 0.0
    for sign, name in keys:
        long = 30 + _length(name) * SMALL + 20
        if x and x + long - 20 > frame.width:
            x, y = 0.0, y + LINE + 2
        words = _line(name, 30, 14, "start", SMALL)
        parts.append(f'<g transform="translate({round(x, 1)} {y})">{sign}{words}</g>')
        x += long
    return parts, y + LINE + 8 if keys else 0.0


def _any(chart: Chart, checked: bool) -> bool:
    return any(bar.share is not None and bar.unchecked is not checked for bar in chart.bars)


def _axis(frame: _Frame, y: float) -> list[str]:
    """The shares that the upright lines stand for."""
    ticks = _ticks(frame.top)
    found = [_line(_percent(tick), frame.across(tick), y + 14, "middle", SMALL) for tick in ticks]
    if frame.narrow:  # the outermost would not fit around their lines
        found[0] = _line(_percent(ticks[0]), 0, y + 14, "start", SMALL)
        found[-1] = _line(_percent(ticks[-1]), frame.width, y + 14, "end", SMALL)
    return found


def _percent(tick: float) -> str:
    return f"{100 * tick:g} %" if tick else "0"


def _grid(frame: _Frame, top: float, bottom: float) -> list[str]:
    """An upright line at each share of the axis, that of 0 the strongest."""
    ticks = _ticks(frame.top)
    lines = "".join(f"M{frame.across(tick)} {top}V{bottom}" for tick in ticks[1:])
    return [
        f'<path class="grid" d="{lines}" stroke-opacity="0.18"/>',
        f'<path d="M{frame.across(0)} {top}V{bottom}" stroke-opacity="0.7"/>',
    ]


def _lines(chart: Chart, frame: _Frame, top: float) -> Iterator[tuple[str, float]]:
    """Each bar with its name and value, and where it ends downwards."""
    mixed = _any(chart, checked=True) and _any(chart, checked=False)
    y = top
    for bar in chart.bars:
        values = _values(bar, bool(chart.beside_name), mixed)
        drawn, y = (_stacked if frame.narrow else _side_by_side)(bar, values, frame, y)
        yield drawn, y


def _side_by_side(bar: Bar, values: Sequence[str], frame: _Frame, y: float) -> tuple[str, float]:
    """The name at the left, the bar, the value at the right; as tall as the taller text."""
    names = _wrapped(bar.name, NAMES / SIZE)
    height = ROOM + max(len(names), len(values)) * LINE
    middle = y + height / 2
    right = frame.width
    parts = [
        *_block(names, 0, middle, "start", SIZE),
        *_bar(bar, frame, middle),
        *_block(values, right, middle, "end", SMALL),
    ]
    return "".join(parts), y + height


def _stacked(bar: Bar, values: Sequence[str], frame: _Frame, y: float) -> tuple[str, float]:
    """The name, the value below or beside it, then the bar."""
    beside_it = _length(bar.name) * SIZE + _length(values[0]) * SMALL + 16 <= frame.width
    names = _wrapped(bar.name, frame.width / SIZE)
    y += ROOM
    parts = _block(names, 0, y + len(names) * LINE / 2, "start", SIZE)
    if beside_it:
        parts += _block(values, frame.width, y + len(values) * LINE / 2, "end", SMALL)
        y += max(len(names), len(values)) * LINE
    else:
        y += len(names) * LINE
        parts += _block(values, 0, y + len(values) * LINE / 2, "start", SMALL)
        y += len(values) * LINE
    parts += _bar(bar, frame, y + 4 + THICK / 2)
    return "".join(parts), y + 4 + THICK + ROOM / 2


def _values(bar: Bar, compared: bool, mixed: bool) -> list[str]:
    """What is printed beside a bar: its share and interval, the share it is compared with and, in a chart of both
    kinds, whether it was not checked."""
    if bar.share is None:
        first = HIDDEN
    elif bar.low is None or bar.high is None:
        first = percent(bar.share)
    else:
        first = f"{percent(bar.share)} ({100 * bar.low:.1f} to {100 * bar.high:.1f})"
    second = [f"◇ {percent(bar.beside)}"] if compared and bar.beside is not None else []
    return [first, *second, *(["not checked"] if mixed and bar.unchecked else [])]


def _bar(bar: Bar, frame: _Frame, middle: float) -> list[str]:
    """The bar, its interval and what it is compared with; only the last where the share is suppressed."""
    parts = []
    if bar.share is not None:
        long = max(frame.across(bar.share) - frame.left, 1)
        parts.append(_box(frame.left, middle - THICK / 2, long, THICK, frame, bar.unchecked))
    if bar.share is not None and bar.low is not None and bar.high is not None:
        parts.append(_whisker(frame.across(bar.low), frame.across(bar.high), middle))
    if bar.beside is not None:
        parts.append(_diamond(frame.across(bar.beside), middle))
    return parts


def _box(x: float, y: float, wide: float, high: float, frame: _Frame, hatched: bool) -> str:
    place = f'x="{x}" y="{y}" width="{round(wide, 1)}" height="{high}"'
    if hatched:
        return f'<rect class="unchecked" {place} fill="url(#{frame.hatch})"/>'
    return f'<rect class="bar" {place} fill="currentColor" fill-opacity="0.45" stroke="none"/>'


def _whisker(low: float, high: float, middle: float) -> str:
    """A line with ends, over a broader one in the colour of the paper, so that it is seen on the bar too."""
    path = f"M{low} {middle}H{high}M{low} {middle - 5}v10M{high} {middle - 5}v10"
    return f'<path class="halo" d="{path}" stroke-width="4.5" stroke="none"/><path d="{path}" stroke-width="1.75"/>'


def _diamond(x: float, y: float) -> str:
    return f'<path class="beside" d="M{x} {y - 7}l6 7l-6 7l-6 -7z" fill="white" stroke-width="1.75"/>'


# ---- text ----------------------------------------------------------------------------------------------------------


def _block(lines: Sequence[str], x: float, middle: float, anchor: str, size: float) -> list[str]:
    """Lines of text around a height."""
    first = middle - len(lines) * LINE / 2 + LINE * 0.74
    return [_line(line, x, first + n * LINE, anchor, size) for n, line in enumerate(lines)]


def _line(text: str, x: float, y: float, anchor: str, size: float) -> str:
    place = f'x="{x}" y="{round(y, 1)}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" {INK}>{_text(text)}</text>'


def _length(text: str) -> float:
    """About how long a text is set, in ems: rather too long than too short, as the type is the reader's own."""
    return sum(_wide(char) for char in text)


def _wide(char: str) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    if char in " .,:;!|'’il()[]":
        return 0.4
    return 0.85 if char in "mwMW@%" or char.isupper() else 0.63


def _wrapped(text: str, room: float) -> list[str]:
    """The text in lines of at most `room` ems; words too long for a line are broken, and nothing is left out."""
    lines, line = [], ""
    for word in text.split():
        if line and _length(f"{line} {word}") <= room:
            line = f"{line} {word}"
            continue
        if line:
            lines.append(line)
        line = ""
        for char in word:
            if line and _length(line + char) > room:
                lines.append(line)
                line = ""
            line += char
    return [*lines, line]


def _text(text: str) -> str:
    """A text as XML holds it, without the control characters that XML cannot; a number and its unit stay together."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return escape(plain.replace(" %", "\u00a0%"), quote=False)
