"""What is kept in `decisions.db`, as records: decisions, the check sample, the feedback log."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """What a person says the codes of a comment are in one facet. codes: None takes back what was decided.

    shown: the codes the person had before their eyes.
    """

    comment_id: str
    facet: str
    codes: tuple[str, ...] | None
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """A decision as it is kept. `at` is UTC, ISO 8601; codes None: taken back; model: whose codes were shown."""

    id: int
    act: int
    comment_id: str
    facet: str
    codes: tuple[str, ...] | None
    shown: tuple[str, ...]
    who: str
    at: str
    how: str
    note: str
    model: str


@dataclass(frozen=True)
class Conflict:
    """A choice that was not saved, because somebody else had decided otherwise since the person looked."""

    mine: Choice
    theirs: Decision


@dataclass(frozen=True)
class Saved:
    """What came of some choices: the act (None where nothing was new), how many were saved or already so, conflicts.

    noted: of how many comments that were already so the codes were decided once more, to keep the note beside them.
    """

    act: int | None
    saved: int
    unchanged: int
    conflicts: tuple[Conflict, ...] = ()
    noted: int = 0


@dataclass(frozen=True)
class CheckCode:
    """What one coder said of a comment of the check sample in one facet, without seeing the machine's codes."""

    coder: str
    comment_id: str
    facet: str
    codes: tuple[str, ...]
    at: str


@dataclass(frozen=True)
class Drawn:
    """A comment of the check sample; place from 1 in the order it was drawn, stratum empty in a simple sample."""

    place: int
    comment_id: str
    stratum: str


@dataclass(frozen=True)
class Answer:
    """What a council did about a comment with one code, or about a code as a whole; each empty where nobody said.

    due: an ISO date where it could be read as one; status, published: as the feedback log names them.
    """

    response: str = ""
    owner: str = ""
    due: str = ""
    status: str = ""
    published: str = ""


@dataclass(frozen=True)
class LogLine:
    """A line of the feedback log as it is kept.

    comment_id: empty for a code as a whole; facet, code: both empty for a comment without any code. `at` is UTC.
    """

    id: int
    act: int
    comment_id: str
    facet: str
    code: str
    answer: Answer
    who: str
    at: str
    how: str
    note: str

    @property
    def key(self) -> "LogKey":
        """What it speaks of."""
        return self.comment_id, self.facet, self.code


LogKey = tuple[str, str, str]  # comment, facet, code


@dataclass(frozen=True)
class Answered:
    """What a person wrote into the feedback log. said: the parts of an answer that they changed, by name.

    seen: by name what they may have had before their eyes; a part that says neither this nor the same conflicts.
    """

    key: LogKey
    said: Mapping[str, str]
    seen: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class LogConflict:
    """A part of an answer that was not saved, because somebody else had written otherwise in the meantime."""

    key: LogKey
    part: str
    mine: str
    theirs: LogLine
