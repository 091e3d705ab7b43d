"""The codebook: facets, their codes, and the published wordings. Constructing one is validating it."""

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import GenericAlias
from typing import Any, TypeVar

import tomli_w

from pipeline.errors import CodebookError

ID = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
SEPARATOR = "|"
RELATIONS = ("same", "narrower", "overlaps", "split", "none")
FEW_EXAMPLES = 3
NO_CODE_WORD = "none"
OWN_COLUMNS = ("text", "question", "review", "doubts")

T = TypeVar("T")


@dataclass(frozen=True)
class Example:
    """An invented comment that carries a code; `also` names further codes of the facet that fit it."""

    text: str
    voice: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exclusion:
    """What to leave to a neighbour; without `code`, what gets no code of the facet."""

    what: str
    code: str = ""


@dataclass(frozen=True)
class Code:
    """One thing a comment can be about. Its id never changes; `aliases` are other names people write for it."""

    id: str
    name: str
    definition: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[Exclusion, ...] = ()
    examples: tuple[Example, ...] = ()
    phrases: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facet:
    """A question asked of each comment, with its codes. Exclusive: a comment has one of them."""

    id: str
    name: str
    code: tuple[Code, ...]
    question: str = ""
    exclusive: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the codes, in the order of the codebook."""
        return tuple(code.id for code in self.code)

    @cached_property
    def by_id(self) -> dict[str, Code]:
        """The codes by id."""
        return {code.id: code for code in self.code}

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return {plain_name(text): code.id for code in self.code for text in _called(code)}

    def find(self, text: str) -> str | None:
        """The id of the code that `text` (an id, a name or an alias, in any case) means; None if there is none."""
        return self._spellings.get(plain_name(text))

    def nearest(self, text: str) -> str:
        """The known id or name closest to a wrong one, for error messages."""
        near = get_close_matches(plain_name(text), self._spellings, n=1, cutoff=0.0)
        return self._spellings[near[0]]


@dataclass(frozen=True)
class Entry:
    """How one code reads in a published wording."""

    code: str
    relation: str
    names: tuple[str, ...] = ()
    note: str = ""

    @property
    def name(self) -> str:
        """The published name; two where the wording splits the code; empty where it has no counterpart."""
        return " / ".join(self.names)


@dataclass(frozen=True)
class Wording:
    """The names that one published document uses for the codes of a facet."""

    id: str
    name: str
    facet: str
    entries: tuple[Entry, ...]

    @cached_property
    def by_code(self) -> dict[str, Entry]:
        """The entries by the id of their code."""
        return {entry.code: entry for entry in self.entries}


@dataclass(frozen=True)
class Codebook:
    """All facets of a consultation, and the published wordings of their codes."""

    name: str
    facet: tuple[Facet, ...]
    wording: tuple[Wording, ...] = ()
    version: str = "1"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content: the layout of the file and its remarks do not count."""
        return hashlib.sha256(dump_codebook(self).encode()).hexdigest()

    @cached_property
    def by_id(self) -> dict[str, Facet]:
        """The facets by id."""
        return {facet.id: facet for facet in self.facet}

    def wording_named(self, name: str) -> Wording:
        """The wording with this id or name. Raises CodebookError naming the ones there are."""
        for wording in self.wording:
            if plain_name(name) in (plain_name(wording.id), plain_name(wording.name)):
                return wording
        known = ", ".join(wording.id for wording in self.wording) or "none in this codebook"
        raise CodebookError(f"no published wording {name!r}", fix=f"use one of: {known}")


def _called(code: Code) -> tuple[str, ...]:
    """All that a code may be called in a file of coded comments."""
    return (code.id, code.name, *code.aliases)


def plain_name(text: str) -> str:
    """A name without case, punctuation or spacing: "Community-Led " and "community led" are the same."""
    return " ".join(re.sub(r"[\W_]+", " ", text).casefold().split()) or text.strip()


def split_codes(cell: str) -> list[str]:
    """The codes written in one cell, joined by `|`. An empty cell is none, and so is the word "none"."""
    return [part for part in map(str.strip, cell.split(SEPARATOR)) if part and part.casefold() != NO_CODE_WORD]


# ---- reading -------------------------------------------------------------------------------------------------------


def load_codebook(path: Path) -> Codebook:
    """Reads and checks a codebook. Raises CodebookError naming file, place and the nearest known key or id."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CodebookError("there is no such codebook", where=path, fix="check the path") from None
    except OSError as error:
        raise CodebookError(f"cannot be read ({error.strerror})", where=path, fix="give a TOML file") from None
    except UnicodeDecodeError:
        raise CodebookError("is not UTF-8 text", where=path, fix="save it as UTF-8") from None
    return parse_codebook(text, path)


def parse_codebook(text: str, path: Path) -> Codebook:
    """Checks a codebook given as TOML; `path` says in errors where it is from. Raises CodebookError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CodebookError(f"is not valid TOML: {error}", where=path, fix="correct that line") from None
    try:
        book = _build(Codebook, table, "the codebook")
        check_codebook(book)
    except CodebookError as error:
        raise CodebookError(error.what, where=f"{path}, {error.where}", fix=error.fix) from None
    return book


