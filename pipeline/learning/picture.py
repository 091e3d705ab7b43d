"""The picture of the model card: how often coders gave a code, by the probability the model gave it. Hand-written SVG.

Black on white, so that nothing is told by colour; title and description say in words what is drawn (W3C, WCAG 2.2,
1.1.1 and 1.4.1).
"""

from collections.abc import Sequence
from html import escape

from pipeline.learning.quality import Band, Calibration

SIDE, LEFT, TOP, RIGHT, BOTTOM = 200, 68, 40, 24, 52  # pixels: the square of a panel and what is around it
PANELS_IN_A_ROW = 3
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
INK = 'fill="black" stroke="none"'
TITLE = "Calibration: how often coders gave a code, by the probability the model gave it"


def calibration_svg(panels: Sequence[tuple[str, Calibration]]) -> str:
    """A panel for each (name, calibration) side by side, three in a row, as a whole SVG file."""
    width = (LEFT + SIDE + RIGHT) * min(len(panels), PANELS_IN_A_ROW)
    height = (TOP + SIDE + BOTTOM) * -(-len(panels) // PANELS_IN_A_ROW)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-labelledby="title desc" font-family="sans-serif" font-size="11">',
        f'<title id="title">{_text(TITLE)}</title>',
        f'<desc id="desc">{_text(" ".join([_how_to_read(), *(_in_words(*panel) for panel in panels)]))}</desc>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *(_panel(n, *panel) for n, panel in enumerate(panels)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def percent(share: float) -> str:
    """A share from 0 to 1 in whole per cent: 0.344 is "34 %"."""
    return f"{100 * share:.0f} %"


def _how_to_read() -> str:
    return (
        "Across: the probability given by the model. Up: the share of the decisions at which coders gave the code. "
        "Points on the dashed line are as right as they say; below it the model is too sure. Upright lines are 95 % "
        "intervals."
    )


def _in_words(name: str, calibration: Calibration) -> str:
    found = "; ".join(
        f"{percent(band.low)} to {percent(band.high)}: {percent(band.right.value)} of {band.decisions}"
        for band in calibration.bands
    )
    return f"{name}: {found}."


def _panel(number: int, name: str, calibration: Calibration) -> str:
    x = (number % PANELS_IN_A_ROW) * (LEFT + SIDE + RIGHT) + LEFT
    y = (number // PANELS_IN_A_ROW) * (TOP + SIDE + BOTTOM) + TOP
    line = " ".join(f"{_across(band)},{_up(band.right.value)}" for band in calibration.bands)
    parts = [
        f'<g transform="translate({x} {y})" stroke="black" fill="none">',
        f'<text x="0" y="-14" font-size="13" font-weight="bold" {INK}>{_text(_short(name))}</text>',
        f'<rect width="{SIDE}" height="{SIDE}"/>',
        f'<line x1="0" y1="{SIDE}" x2="{SIDE}" y2="0" stroke-dasharray="5 4"/>',
        *map(_tick, TICKS),
        f'<text x="{SIDE // 2}" y="{SIDE + 36}" text-anchor="middle" {INK}>probability given</text>',
        f'<text transform="translate(-48 {SIDE // 2}) rotate(-90)" text-anchor="middle" {INK}>coders gave it</text>',
        f'<polyline points="{line}" stroke-width="1.5"/>',
        *map(_point, calibration.bands),
        "</g>",
    ]
    return "\n".join(parts)


def _tick(share: float) -> str:
    place = round(share * SIDE)
    return (
        f'<path d="M{place} {SIDE}v4M0 {SIDE - place}h-4"/>'
        f'<text x="{place}" y="{SIDE + 16}" text-anchor="middle" {INK}>{percent(share)}</text>'
        f'<text x="-7" y="{SIDE - place + 4}" text-anchor="end" {INK}>{percent(share)}</text>'
    )


def _point(band: Band) -> str:
    x = _across(band)
    return (
        f'<line x1="{x}" y1="{_up(band.right.low)}" x2="{x}" y2="{_up(band.right.high)}"/>'
        f'<circle cx="{x}" cy="{_up(band.right.value)}" r="3.5" fill="black"/>'
    )


def _across(band: Band) -> float:
    return round(band.mean * SIDE, 1)


def _up(share: float) -> float:
    return round(SIDE - share * SIDE, 1)


def _short(name: str, longest: int = 28) -> str:
    return name if len(name) <= longest else name[: longest - 1].rstrip() + "…"


def _text(text: str) -> str:
    """A text as XML holds it, without the control characters that XML cannot."""
    return escape("".join(char if char.isprintable() else " " for char in text), quote=False)
