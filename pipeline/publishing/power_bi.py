"""A run as a star of tables for Power BI: a folder of Parquet and CSV with keys that stay the same.

What people wrote and their codes are read a batch at a time from the run, with what people decided in place of what the
tool said; the published figures are those of the findings.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from pipeline.codebook import Facet, split_codes
from pipeline.counting.findings import Findings
from pipeline.counting.grouping import NO_CODE, NOT_GIVEN
from pipeline.counting.run_table import CAMPAIGNS, CODE_AGAIN, GIVEN
from pipeline.counting.tables import SUPPRESSED, Row
from pipeline.errors import InputError, OutputError
from pipeline.files.raw_table import ESCAPED, FORMULA, safe_cell
from pipeline.learning.model_store import whole_folder
from pipeline.publishing.dates import MONTHS, WEEKDAYS
from pipeline.publishing.report import counted_share
from pipeline.publishing.star import DATE, FLAG, KEY, NO_DATE, NUMBER, PUBLIC, TABLES, TEXT, WHOLE, Field, Keys
from pipeline.publishing.star_guide import fields_with, guide
from pipeline.publishing.star_source import CODED, Probabilities, Source, open_source
from pipeline.stores.comment_store import MACHINE, RESPONDENT
from pipeline.texts.copies import CAMPAIGN

README = "README.md"
LONGEST_SPAN = 3660  # days between the first and the last date that are filled with the days between
PERSON = "person"
EVERYONE = "(all respondents)"
TYPES = {
    KEY: pa.int64(),
    WHOLE: pa.int64(),
    NUMBER: pa.float64(),
    TEXT: pa.string(),
    FLAG: pa.bool_(),
    DATE: pa.date32(),
}
Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Star:
    """What was written. rows: table → its rows; attributes: header of the export → column of `responses`.

    dated_by: the column of the export that the dates are of, None where none was found; undated: responses without.
    """

    folder: Path
    rows: Mapping[str, int]
    attributes: Mapping[str, str] = field(default_factory=dict)
    dated_by: str | None = None
    undated: int = 0

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files in the folder."""
        return (*(f"{name}.{ending}" for name in self.rows for ending in ("parquet", "csv")), README)


def write_star(
    findings: Findings,
    run: Path,
    folder: Path,
    by: Sequence[str] = (),
    *,
    date: str | None = None,
    public: bool = False,
    replace: bool = False,
) -> Star:
    """Writes the folder, whole or not at all; `by`: columns of the export that become attributes of the responses.

    date: the column that says when a response was made, found by its header if not named. public: only the published
    figures. Raises InputError for a folder that is no run or a column that is not there, OutputError where the folder
    cannot be written or holds something else.
    """
    check_ours(folder)
    if public:
        with whole_folder(folder, replace) as made:
            rows = {name: _write(made, name, TABLES[name], [table]) for name, table in _published(findings).items()}
            _write_guide(made, guide(findings.tables.title, PUBLIC, TABLES, {}, "", findings.smallest))
        return Star(folder, rows)
    source = open_source(run, findings.codebook, by, date)
    with whole_folder(folder, replace) as made:
        facts = _Facts(source, findings)
        rows = facts.write(made)
        about = _about_dates(source.dated_by, facts.undated)
        fields = fields_with(source.attributes)
        _write_guide(
            made, guide(findings.tables.title, tuple(rows), fields, source.attributes, about, findings.smallest)
        )
    return Star(folder, rows, source.attributes, source.dated_by, facts.undated)


def check_ours(folder: Path) -> None:
    """Raises OutputError where the folder holds anything that a star does not."""
    ours = {f"{name}.{ending}" for name in TABLES for ending in ("parquet", "csv")} | {README}
    if folder.exists() and (not folder.is_dir() or {path.name for path in folder.iterdir()} - ours):
        raise OutputError("is there and holds something else", where=folder, fix="choose another folder")


def _write_guide(made: Path, text: str) -> None:
    (made / README).write_text(text, encoding="utf-8", newline="\n")


# ---- the tables of facts, a batch at a time -------------------------------------------------------------------------