def _build(cls: type[T], table: Mapping[str, Any], place: str) -> T:
    """A frozen record from a TOML table; every key must be a field of the record and of its type."""
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    if "id" in table and isinstance(table["id"], str):
        place = f"{place} {table['id']!r}"
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise CodebookError(f"unknown key {key!r}", where=place, fix=f"did you mean {near!r}?")
    for name, f in known.items():
        if name not in table and f.default is MISSING and f.default_factory is MISSING:
            raise CodebookError(f"{name!r} is missing", where=place, fix=f"add {name} = …")
    return cls(**{key: _value(known[key].type, value, key, place) for key, value in table.items()})


def _value(kind: Any, value: Any, key: str, place: str) -> Any:
    """One value of the file in the type its field has."""
    if isinstance(kind, GenericAlias):
        if not isinstance(value, list):
            raise CodebookError(f"{key!r} must be a list", where=place, fix=f"write {key} = [ … ]")
        item = kind.__args__[0]
        inner = f"{place}, {key}" if place != "the codebook" else key
        return tuple(
            _value(item, each, key, inner if isinstance(each, Mapping) and "id" in each else f"{inner} {n}")
            for n, each in enumerate(value, 1)
        )
    if kind in (str, bool):
        if not isinstance(value, kind):
            wanted = "text in quotes" if kind is str else "true or false"
            raise CodebookError(f"{key!r} must be {wanted}", where=place, fix=f"correct {value!r}")
        return value.strip() if kind is str else value
    if not isinstance(value, Mapping):
        raise CodebookError(f"{key!r} must be a table", where=place, fix="write { key = value } with its keys")
    return _build(kind, value, place)


# ---- rules ---------------------------------------------------------------------------------------------------------


def check_codebook(book: Codebook) -> None:
    """The rules that no file can break. Raises CodebookError naming the place."""
    if not book.facet:
        raise CodebookError("there is no facet", where="the codebook", fix="add a [[facet]] with codes")
    _unique([facet.id for facet in book.facet], "facet id", "the codebook")
    for facet in book.facet:
        _check_facet(facet)
    _unique([wording.id for wording in book.wording], "wording id", "the codebook")
    for wording in book.wording:
        _check_wording(book, wording)


def _check_facet(facet: Facet) -> None:
    place = f"facet {facet.id!r}"
    _id(facet.id, place)
    if facet.id in OWN_COLUMNS:
        raise CodebookError(f"{facet.id!r} is a column of every run", where=place, fix="give the facet another id")
    if not facet.code:
        raise CodebookError("has no code", where=place, fix="add a [[facet.code]]")
    _unique([code.id for code in facet.code], "code id", place)
    owners = Counter(name for code in facet.code for name in dict.fromkeys(map(plain_name, _called(code))))
    for name, codes in owners.items():
        if codes > 1:
            raise CodebookError(f"two codes are called {name!r}", where=place, fix="rename one, or drop the alias")
    for code in facet.code:
        _check_name(code, f"{place}, code {code.id!r}")
    for code in facet.code:
        _check_code(facet, code, f"{place}, code {code.id!r}")
    _unique([e.text for code in facet.code for e in code.examples], "example", place)


def _check_name(code: Code, place: str) -> None:
    _id(code.id, place)
    if not code.name or SEPARATOR in code.name:
        raise CodebookError(f"the name must be text without {SEPARATOR!r}", where=place, fix="correct the name")
    if NO_CODE_WORD in map(str.casefold, _called(code)):
        raise CodebookError(f"{NO_CODE_WORD!r} means no code", where=place, fix="call the code something else")


def _check_code(facet: Facet, code: Code, place: str) -> None:
    if any(not example.text for example in code.examples):
        raise CodebookError("an example has no text", where=place, fix="write the text, or drop the example")
    pointed = [*(e.code for e in code.exclude if e.code), *(other for e in code.examples for other in e.also)]
    for other in pointed:
        if other not in facet.ids:
            near = facet.nearest(other)
            raise CodebookError(f"there is no code {other!r} in this facet", where=place, fix=f"did you mean {near!r}?")


def _check_wording(book: Codebook, wording: Wording) -> None:
    place = f"wording {wording.id!r}"
    if wording.facet not in book.by_id:
        near = get_close_matches(wording.facet, book.by_id, n=1, cutoff=0.0)[0]
        raise CodebookError(f"there is no facet {wording.facet!r}", where=place, fix=f"did you mean {near!r}?")
    facet = book.by_id[wording.facet]
    _unique([entry.code for entry in wording.entries], "entry for", place)
    for entry in wording.entries:
        if entry.code not in facet.ids:
            near = facet.nearest(entry.code)
            raise CodebookError(f"there is no code {entry.code!r}", where=place, fix=f"did you mean {near!r}?")
        if entry.relation not in RELATIONS:
            near = get_close_matches(entry.relation, RELATIONS, n=1, cutoff=0.0)[0]
            raise CodebookError(f"unknown relation {entry.relation!r}", where=place, fix=f"did you mean {near!r}?")
        if (entry.relation == "none") == bool(entry.names):
            said = "but has a name" if entry.names else "but has no name"
            what = f"{entry.code!r} is {entry.relation!r} {said}"
            raise CodebookError(what, where=place, fix="correct the relation or the names")
    missing = set(facet.ids) - set(wording.by_code)
    if missing:
        raise CodebookError(f"no entry for {sorted(missing)[0]!r}", where=place, fix="say how it maps, or 'none'")


