"""What a run found, in one record: every output is written from it, so that no two of them can differ."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.codebook import Codebook
from pipeline.counting.tables import Tables


@dataclass(frozen=True)
class Claim:
    """One statement in words. kind: `safe` to say, too `close` to call, or too `few` to say.

    about: `order` (two codes), `size` (majority, minority), `group` (more or less often in a group), `change` (against
    an earlier run), `reading` (how to read a table, always safe and the first of its claims). codes: the ids it is
    about; group, value: the column and value it is limited to, None overall.
    """

    kind: str
    about: str
    words: str
    facet: str
    codes: tuple[str, ...]
    group: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Represented:
    """One value of an attribute: its share of the respondents and of the population (0 to 1).

    respondents: how many, None where suppressed; low, high: 95 % interval of their share; verdict: `over`, `under` or
    `as expected`, empty where it cannot be told.
    """

    value: str
    respondents: int | None
    share: float | None
    low: float | None
    high: float | None
    population: float
    verdict: str


@dataclass(frozen=True)
class Weighted:
    """A code's share as it stands and with respondents weighted to the population; None where suppressed."""

    facet: str
    code: str
    name: str
    share: float | None
    weighted: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Attribute:
    """Who answered, by one column against the population. notes: what was matched to what, and what could not be.

    weighted: the shares weighted by the columns `weighted_by`, of which this is one or stands first; weighting: how
    that was done, or why it was not.
    """

    column: str
    source: str
    values: tuple[Represented, ...]
    weighted: tuple[Weighted, ...]
    notes: tuple[str, ...]
    weighted_by: tuple[str, ...] = ()
    weighting: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quote:
    """A comment quoted for a code, masked. decided: whether a person gave the code; given: whether the respondent did.

    Where neither did, the tool gave it.
    """

    facet: str
    code: str
    comment_id: str
    text: str
    question: str
    decided: bool
    given: bool = False

    @property
    def coded_by(self) -> str:
        """Who gave the code: `person`, `respondent` or `tool`."""
        return "person" if self.decided else "respondent" if self.given else "tool"


@dataclass(frozen=True)
class Pile:
    """The comments without any code of a facet: how many, groups of like ones as (comments, words), masked examples."""

    facet: str
    comments: int
    groups: tuple[tuple[int, tuple[str, ...]], ...]
    examples: tuple[Quote, ...]


@dataclass(frozen=True)
class Changed:
    """A code's share now and in an earlier run; difference = now - before with its 95 % interval; None: suppressed."""

    facet: str
    code: str
    name: str
    before: float | None
    now: float | None
    difference: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Checked:
    """What the check sample says of one code: against the person who coded most; alpha between coders.

    comments: of the sample with the code; None: suppressed, with all figures. precision, recall, alpha: (value, low,
    high), None where it is not known.
    """

    facet: str
    code: str
    comments: int | None
    precision: tuple[float, float, float] | None
    recall: tuple[float, float, float] | None
    alpha: tuple[float, float, float] | None


@dataclass(frozen=True)
class Findings:
    """What a run found.

    tables: all frequency tables, corrected where the check sample allows and with small counts suppressed.
    claims: what can be said in words. attributes: who answered, against a population. changed: against an earlier run,
    `earlier` its name. quotes: some comments for each code. piles: comments without a code, by facet.
    checked: figures of the check sample, empty without one; drawn: comments drawn for it that were coded; coders: how
    many people coded it. method, limits: paragraphs. digests: SHA-256 of `export`, `codebook` and `model`; made: when
    the run was coded, ISO. versions: of the tool and its libraries. smallest: counts below it are suppressed.
    """

    tables: Tables
    codebook: Codebook
    claims: tuple[Claim, ...]
    attributes: tuple[Attribute, ...]
    earlier: str
    changed: tuple[Changed, ...]
    quotes: tuple[Quote, ...]
    piles: tuple[Pile, ...]
    checked: tuple[Checked, ...]
    drawn: int
    coders: int
    method: tuple[str, ...]
    limits: tuple[str, ...]
    run: str
    export: str
    model: str
    made: str
    digests: Mapping[str, str]
    versions: Mapping[str, str]
    smallest: int