class _Facts:
    """Writes all tables while the comments of a run go by."""

    def __init__(self, source: Source, findings: Findings) -> None:
        self.source, self.findings = source, findings
        self.comment, self.response, self.question = Keys("comment"), Keys("response"), Keys("question")
        key = Keys("code")
        self.code_key = {(facet.id, code): key(facet.id, code) for facet in source.facets for code in facet.ids}
        self.codes_in: dict[tuple[str, str], tuple[str, ...]] = {}
        self.voices: dict[str, int] = {}
        self.questions: dict[str, int] = {}
        self.responses: set[int] = set()
        self.days: set[dt.date] = set()
        self.undated = self.met = 0

    def write(self, made: Path) -> dict[str, int]:
        """Writes all files but the README; gives the rows of each table."""
        fields = fields_with(self.source.attributes)
        rows = {}
        with ExitStack() as opened:
            writers = {
                name: opened.enter_context(_Writer(made, name, fields[name]))
                for name in ("responses", "comments", "comment_code")
            }
            probabilities = opened.enter_context(closing(Probabilities(self.source.run)))
            for batch in self.source.batches():
                self._add(batch, probabilities, writers)
            rows = {name: writer.rows for name, writer in writers.items()}
        small = {
            **_published(self.findings, self.source.facets),
            "dates": _date_table(self.days),
            "questions": self._question_table(),
        }
        small["run"] = _run_table(self.findings)
        return rows | {name: _write(made, name, TABLES[name], [table]) for name, table in small.items()}

    def _add(
        self, batch: Mapping[str, list[str]], probabilities: Probabilities, writers: Mapping[str, "_Writer"]
    ) -> None:
        ids = batch["comment_id"]
        probability = probabilities.of(self.met + 1, self.met + len(ids))
        self.met += len(ids)
        keys = {
            "comment_key": [self.comment(id_) for id_ in ids],
            "response_key": [self.response(id_) for id_ in batch["response_id"]],
        }
        if len(self.comment) < self.met:
            what = "some comment_id stands twice"
            raise InputError(what, where=self.source.run / CODED, fix=f"code again: {CODE_AGAIN}")
        keys["voice_key"] = self._voices(batch, keys["comment_key"])
        writers["responses"].add(self._responses(batch, keys["response_key"]))
        writers["comments"].add(self._comments(batch, keys))
        writers["comment_code"].add(self._codes(batch, keys, probability))

    def _voices(self, batch: Mapping[str, list[str]], comments: Sequence[int]) -> list[int]:
        """The key of the first comment of each comment's campaign, which is its own where it belongs to none."""
        if not set(CAMPAIGNS) <= set(batch):
            return list(comments)
        rows = zip(comments, batch["campaign"], map(_whole, batch["campaign_size"]), strict=True)
        return [
            self.voices.setdefault(campaign, key) if campaign and size >= CAMPAIGN else key
            for key, campaign, size in rows
        ]

    def _responses(self, batch: Mapping[str, list[str]], keys: Sequence[int]) -> Columns:
        """The responses that are met for the first time."""
        first = {key: n for n, key in reversed(list(enumerate(keys))) if key not in self.responses}
        new = sorted(first.values())
        self.responses |= set(first)
        days = [self.source.day.get(batch[self.source.dated_by][n]) if self.source.dated_by else None for n in new]
        self.days |= {day for day in days if day is not None}
        self.undated += sum(day is None for day in days)
        said = {
            column: [batch[header][n].strip() or NOT_GIVEN for n in new]
            for header, column in self.source.attributes.items()
        }
        return {
            "response_key": [keys[n] for n in new],
            "response_id": [batch["response_id"][n] for n in new],
            "date_key": [_date_key(day) for day in days],
            **said,
        }

    def _comments(self, batch: Mapping[str, list[str]], keys: Mapping[str, list[int]]) -> Columns:
        ids = batch["comment_id"]
        sizes = map(_whole, batch.get("campaign_size", ["1"] * len(ids)))
        for question in batch["question"]:
            if question not in self.questions:
                self.questions[question] = self.question(question)
        return {
            **keys,
            "comment_id": ids,
            "question_key": [self.questions[question] for question in batch["question"]],
            "text": batch["text"],
            "campaign_size": [max(size, 1) for size in sizes],
            "decided": [any(id_ in of for of in self.source.decided.values()) for id_ in ids],
            "drawn": [id_ in self.source.drawn for id_ in ids],
        }

    def _codes(
        self,
        batch: Mapping[str, list[str]],
        keys: Mapping[str, list[int]],
        probability: Mapping[tuple[str, str, str], float],
    ) -> Columns:
        """A row for each code of each comment, as it stands."""
        lines = [
            (
                *(keys["comment_key"][n], self.code_key[facet.id, code]),
                *(keys["response_key"][n], keys["voice_key"][n], source),
                *(probability.get((id_, facet.id, code)), (id_, facet.id) in self.source.checked),
            )
            for facet in self.source.facets
            for n, (id_, codes, source) in enumerate(self._standing(batch, facet))
            for code in codes
        ]
        names = [one.name for one in TABLES["comment_code"]]
        return dict(zip(names, map(list, zip(*lines, strict=True)), strict=True)) if lines else {}

    def _standing(self, batch: Mapping[str, list[str]], facet: Facet) -> Iterator[tuple[str, tuple[str, ...], str]]:
        """(comment, codes, who says so) of a facet: people, where they decided."""
        decided = self.source.decided.get(facet.id, {})
        ids, cells = batch["comment_id"], batch[facet.id]
        given = batch.get(f"{facet.id}_source", [""] * len(ids)) if facet.exclusive else [""] * len(ids)
        for id_, cell, said in zip(ids, cells, given, strict=True):
            if id_ in decided:
                yield id_, self._ids("|".join(decided[id_]), facet), PERSON
            else:
                yield id_, self._ids(cell, facet), RESPONDENT if said == GIVEN else MACHINE

    def _ids(self, cell: str, facet: Facet) -> tuple[str, ...]:
        """The ids of the codes named in a cell, each once. Raises InputError for a name that is no code."""
        found = self.codes_in.get((facet.id, cell))
        if found is None:
            named = {name: facet.find(name) for name in split_codes(cell)}
            for name, id_ in named.items():
                if id_ is None:
                    what = f"{name!r} is no code of facet {facet.id!r} in the codebook"
                    raise InputError(what, where=self.source.run / CODED, fix=f"code again: {CODE_AGAIN}")
            found = self.codes_in[facet.id, cell] = tuple(dict.fromkeys(id_ for id_ in named.values() if id_))
        return found

    def _question_table(self) -> Columns:
        return {
            "question_key": list(self.questions.values()),
            "question": list(self.questions),
            "place": range(1, len(self.questions) + 1),
        }