def _id(text: str, place: str) -> None:
    if not ID.match(text):
        raise CodebookError(f"{text!r} cannot be an id", where=place, fix="use small letters, digits and dashes")


def _unique(texts: Sequence[str], what: str, place: str) -> None:
    twice = [text for text, n in Counter(texts).items() if n > 1]
    if twice:
        raise CodebookError(f"the {what} {twice[0][:60]!r} stands twice", where=place, fix="keep one of them")


def remarks(book: Codebook) -> list[str]:
    """What a careful author would still look at: codes without definition, with few examples, without phrases."""
    found = []
    for facet in book.facet:
        for code in facet.code:
            place = f"{facet.id}, {code.id}"
            if not code.definition:
                found.append(f"{place}: no definition")
            if len(code.examples) < FEW_EXAMPLES:
                many = "1 example" if len(code.examples) == 1 else f"{len(code.examples)} examples"
                found.append(f"{place}: {many}; ten in different voices teach it well")
    return found


# ---- making one from coded comments --------------------------------------------------------------------------------


def codebook_from(name: str, columns: Mapping[str, Sequence[str]]) -> Codebook:
    """A codebook with one facet per column of coded cells; exclusive where every row has exactly one code.

    columns: facet name → the cells of that column, codes joined by `|`. Definitions and examples are left empty:
    the people who coded know them. Raises CodebookError where a column holds no code at all.
    """
    facets = tuple(_facet_from(title, _split_all(cells)) for title, cells in columns.items())
    book = Codebook(name=name, facet=facets)
    check_codebook(book)
    return book


def _split_all(cells: Sequence[str]) -> list[list[str]]:
    """The codes of each cell: joined by `|` or, where no cell has one, by semicolons, as survey platforms do."""
    if not any(SEPARATOR in cell for cell in cells):
        cells = [cell.replace(";", SEPARATOR) for cell in cells]
    return [split_codes(cell) for cell in cells]


def _facet_from(title: str, rows: Sequence[Sequence[str]]) -> Facet:
    counts = Counter(code for row in rows for code in row)
    if not counts:
        raise CodebookError(f"column {title!r} holds no codes", fix="name a column of codes with --facet")
    names: dict[str, str] = {}  # plain spelling → the spelling used most
    for code, _ in counts.most_common():
        names.setdefault(plain_name(code), code)
    used: Counter[str] = Counter()
    codes = []
    for plain in sorted(names, key=lambda plain: (make_id(plain), plain)):
        id_ = make_id(plain)
        used[id_] += 1
        codes.append(Code(id=id_ if used[id_] == 1 else f"{id_}-{used[id_]}", name=names[plain]))
    exclusive = all(len({plain_name(code) for code in row}) == 1 for row in rows)
    return Facet(id=make_id(title), name=" ".join(title.split()), code=tuple(codes), exclusive=exclusive)


def make_id(text: str) -> str:
    """An id made of a name: "Value for money!" becomes `value-for-money`."""
    id_ = "-".join(re.sub(r"[^a-z0-9]+", " ", text.casefold()).split())
    return id_ or "code-" + hashlib.sha256(text.encode()).hexdigest()[:8]


def dump_codebook(book: Codebook) -> str:
    """The codebook as TOML text that `load_codebook` reads back to an equal codebook."""
    return tomli_w.dumps(_table(book))


def _table(record: Any) -> dict[str, Any]:
    """A record as plain tables and lists, without empty optional fields."""
    out: dict[str, Any] = {}
    for f in fields(record):
        value = getattr(record, f.name)
        if isinstance(value, tuple):
            value = [each if isinstance(each, str) else _table(each) for each in value]
        if value not in ("", [], False) or f.name in ("definition", "examples", "phrases"):
            out[f.name] = value
    return out


def codes_in(cells: Iterable[tuple[int, str]], facet: Facet, where: object) -> list[tuple[str, ...]]:
    """The code ids of each cell, as first mentioned; a cell comes with the number of its row in the file.

    Raises CodebookError naming the unknown code, its row and the nearest known one.
    """
    rows = []
    for row, cell in cells:
        ids = []
        whole = SEPARATOR in cell or facet.find(cell) is not None
        for text in split_codes(cell if whole else cell.replace(";", SEPARATOR)):
            found = facet.find(text)
            if found is None:
                raise CodebookError(
                    f"{text!r} is no code of facet {facet.id!r}",
                    where=f"{where}, row {row}",
                    fix=f"did you mean {facet.nearest(text)!r}? Else add it to the codebook",
                )
            ids.append(found)
        rows.append(tuple(dict.fromkeys(ids)))
    return rows
