"""A chart as Word keeps it: drawing instructions, and a workbook with the figures so that it can be edited there."""

import io
import math
import re
from collections.abc import Sequence
from html import escape

import xlsxwriter

from pipeline.publishing.document import Bar, Chart

CHART_NAMES = (
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
SHEET = "Figures"
NAME, SHARE, BELOW, ABOVE, BESIDE = "ABCDE"  # columns of the workbook
HEADERS = {NAME: "Name", BELOW: "From the share down to the low end", ABOVE: "From the share up to the high end"}
HIDDEN = "[c]"  # stands where a number is suppressed
NOT_CHECKED = "not checked"
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)  # of the axis
MOST_STEPS = 6
BAR, LINE, GRID = "5B8DBE", "1A1A1A", "D0D0D0"
CATEGORIES, VALUES = 111111111, 222222222  # numbers by which the axes know each other

LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """Text that XML can hold: line ends become `\\n`, and what no XML file may hold the sign for an unknown letter.

    >>> printable("one\\r\\ntwo\\x00")
    'one\\ntwo\ufffd'
    """
    return NOT_XML.sub("\ufffd", LINE_ENDS.sub("\n", text))


def as_xml(text: str) -> str:
    """Text as it stands in XML, between tags or in an attribute; on one line."""
    return escape(" ".join(printable(text).split()))


# ---- the workbook ---------------------------------------------------------------------------------------------------


