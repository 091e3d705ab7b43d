"""The report as one HTML page, for reading in a browser, on a telephone and on paper: no script, nothing fetched."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.counting.findings import Findings
from pipeline.counting.tables import NOT_CHECKED
from pipeline.files.whole_file import write_whole
from pipeline.publishing.bars import chart_svg
from pipeline.publishing.document import Block, Cell, Chart, Column, Document, Section
from pipeline.publishing.report import HIDDEN, percent
from pipeline.publishing.story import tell

UNIT = re.compile(r"(?<=\d) (?=%)")


def write_page(findings: Findings, path: Path) -> None:
    """Writes the report of what a run found as one HTML file, whole or not at all; replaces an existing file.

    Raises OutputError where it cannot be written to.
    """
    write_whole(as_html(tell(findings)).encode(), path)


def as_html(document: Document) -> str:
    """The report as a whole HTML page in British English; every text of it is escaped.

    It holds its own `policy`.
    """
    return (
        _pages()
        .get_template("report.html")
        .render(
            document=document,
            contents=_contents(document.sections),
            style=Markup(_style()),  # noqa: S704 - our own file, without any text of the report
            policy=Markup(policy()),  # noqa: S704 - our own words too
        )
    )


def policy() -> str:
    """What a browser lets the page do: no script, nothing fetched, and no looks but those of its own style sheet."""
    digest = b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _style() -> str:
    return _pages().get_template("report.css").render()


def _contents(sections: Sequence[Section]) -> list[tuple[Section, list[Section]]]:
    """The sections of level 2, each with those of level 3 that follow it."""
    found: list[tuple[Section, list[Section]]] = []
    for section in sections:
        if section.level > 2 and found:
            found[-1][1].append(section)
        else:
            found.append((section, []))
    return found


@cache
def _pages() -> Environment:
    pages = Environment(
        loader=PackageLoader("pipeline"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"kind": _kind, "together": _together, "printed": _printed, "drawn": _drawn}
    pages.globals |= {"NOT_CHECKED": NOT_CHECKED}
    return pages


def _kind(block: Block) -> str:
    """What the template calls a block."""
    return type(block).__name__


def _together(text: str) -> str:
    """A text in which no line ends between a number and its per cent sign."""
    return UNIT.sub("\u00a0", text)


def _printed(cell: Cell, column: Column) -> list[str]:
    """The lines of a cell as they are printed: numbers with their commas, shares in per cent, `[c]` for None."""
    if cell is None:
        return [HIDDEN]
    if column.kind == "share" and not isinstance(cell, str):
        return [_together(percent(cell))]
    if column.kind == "count" and not isinstance(cell, str):
        return [f"{cell:,}"]
    return [_together(line) for line in str(cell).splitlines()] or [""]


def _drawn(chart: Chart, number: int) -> Markup:
    """The chart for both widths, of which the style sheet shows one; it escapes its texts itself."""
    return Markup("\n".join(chart_svg(chart, number, narrow) for narrow in (False, True)))  # noqa: S704
