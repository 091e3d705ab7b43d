"""A report as blocks in the order they are read: what every writer of it, for the browser or for Word, lays out."""

from collections.abc import Iterator
from dataclasses import dataclass

Cell = str | int | float | None


@dataclass(frozen=True)
class Paragraph:
    """A paragraph. small: in smaller type, for what only some read; warning: in a box, not to be overlooked."""

    text: str
    small: bool = False
    warning: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list; title is printed above it where there is one."""

    items: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table. kind: `text`, `count` (a whole number), `share` (0 to 1, printed in per cent) or `figures`
    (a text of numbers, such as an interval, set to the right as numbers are; a line break in it is kept)."""

    header: str
    kind: str = "text"


@dataclass(frozen=True)
class Table:
    """A table with a caption; the first column names the row. A cell is None where it is suppressed, printed `[c]`."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Bar:
    """One bar: a share and the ends of its 95 % interval, all 0 to 1; None where it is suppressed.

    beside: a second share to compare with, such as that of the population; None where there is none.
    unchecked: nobody checked what it counts, so it must look different from those that were checked.
    """

    name: str
    share: float | None
    low: float | None = None
    high: float | None = None
    beside: float | None = None
    unchecked: bool = False


@dataclass(frozen=True)
class Chart:
    """Bars from top to bottom. The table beside or below it says the same in figures; in_words says the main point.

    beside_name: what `Bar.beside` is, empty where no bar has any.
    """

    title: str
    bars: tuple[Bar, ...]
    in_words: str
    share_name: str = "Share of respondents"
    beside_name: str = ""


@dataclass(frozen=True)
class Quotation:
    """What somebody wrote, masked, with the id of the comment; who: their group, empty where it must not be told.

    note: what else the reader should know, such as the question it answers.
    """

    text: str
    comment_id: str
    who: str = ""
    note: str = ""


@dataclass(frozen=True)
class Quotations:
    """Some of what was written under one code."""

    title: str
    quotes: tuple[Quotation, ...]


Block = Paragraph | Bullets | Table | Chart | Quotations


@dataclass(frozen=True)
class Section:
    """A part of the report. id: its anchor, of letters, digits and `-`; level 2 or 3, as of a heading."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    level: int = 2


@dataclass(frozen=True)
class Document:
    """The whole report. made: date and time in words; lead: the sentences that stand before everything else."""

    title: str
    made: str
    lead: tuple[str, ...]
    sections: tuple[Section, ...]

    def blocks(self) -> Iterator[Block]:
        """All blocks in order."""
        for section in self.sections:
            yield from section.blocks