def _whole(cell: str) -> int:
    return int(cell) if cell.isdecimal() else 0


def _date_key(day: dt.date | None) -> int:
    return NO_DATE if day is None else day.year * 10_000 + day.month * 100 + day.day


# ---- the small tables -----------------------------------------------------------------------------------------------


def _published(findings: Findings, facets: Sequence[Facet] = ()) -> dict[str, Columns]:
    """Codes, groups and frequencies, as they are published; facets: those whose codes are listed in any case."""
    rows = findings.tables.rows
    codes, code, group = _codes_of(findings, facets), Keys("code"), Keys("group")
    groups = dict.fromkeys([(None, None), *((row.group, row.value) for row in rows)])
    key = {place: group(EVERYONE) if place[0] is None else group(*map(str, place)) for place in groups}
    figures = [one.name for one in TABLES["frequencies"] if one.name not in ("code_key", "group_key", "status")]
    return {
        "codes": {**codes, "code_key": [code(*ids) for ids in zip(codes["facet"], codes["code"], strict=True)]},
        "groups": {
            "group_key": list(key.values()),
            "column_name": [EVERYONE if column is None else column for column, _ in groups],
            "value": [EVERYONE if column is None else value for column, value in groups],
            "place": range(1, len(groups) + 1),
            "overall": [column is None for column, _ in groups],
        },
        "frequencies": {
            "code_key": [code(row.facet, row.code) for row in rows],
            "group_key": [key[row.group, row.value] for row in rows],
            "status": [row.status for row in rows],
            **{name: [_figure(row, name) for row in rows] for name in figures},
        },
    }


def _figure(row: Row, name: str) -> int | float | None:
    """A figure of a row; of a suppressed one only the base, where it has one, whatever else the row still holds."""
    if name != "base" and row.status == SUPPRESSED:
        return None
    figure: int | float | None = counted_share(row) if name == "counted_share" else getattr(row, name)
    return figure


def _codes_of(findings: Findings, facets: Sequence[Facet]) -> dict[str, list[Any]]:
    """The codes of all facets that are counted or coded, in the order of the codebook; then what else is counted."""
    book, tables = findings.codebook, findings.tables
    printed = {(row.facet, row.code): row.name for row in tables.rows}
    wanted = {*(facet for facet, _ in printed), *(facet.id for facet in facets)}
    known = {(facet.id, code.id): code for facet in book.facet if facet.id in wanted for code in facet.code}
    order = list(dict.fromkeys(facet for facet, _ in [*known, *printed]))
    places = sorted({**known, **printed}, key=lambda place: order.index(place[0]))  # stable: codes stay in their order
    names = [known[place].name if place in known else printed[place] or NO_CODE for place in places]
    return {
        "facet": [facet for facet, _ in places],
        "facet_name": [tables.headings.get(facet) or book.by_id[facet].name for facet, _ in places],
        "code": [code for _, code in places],
        "name": names,
        "published_name": [printed.get(place) or name for place, name in zip(places, names, strict=True)],
        "definition": [known[place].definition if place in known else "" for place in places],
        "place": list(range(1, len(places) + 1)),
    }