def chart_workbook(chart: Chart) -> bytes:
    """The figures of a chart as a workbook: a row for each bar. Texts are only ever written as texts."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet(SHEET)
        sheet.set_column(0, 0, 40)
        headers = {**HEADERS, SHARE: chart.share_name, BESIDE: chart.beside_name}
        for column in (NAME, SHARE, BELOW, ABOVE, *(BESIDE if chart.beside_name else "")):
            place = NAME_TO_PLACE[column]
            sheet.write_string(0, place, printable(headers[column]))
            for row, (bar, mark) in enumerate(zip(chart.bars, _marks(chart.bars), strict=True), 1):
                cell = _cell(bar, column, mark)
                if isinstance(cell, str):
                    sheet.write_string(row, place, cell)
                elif cell is not None:
                    sheet.write_number(row, place, cell)
    return out.getvalue()


NAME_TO_PLACE = {column: place for place, column in enumerate((NAME, SHARE, BELOW, ABOVE, BESIDE))}


def _cell(bar: Bar, column: str, mark: str = "") -> str | float | None:
    if column == NAME:
        return " ".join(f"{printable(bar.name)} {mark}".split())
    if column in (SHARE, BESIDE):
        return bar.share if column == SHARE else bar.beside
    end = bar.low if column == BELOW else bar.high
    return round(abs(end - bar.share), 6) if end is not None and bar.share is not None else None


def _marks(bars: Sequence[Bar]) -> list[str]:
    """What is added to the name of each bar: that it is suppressed, or unlike others not checked."""
    some = any(bar.share is not None and not bar.unchecked for bar in bars)
    return [HIDDEN if bar.share is None else f"({NOT_CHECKED})" if bar.unchecked and some else "" for bar in bars]


# ---- the drawing ----------------------------------------------------------------------------------------------------


def longest(bars: Sequence[Bar]) -> float:
    """The largest share that a chart of these bars shows, the ends of intervals included; 0 where it shows none."""
    return max((end for bar in bars for end in (bar.share, bar.high, bar.beside) if end is not None), default=0.0)


def chart_xml(chart: Chart, workbook: str, largest: float, font_size: int = 9) -> str:
    """The drawing of a chart, of type DrawingML chart: bars from top to bottom, with lines for their intervals.

    workbook: the id of the relationship to the workbook with the figures. largest: the share that the axis has to
    reach, so that charts beside each other may have the same.
    """
    series = _series(chart, SHARE, 0, _solid(BAR), _hatches(chart.bars) + _intervals(chart.bars))
    if chart.beside_name:
        series += _series(chart, BESIDE, 1, _hollow(LINE), "")
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><c:chartSpace {CHART_NAMES}>'
        '<c:date1904 val="0"/><c:lang val="en-GB"/><c:roundedCorners val="0"/>'
        f'<c:chart><c:autoTitleDeleted val="1"/><c:plotArea><c:layout/>'
        '<c:barChart><c:barDir val="bar"/><c:grouping val="clustered"/><c:varyColors val="0"/>'
        f'{series}<c:gapWidth val="60"/><c:axId val="{CATEGORIES}"/><c:axId val="{VALUES}"/></c:barChart>'
        f"{_category_axis()}{_value_axis(chart, largest)}</c:plotArea>{_legend(chart)}"
        '<c:plotVisOnly val="1"/><c:dispBlanksAs val="gap"/></c:chart>'
        f"<c:spPr><a:noFill/><a:ln><a:noFill/></a:ln></c:spPr>{_font(font_size)}"
        f'<c:externalData r:id="{workbook}"><c:autoUpdate val="0"/></c:externalData></c:chartSpace>'
    )


def _series(chart: Chart, column: str, number: int, look: str, more: str) -> str:
    name = chart.share_name if column == SHARE else chart.beside_name
    titles = f'<c:pt idx="0"><c:v>{as_xml(name)}</c:v></c:pt>'
    return (
        f'<c:ser><c:idx val="{number}"/><c:order val="{number}"/><c:tx><c:strRef><c:f>{SHEET}!${column}$1</c:f>'
        f'<c:strCache><c:ptCount val="1"/>{titles}</c:strCache></c:strRef></c:tx>'
        f'<c:spPr>{look}</c:spPr><c:invertIfNegative val="0"/>{more}'
        f"<c:cat><c:strRef>{_range(chart.bars, NAME)}<c:strCache>{_points(chart.bars, NAME)}</c:strCache></c:strRef>"
        f"</c:cat><c:val>{_numbers(chart.bars, column)}</c:val></c:ser>"
    )


def _hatches(bars: Sequence[Bar]) -> str:
    """The look of the bars that nobody checked: told apart by their pattern, not by colour alone."""
    return "".join(
        f'<c:dPt><c:idx val="{place}"/><c:invertIfNegative val="0"/><c:bubble3D val="0"/>'
        f"<c:spPr>{_hatched(BAR)}</c:spPr></c:dPt>"
        for place, bar in enumerate(bars)
        if bar.unchecked and bar.share is not None
    )


def _intervals(bars: Sequence[Bar]) -> str:
    """The ends of the intervals, as distances from the ends of the bars; nothing where no bar has any."""
    if all(_cell(bar, column) is None for bar in bars for column in (BELOW, ABOVE)):
        return ""
    return (
        '<c:errBars><c:errBarType val="both"/><c:errValType val="cust"/><c:noEndCap val="0"/>'
        f"<c:plus>{_numbers(bars, ABOVE)}</c:plus><c:minus>{_numbers(bars, BELOW)}</c:minus>"
        f'<c:spPr><a:ln w="15875">{_solid(LINE)}</a:ln></c:spPr></c:errBars>'
    )


def _range(bars: Sequence[Bar], column: str) -> str:
    return f"<c:f>{SHEET}!${column}$2:${column}${len(bars) + 1}</c:f>"


def _numbers(bars: Sequence[Bar], column: str) -> str:
    cache = f"<c:formatCode>0%</c:formatCode>{_points(bars, column)}"
    return f"<c:numRef>{_range(bars, column)}<c:numCache>{cache}</c:numCache></c:numRef>"


def _points(bars: Sequence[Bar], column: str) -> str:
    """What the cells of a column hold, so that the chart can be drawn without opening the workbook."""
    marked = zip(bars, _marks(bars), strict=True)
    cells = ((place, _cell(bar, column, mark)) for place, (bar, mark) in enumerate(marked))
    points = (
        f'<c:pt idx="{place}"><c:v>{as_xml(cell) if isinstance(cell, str) else repr(float(cell))}</c:v></c:pt>'
        for place, cell in cells
        if cell is not None
    )
    return f'<c:ptCount val="{len(bars)}"/>' + "".join(points)


def _category_axis() -> str:
    return (
        f'<c:catAx><c:axId val="{CATEGORIES}"/><c:scaling><c:orientation val="maxMin"/></c:scaling>'
        '<c:delete val="0"/><c:axPos val="l"/><c:numFmt formatCode="General" sourceLinked="0"/>'
        '<c:majorTickMark val="none"/><c:minorTickMark val="none"/><c:tickLblPos val="low"/>'
        f'<c:spPr><a:ln w="9525">{_solid(LINE)}</a:ln></c:spPr>'
        f'<c:crossAx val="{VALUES}"/><c:crosses val="autoZero"/><c:auto val="0"/><c:lblAlgn val="ctr"/>'
        '<c:lblOffset val="100"/><c:tickLblSkip val="1"/><c:noMultiLvlLbl val="1"/></c:catAx>'
    )


def _value_axis(chart: Chart, largest: float) -> str:
    """The axis of shares, from 0, below the bars: they run from top to bottom, so it crosses theirs at the far end."""
    step = next((step for step in STEPS if largest <= step * MOST_STEPS), STEPS[-1])
    end = round(max(math.ceil(largest / step - 1e-9), 1) * step, 4)
    scale = f'<c:scaling><c:orientation val="minMax"/><c:max val="{end}"/><c:min val="0"/></c:scaling>'
    title = (
        '<c:title><c:tx><c:rich><a:bodyPr/><a:lstStyle/><a:p><a:pPr><a:defRPr b="0"/></a:pPr>'
        f'<a:r><a:rPr lang="en-GB" b="0"/><a:t>{as_xml(_says(chart))}</a:t></a:r></a:p></c:rich></c:tx>'
        '<c:overlay val="0"/></c:title>'
    )
    return (
        f'<c:valAx><c:axId val="{VALUES}"/>{scale}<c:delete val="0"/><c:axPos val="b"/>'
        f'<c:majorGridlines><c:spPr><a:ln w="6350">{_solid(GRID)}</a:ln></c:spPr></c:majorGridlines>{title}'
        '<c:numFmt formatCode="0%" sourceLinked="0"/><c:majorTickMark val="none"/><c:minorTickMark val="none"/>'
        f'<c:tickLblPos val="nextTo"/><c:spPr><a:ln><a:noFill/></a:ln></c:spPr><c:crossAx val="{CATEGORIES}"/>'
        f'<c:crosses val="max"/><c:crossBetween val="between"/><c:majorUnit val="{step}"/></c:valAx>'
    )


def _says(chart: Chart) -> str:
    """What the bars are, in the words below the axis."""
    shown = [bar for bar in chart.bars if bar.share is not None]
    unchecked = f", {NOT_CHECKED}" if shown and all(bar.unchecked for bar in shown) else ""
    intervals = ", with 95 % interval" if _intervals(chart.bars) else ""
    return f"{chart.share_name}{unchecked}{intervals}"


def _legend(chart: Chart) -> str:
    return '<c:legend><c:legendPos val="t"/><c:overlay val="0"/></c:legend>' if chart.beside_name else ""


def _solid(colour: str) -> str:
    return f'<a:solidFill><a:srgbClr val="{colour}"/></a:solidFill>'


def _hatched(colour: str) -> str:
    return (
        f'<a:pattFill prst="wdUpDiag"><a:fgClr><a:srgbClr val="{colour}"/></a:fgClr>'
        f'<a:bgClr><a:srgbClr val="FFFFFF"/></a:bgClr></a:pattFill><a:ln w="9525">{_solid(colour)}</a:ln>'
    )


def _hollow(colour: str) -> str:
    return f'<a:noFill/><a:ln w="12700">{_solid(colour)}</a:ln>'


def _font(size: int) -> str:
    return (
        f'<c:txPr><a:bodyPr/><a:lstStyle/><a:p><a:pPr><a:defRPr sz="{size * 100}"><a:latin typeface="Arial"/>'
        '</a:defRPr></a:pPr><a:endParaRPr lang="en-GB"/></a:p></c:txPr>'
    )
