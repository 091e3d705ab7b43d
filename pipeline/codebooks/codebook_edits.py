"""Editing a codebook: a code changed or added, and what two versions differ in, in words."""

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from pipeline.codebook import Code, Codebook, Entry, Exclusion, Facet, Wording, dump_codebook, make_id, parse_codebook

PLACE = Path("codebook")  # what errors name it, for it is in no file of its own
WORDS = {
    "name": "name",
    "definition": "definition",
    "include": "what to include",
    "exclude": "what to leave to others",
    "examples": "examples",
    "phrases": "key phrases",
    "aliases": "other names",
}


def with_code(book: Codebook, facet_id: str, code: Code) -> Codebook:
    """The codebook with a code of the same id replaced, or with a new one at the end of its facet.

    A new code has no counterpart in the published wordings of its facet, which is said there. Raises CodebookError
    where the new codebook breaks a rule.
    """
    facet = book.by_id[facet_id]
    if code.id in facet.by_id:
        codes = tuple(code if one.id == code.id else one for one in facet.code)
    else:
        codes = (*facet.code, code)
    return checked(replace(book, facet=_with(book, replace(facet, code=codes)), wording=_worded(book, facet, code)))


def _with(book: Codebook, facet: Facet) -> tuple[Facet, ...]:
    return tuple(facet if one.id == facet.id else one for one in book.facet)


def _worded(book: Codebook, facet: Facet, code: Code) -> tuple[Wording, ...]:
    """The published wordings, each of this facet with an entry for the code."""
    return tuple(
        replace(one, entries=(*one.entries, Entry(code.id, "none")))
        if one.facet == facet.id and code.id not in one.by_code
        else one
        for one in book.wording
    )


def checked(book: Codebook) -> Codebook:
    """The codebook as it would be read back. Raises CodebookError where it breaks a rule."""
    return parse_codebook(dump_codebook(book), PLACE)


def new_id(facet: Facet, name: str) -> str:
    """An id for a new code of this name, which no code of the facet has."""
    made = id_ = make_id(name)
    number = 2
    while id_ in facet.by_id:
        id_, number = f"{made}-{number}", number + 1
    return id_


def exclusion(line: str, facet: Facet) -> Exclusion:
    """What to leave to a neighbour, written as `what | code`; the code by id, name or alias, left out where none."""
    what, _, named = line.rpartition("|") if "|" in line else (line, "", "")
    return Exclusion(what.strip(), facet.find(named) or named.strip()) if named.strip() else Exclusion(what.strip())


def exclusion_line(one: Exclusion, facet: Facet) -> str:
    """The same, written."""
    return f"{one.what} | {facet.by_id[one.code].name}" if one.code in facet.by_id else one.what


def changes(old: Codebook, new: Codebook) -> list[str]:
    """What a version changed against the one before, a line for each code."""
    found = []
    for facet in new.facet:
        before = old.by_id[facet.id].by_id if facet.id in old.by_id else {}
        for code in facet.code:
            if code.id not in before:
                found.append(f"{facet.name}: “{code.name}” added")
            elif differing := _differing(before[code.id], code):
                found.append(f"{facet.name}: “{code.name}”, {_listed(differing)} changed")
        gone = [code.name for id_, code in before.items() if id_ not in facet.by_id]
        found += [f"{facet.name}: “{name}” left out" for name in gone]
    return found


def _differing(old: Code, new: Code) -> list[str]:
    return [WORDS[f.name] for f in fields(Code) if getattr(old, f.name) != getattr(new, f.name)]


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))