def _date_table(days: set[dt.date]) -> Columns:
    """Every day from the first to the last, unless that is longer than any consultation, and one for no day."""
    first, last = min(days, default=None), max(days, default=None)
    if first and last and (last - first).days <= LONGEST_SPAN:
        days = {first + dt.timedelta(n) for n in range((last - first).days + 1)}
    rows: list[tuple[Any, ...]] = [
        (NO_DATE, None, None, None, NOT_GIVEN, None, NOT_GIVEN, None, None, NOT_GIVEN),
        *map(_date_row, sorted(days)),
    ]
    return dict(zip((one.name for one in TABLES["dates"]), map(list, zip(*rows, strict=True)), strict=True))


def _date_row(day: dt.date) -> tuple[Any, ...]:
    quarter = (day.month + 2) // 3
    return (
        *(_date_key(day), day, day.year, quarter, f"{day.year} Q{quarter}", day.month, MONTHS[day.month - 1]),
        *(day.isocalendar().week, day.isoweekday(), WEEKDAYS[day.weekday()]),
    )


def _run_table(findings: Findings) -> Columns:
    tables = findings.tables
    facts: dict[str, Any] = {
        "run_key": Keys("run")(findings.run),
        "run": findings.run,
        "title": tables.title,
        "export": findings.export,
        "model": findings.model,
        "wording": tables.wording or "",
        "made": findings.made,
        "version": findings.versions.get("feedback-pipeline", ""),
        "responses": tables.responses,
        "base": tables.base,
        "drawn": findings.drawn,
        "coders": findings.coders,
        "smallest": findings.smallest,
        **{f"{name}_digest": findings.digests.get(name, "") for name in ("export", "codebook", "model")},
    }
    return {name: [value] for name, value in facts.items()}


def _about_dates(column: str | None, undated: int) -> str:
    if column is None:
        return "No column of the export says when people answered, so all responses stand under “(not given)”."
    plural = "" if undated == 1 else "s"
    return (
        f"The dates are those of the column “{' '.join(column.split())}”. "
        f"{undated:,} response{plural} without a date that could be read stand under “(not given)”."
    )


# ---- writing --------------------------------------------------------------------------------------------------------


class _Writer:
    """A table as Parquet and as CSV, written a batch at a time. A context manager; rows: how many there are so far."""

    def __init__(self, folder: Path, name: str, fields: Sequence[Field]) -> None:
        self.schema = pa.schema([pa.field(one.name, TYPES[one.kind], nullable=one.kind != KEY) for one in fields])
        self.paths = folder / f"{name}.parquet", folder / f"{name}.csv"
        self.rows = 0

    def __enter__(self) -> "_Writer":
        with ExitStack() as opened:
            parquet, table = self.paths
            self.parquet = opened.enter_context(
                pq.ParquetWriter(parquet, self.schema, compression="snappy", use_dictionary=False, version="2.4")
            )
            file = opened.enter_context(table.open("wb"))
            file.write("\ufeff".encode())  # by which Excel knows UTF-8
            self.csv = opened.enter_context(pyarrow.csv.CSVWriter(file, self.schema))
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def add(self, columns: Columns) -> None:
        """Adds rows, given as the cells of each column; no columns are no rows."""
        if not columns or not len(next(iter(columns.values()))):
            return
        arrays = [pa.array(columns[one.name], type=one.type) for one in self.schema]
        self.parquet.write_table(pa.Table.from_arrays(arrays, schema=self.schema))
        self.csv.write_table(pa.Table.from_arrays([_safe(one) for one in arrays], schema=self.schema))
        self.rows += len(arrays[0])


def _write(folder: Path, name: str, fields: Sequence[Field], batches: Iterable[Columns]) -> int:
    """Writes a table that is held whole; gives its rows."""
    with _Writer(folder, name, fields) as writer:
        for batch in batches:
            writer.add(batch)
    return writer.rows


def _safe(column: Any) -> Any:
    """The column with no text that a spreadsheet would take for a formula."""
    if column.type != pa.string():
        return column
    risky = pc.match_substring_regex(column, f"{FORMULA.pattern}|{ESCAPED.pattern}")
    if not pc.any(risky).as_py():
        return column
    return pa.array([safe_cell(text) if text is not None else None for text in column.to_pylist()], type=pa.string())
