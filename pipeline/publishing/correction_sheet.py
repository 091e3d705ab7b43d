"""The sheet of a workbook that works out each corrected share and its interval as `shares` does, in live formulas."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose, sqrt

from pipeline.counting.tables import Correction, Tables
from pipeline.publishing.frequency_sheets import CODE, FACET, NAME
from pipeline.publishing.report import shown_corrections
from pipeline.publishing.spreadsheet import Cell, Column, Formula, Sheet

COLUMNS = (
    FACET,
    NAME,
    CODE,
    Column("Base (worked out)", "count", "Decided + given + not given.", "base"),
    Column("Decided", "count", "Respondents all of whose comments were decided by people.", "decided"),
    Column("Decided: with the code", "count", "Of the decided, those to whom people gave the code.", "decided_with"),
    Column("Given", "count", "Of the others, those to whom the tool gave the code.", "given"),
    Column("Given: checked", "number", "How many of these are in the check sample.", "given_checked"),
    Column("Given: found", "number", "Of these checked, those to whom people gave the code too.", "given_found"),
    Column("Not given", "count", "Of the others, those to whom the tool did not give the code.", "not_given"),
    Column("Not given: checked", "number", "How many of these are in the check sample.", "not_given_checked"),
    Column("Not given: found", "number", "Of these checked, those to whom people gave the code.", "not_given_found"),
    Column("Share as counted", "share", "(Decided with the code + given) / base.", "raw"),
    Column(
        "Share as checked",
        "share",
        "(Decided with the code + given × the part of the checked that was found + not given × the part of the checked "
        "that was found) / base. Where none is checked, given counts in full and not given not at all.",
        "full",
    ),
    Column("Pull", "number", "How far the share goes from counted to checked: 0 not at all, 1 all the way.", "pull"),
    Column("Corrected share", "share", "Share as counted + pull × (share as checked - share as counted).", "share"),
    Column("Rate of given", "figure", "(Given: found + 0.5) / (given: checked + 1), never quite 0 or 1.", "q1"),
    Column("Rate of not given", "figure", "(Not given: found + 0.5) / (not given: checked + 1).", "q0"),
    Column("Share of undecided", "share", "Share as checked, but of the respondents who are not decided.", "t"),
    Column(
        "k",
        "small",
        "1 / k is how many respondents read at random the share is worth: the variance of the share of the undecided, "
        "by the two rates and the parts not read, divided by s (1 - s) with s the share that the two rates give.",
        "k",
    ),
    Column(
        "Low 95 %",
        "share",
        "Lower end of Wilson's interval at 1 / k respondents, the decided added; z = 1.959964.",
    ),
    Column("High 95 %", "share", "Upper end of the same interval."),
)

UNDECIDED = "({given}+{not_given})"
BASE = "={decided}+{given}+{not_given}"
RAW = "=({decided_with}+{given})/{base}"
FULL = (
    "=({decided_with}"
    "+IF({given_checked}=0,{given},{given}*{given_found}/{given_checked})"
    "+IF({not_given_checked}=0,0,{not_given}*{not_given_found}/{not_given_checked})"
    ")/{base}"
)
SHARE = "={raw}+{pull}*({full}-{raw})"
Q1 = "=({given_found}+0.5)/({given_checked}+1)"
Q0 = "=({not_given_found}+0.5)/({not_given_checked}+1)"
T = f"=IF({UNDECIDED}=0,0,({{full}}*{{base}}-{{decided_with}})/{UNDECIDED})"
SIDE = "{units}^2*{rate}*(1-{rate})/MAX({checked},0.5)*MAX(0,1-{checked}/MAX({units},1))"
SIDES = "+".join(
    SIDE.format(units=f"{{{units}}}", rate=f"{{{rate}}}", checked=f"{{{units}_checked}}")
    for units, rate in (("given", "q1"), ("not_given", "q0"))
)
BY_RATES = "({given}*{q1}+{not_given}*{q0})"
K = f"=IF({UNDECIDED}=0,0,({SIDES})/({BY_RATES}*({UNDECIDED}-{BY_RATES})))"
Z = 1.959964
HALF = f"{Z}*SQRT(MAX(0,{{k}}*{{t}}*(1-{{t}}))+{Z}^2*{{k}}^2/4)"
CENTRE, SCALE = f"{{t}}+{Z}^2*{{k}}/2", f"(1+{Z}^2*{{k}})"
LOW = f"=({{decided_with}}+{UNDECIDED}*MAX(0,MIN({{t}},({CENTRE}-{HALF})/{SCALE})))/{{base}}"
HIGH = f"=({{decided_with}}+{UNDECIDED}*MIN(1,MAX({{t}},({CENTRE}+{HALF})/{SCALE})))/{{base}}"

LINES = (
    "Select a cell to see how it is worked out; change a number to see what it does. All numbers are of respondents.",
    "Base, shares, rates and k are formulas, and so are low and high where they were found in this way. The sheet "
    "Notes says what each column holds.",
)
SAME = 1e-6  # an end of an interval that the formula does not give to this is written as a value


def correction_sheet(tables: Tables) -> Sheet:
    """One line a code: what its share was corrected with, and the share as a formula; no rows where none was."""
    rows = tuple(_cells(one, tables.headings) for one in shown_corrections(tables))
    title = "Correction: how each corrected share was worked out"
    return Sheet("Correction", title, LINES, COLUMNS, rows, explained=True)


def _cells(one: Correction, headings: Mapping[str, str]) -> tuple[Cell, ...]:
    worked = _work_out(one)
    return (
        *(headings.get(one.facet, one.facet), one.name, one.code, Formula(BASE, worked.base)),
        *(one.decided, one.decided_with),
        *(one.given, one.given_checked, one.given_found),
        *(one.not_given, one.not_given_checked, one.not_given_found),
        *(Formula(RAW, worked.raw), Formula(FULL, worked.full), one.pull, Formula(SHARE, worked.share)),
        *(Formula(Q1, worked.q1), Formula(Q0, worked.q0), Formula(T, worked.t), Formula(K, worked.k)),
        *(_end(LOW, worked.low, one.low), _end(HIGH, worked.high, one.high)),
    )


def _end(formula: str, worked: float, published: float) -> Cell:
    return Formula(formula, published) if isclose(worked, published, rel_tol=0, abs_tol=SAME) else published


@dataclass(frozen=True)
class _Worked:
    """What the formulas of a line give."""

    base: int
    raw: float
    full: float
    share: float
    q1: float
    q0: float
    t: float
    k: float
    low: float
    high: float


def _work_out(one: Correction) -> _Worked:
    """The formulas, for programs that show a workbook without working them out."""
    undecided = one.given + one.not_given
    base = one.decided + undecided
    given = one.given * one.given_found / one.given_checked if one.given_checked else one.given
    missed = one.not_given * one.not_given_found / one.not_given_checked if one.not_given_checked else 0.0
    raw, full = (one.decided_with + one.given) / base, (one.decided_with + given + missed) / base
    q1 = (one.given_found + 0.5) / (one.given_checked + 1)
    q0 = (one.not_given_found + 0.5) / (one.not_given_checked + 1)
    t = (given + missed) / undecided if undecided else 0.0
    by_rates = one.given * q1 + one.not_given * q0
    sides = _side(one.given, q1, one.given_checked) + _side(one.not_given, q0, one.not_given_checked)
    k = sides / (by_rates * (undecided - by_rates)) if undecided else 0.0
    half = Z * sqrt(max(0.0, k * t * (1 - t)) + Z**2 * k**2 / 4)
    centre, scale = t + Z**2 * k / 2, 1 + Z**2 * k
    low, high = max(0.0, min(t, (centre - half) / scale)), min(1.0, max(t, (centre + half) / scale))
    return _Worked(
        *(base, raw, full, raw + one.pull * (full - raw), q1, q0, t, k),
        *((one.decided_with + undecided * end) / base for end in (low, high)),
    )


def _side(units: int, rate: float, checked: float) -> float:
    return units**2 * rate * (1 - rate) / max(checked, 0.5) * max(0.0, 1 - checked / max(units, 1))
