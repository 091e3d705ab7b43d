"""How pages put things: problems, times and figures with their intervals."""

from collections.abc import Callable
from pathlib import Path

from flask import Response, flash, make_response

from pipeline.errors import UserError
from pipeline.learning.picture import percent
from pipeline.learning.quality import Estimate

REFRESH = 2  # seconds


def problem_words(problem: UserError) -> str:
    """What is wrong, where, and what to do, in sentences. Of a path only its last part is shown."""
    where = problem.where.name if isinstance(problem.where, Path) else str(problem.where or "")
    fix = f" What to do: {problem.fix.rstrip('.')}." if problem.fix else ""
    return f"{where}: {problem.what}.{fix}" if where else f"{upfirst(problem.what)}.{fix}"


def tell(problem: UserError) -> None:
    """Shows what went wrong, and what to do, on the next page."""
    flash(problem_words(problem), "problem")


def upfirst(text: str) -> str:
    """A text with a capital in front, the rest as it is."""
    return text[:1].upper() + text[1:]


def day(at: str) -> str:
    """A time of the record, such as `2025-09-08T09:28:00+00:00`, for people."""
    return at.replace("T", " ")[:16] + " UTC" if at else ""


def interval(one: Estimate) -> str:
    """A share with its interval: "62 % (51–71 %)"."""
    return f"{percent(one.value)} ({100 * one.low:.0f}–{100 * one.high:.0f} %)"


def decimals(one: Estimate) -> str:
    """An agreement with its interval: "0.62 (0.51 to 0.71)"."""
    value, low, high = (
        f"{number:.2f}".replace("-0.00", "0.00").replace("-", "−") for number in (one.value, one.low, one.high)
    )
    return f"{value} ({low} to {high})"


def refreshing(page: str) -> Response:
    """A page that a browser loads again by itself after a moment, also without JavaScript."""
    response = make_response(page)
    response.headers["Refresh"] = str(REFRESH)
    return response


FILTERS: dict[str, Callable[..., str]] = {
    "day": day,
    "upfirst": upfirst,
    "interval": interval,
    "decimals": decimals,
    "percent": percent,
}
