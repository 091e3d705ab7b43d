"""Codebooks of other tools: REFI-QDA codebook files (`.qdc`), in and out.

Source: REFI-QDA standard 1.5, chapter 5, codebook exchange (www.qdasoftware.org). The format knows codes within codes,
a description of each, and sets of codes. A facet becomes a code that cannot be coded with, with its codes below it.
What the format has no place for goes into the descriptions, in a layout that people can read and `read_qdc` reads back.
"""

import itertools
import re
import uuid
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from pipeline.codebook import (
    ID,
    NO_CODE_WORD,
    OWN_COLUMNS,
    SEPARATOR,
    Code,
    Codebook,
    Entry,
    Example,
    Exclusion,
    Facet,
    Wording,
    check_codebook,
    make_id,
    plain_name,
)
from pipeline.codebooks.refi_description import Described, Item, compose, parse_description
from pipeline.errors import CodebookError
from pipeline.files.whole_file import whole_file

NAMESPACE = "urn:QDA-XML:codebook:1.0"
ORIGIN = "feedback-pipeline"
GUIDS = uuid.UUID("6b1b2b0e-0a55-5c0f-9d0e-3f6a1f5f7c11")  # ours; a code has the same GUID in every file we write
JOINER = " / "
DEEPEST = 100
QUOTE = 60

NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
KNOWN = {
    "CodeBook": {"origin"},
    "Codes": set[str](),
    "Sets": set[str](),
    "Description": set[str](),
    "Code": {"guid", "name", "isCodable", "color", "description"},
    "Set": {"guid", "name", "description"},
    "MemberCode": {"guid"},
}


@dataclass(frozen=True)
class QdcRead:
    """A codebook read from a `.qdc` file, and what of the file it does not hold or holds differently."""

    codebook: Codebook
    notes: tuple[str, ...] = ()


# ---- writing -------------------------------------------------------------------------------------------------------


def write_qdc(book: Codebook, path: Path) -> None:
    """Writes a codebook as REFI-QDA. Line ends become plain; all else is read back by `read_qdc` as it was.

    Raises CodebookError where a text holds a character that XML cannot, OutputError where the file cannot be written.
    """
    root = ET.Element("CodeBook", {"xmlns": NAMESPACE, "origin": ORIGIN})
    codes = ET.SubElement(root, "Codes")
    for facet in book.facet:
        _add_facet(codes, facet)
    sets = ET.SubElement(root, "Sets")
    members = [(facet.id, code) for facet in book.facet for code in facet.ids]
    _add_set(sets, book.name, "set", Described(properties={"Version": book.version, "Id": "codebook"}), members)
    for wording in book.wording:
        members = [(wording.facet, entry.code) for entry in wording.entries if entry.relation != "none"]
        _add_set(sets, wording.name, f"set {wording.id}", _wording(wording), members)
    ET.indent(root)
    with whole_file(path) as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n")


def _add_facet(codes: ET.Element, facet: Facet) -> None:
    described = Described(facet.question, properties={"Exclusive": "yes"} if facet.exclusive else {})
    described.properties["Id"] = facet.id
    place = f"facet {facet.id!r}"
    within = _add_code(codes, facet.name, guid_of(facet.id), described, place, codable=False)
    for code in facet.code:
        _add_code(within, code.name, guid_of(facet.id, code.id), _code(code), f"{place}, code {code.id!r}")


def _add_code(
    above: ET.Element, name: str, guid: str, described: Described, place: str, *, codable: bool = True
) -> ET.Element:
    codable_ = "true" if codable else "false"
    element = ET.SubElement(above, "Code", {"guid": guid, "name": _xml(name, place), "isCodable": codable_})
    ET.SubElement(element, "Description").text = _xml(compose(described), place)
    return element


def _add_set(sets: ET.Element, name: str, key: str, described: Described, members: Iterable[tuple[str, str]]) -> None:
    element = ET.SubElement(sets, "Set", {"guid": guid_of(key), "name": _xml(name, key)})
    ET.SubElement(element, "Description").text = _xml(compose(described), key)
    for facet, code in members:
        ET.SubElement(element, "MemberCode", {"guid": guid_of(facet, code)})


def guid_of(*ids: str) -> str:
    """The GUID of a facet, or of a code in a facet: the same wherever and whenever it is written."""
    return str(uuid.uuid5(GUIDS, "/".join(ids)))


def _xml(text: str, place: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    bad = NOT_XML.search(text)
    if bad:
        raise CodebookError(f"has a character that XML cannot hold (U+{ord(bad[0]):04X})", where=place, fix="delete it")
    return text


def _code(code: Code) -> Described:
    lists: dict[str, list[Item]] = {
        "Include": [[("", text)] for text in code.include],
        "Exclude": [_item(one.what, {"leave to": one.code}) for one in code.exclude],
        "Examples": [_item(one.text, {"voice": one.voice, "also": ", ".join(one.also)}) for one in code.examples],
        "Key phrases": [[("", text)] for text in code.phrases],
        "Also called": [[("", text)] for text in code.aliases],
    }
    return Described(code.definition, lists, {"Id": code.id})


def _wording(wording: Wording) -> Described:
    items: list[Item] = []
    for entry in wording.entries:
        names = [("name", name) for name in entry.names]
        note = [("note", entry.note)] if entry.note else []
        items.append([("", entry.code), ("relation", entry.relation), *names, *note])
    return Described("", {"Codes": items}, {"Facet": wording.facet, "Id": wording.id})


def _item(text: str, attributes: Mapping[str, str]) -> Item:
    return [("", text), *((key, value) for key, value in attributes.items() if value)]


# ---- reading -------------------------------------------------------------------------------------------------------


def read_qdc(path: Path) -> QdcRead:
    """The codebook of a REFI-QDA file of ours or of another tool, with notes on what did not fit.

    A top-level code with codes below it becomes a facet, and a code of itself where it can be coded with; the other
    top-level codes make up one facet named after the file. What stands deeper is named by the whole way down.
    Raises CodebookError naming file, place and fix.
    """
    root = _parse(path)
    reader = _Import(path.stem)
    try:
        book = reader.codebook(root)
        check_codebook(book)
    except CodebookError as error:
        where = f"{path}, {error.where}" if error.where else path
        raise CodebookError(error.what, where=where, fix=error.fix) from None
    return QdcRead(book, tuple(reader.notes))


class _NoDoctype(ET.TreeBuilder):
    """Refuses a document type before anything in it is read: entities could grow without bound or name files."""

    def doctype(self, *_: object) -> NoReturn:
        raise CodebookError("declares a document type, which no codebook needs", fix="export the codebook again")


def _parse(path: Path) -> ET.Element:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CodebookError("there is no such codebook", where=path, fix="check the path") from None
    except OSError as error:
        raise CodebookError(f"cannot be read ({error.strerror})", where=path, fix="give a .qdc file") from None
    if data.startswith(b"PK"):
        fix = "export only the codebook (.qdc) from that tool"
        raise CodebookError("is a zipped file, perhaps a whole project (.qdpx)", where=path, fix=fix)
    parser = ET.XMLParser(target=_NoDoctype())  # noqa: S314 - a document type is refused, so there are no entities
    try:
        parser.feed(data)
        root: ET.Element = parser.close()
    except CodebookError as error:
        raise CodebookError(error.what, where=path, fix=error.fix) from None
    except (ET.ParseError, ValueError, LookupError) as error:
        raise CodebookError(f"is not valid XML: {error}", where=path, fix="export the codebook again") from None
    if _tag(root) != "CodeBook" or not root.tag.startswith(("{urn:QDA-XML:", "CodeBook")):
        fix = "export the codebook in REFI-QDA format (.qdc)"
        raise CodebookError(f"is not a REFI-QDA codebook but starts with <{_tag(root)}>", where=path, fix=fix)
    return root


def _tag(element: ET.Element) -> str:
    """The name of an element without its namespace: tools write versions 1.0, 1:0 and 0:4 of it."""
    return str(element.tag).rpartition("}")[2]


def _within(element: ET.Element, tag: str) -> list[ET.Element]:
    return [each for each in element if _tag(each) == tag]


def _description(element: ET.Element) -> str:
    """The description, which one tool writes as an attribute."""
    texts = ["".join(each.itertext()) for each in _within(element, "Description")]
    return "\n\n".join(texts or [element.get("description", "")])


def _codable(element: ET.Element) -> bool:
    return element.get("isCodable", "true").strip() in ("true", "1")


def _walk(element: ET.Element, above: tuple[ET.Element, ...] = ()) -> Iterator[tuple[ET.Element, ...]]:
    """Every code below an element, each with the codes it stands in."""
    for code in _within(element, "Code"):
        if len(above) == DEEPEST:
            raise CodebookError(f"codes stand more than {DEEPEST} deep", where="Codes", fix="make the tree flatter")
        yield (*above, code)
        yield from _walk(code, (*above, code))


class _Import:
    """Makes a codebook of the elements of a file and notes what it does not hold."""

    def __init__(self, stem: str) -> None:
        self.stem = stem
        self.notes: list[str] = []

    def codebook(self, root: ET.Element) -> Codebook:
        trees = [each for codes in _within(root, "Codes") for each in _within(codes, "Code")]
        sets = [each for every in _within(root, "Sets") for each in _within(every, "Set")]
        name, version = self._title(sets)
        facets = self._with_own_ids([*self._facets(trees), *self._loose(trees, name)])
        if not facets:
            raise CodebookError("there is no code in it", where="Codes", fix="export a codebook that has codes")
        wordings = [wording for each in sets for wording in self._wording(each, facets)]
        self._note_left_out(root, facets)
        return Codebook(name, tuple(facets), tuple(wordings), version)

    # ---- facets

    def _facets(self, trees: Sequence[ET.Element]) -> Iterator[Facet]:
        """A facet of each top-level code with codes below it."""
        for tree in trees:
            ways = [way[1:] for way in _walk(tree, (tree,))]
            codes = [self._code(way) for way in ways if _codable(way[-1])]
            if codes:
                yield self._facet(tree, codes)
                self._note_groups(way for way in ways if not _codable(way[-1]))
            elif not _codable(tree):
                self.notes.append(f"{_name(tree)!r} left out: nothing can be coded with it or below it")

    def _facet(self, tree: ET.Element, codes: Sequence[Code]) -> Facet:
        name = _name(tree) or "unnamed"
        if _codable(tree):
            self.notes.append(f"{name!r} is a code and has codes below it: it became a facet and its first code")
            return self._tidy(Facet(make_id(name), name, (self._code((tree,)), *codes)))
        described = self._described(tree)
        exclusive = described.properties.get("Exclusive") == "yes"
        return self._tidy(Facet(_id(described, name), name, tuple(codes), described.text, exclusive))

    def _loose(self, trees: Sequence[ET.Element], name: str) -> Iterator[Facet]:
        """One facet of the top-level codes with nothing to code with below them."""
        loose = [tree for tree in trees if _codable(tree) and not any(_codable(way[-1]) for way in _walk(tree))]
        for tree in loose:
            self._note_groups(_walk(tree, (tree,)))
        if loose:
            yield self._tidy(Facet(make_id(name), name, tuple(self._code((tree,)) for tree in loose)))
        if loose and len(loose) < len(trees):
            self.notes.append(
                f"{_codes(len(loose))} that {'stands' if len(loose) == 1 else 'stand'} alone became facet {name!r}"
            )

    def _note_groups(self, ways: Iterable[Sequence[ET.Element]]) -> None:
        for way in ways:
            text = _description(way[-1]).strip()
            if not any(_codable(deeper[-1]) for deeper in _walk(way[-1])):
                self.notes.append(f"{_joined(way)!r} left out: nothing can be coded with it or below it")
            elif text:
                self.notes.append(
                    f"description of {_joined(way)!r}, which only groups codes, left out: {text[:QUOTE]!r}"
                )

    def _with_own_ids(self, facets: Sequence[Facet]) -> list[Facet]:
        """The facets with ids that differ from one another and from the columns of a run."""
        taken, kept = set(map(plain_name, OWN_COLUMNS)), []
        for facet in facets:
            id_ = _free(facet.id, taken, "{}-{}")
            if id_ != facet.id:
                self.notes.append(f"facet {facet.name!r} has the id {id_!r} here: {facet.id!r} is taken")
            taken.add(plain_name(id_))
            kept.append(replace(facet, id=id_))
        return kept

    # ---- codes

    def _code(self, way: Sequence[ET.Element]) -> Code:
        """The code at the end of a way down, named by the way."""
        described = self._described(way[-1])
        name = self._usable(_joined(way))
        lists = described.lists
        return Code(
            id=_id(described, name),
            name=name,
            definition=described.text,
            include=_texts(lists, "Include"),
            exclude=tuple(Exclusion(_get(item), _get(item, "leave to")) for item in lists.get("Exclude", [])),
            examples=tuple(
                Example(_get(item), _get(item, "voice"), tuple(filter(None, _get(item, "also").split(", "))))
                for item in lists.get("Examples", [])
            ),
            phrases=_texts(lists, "Key phrases"),
            aliases=_texts(lists, "Also called"),
        )

    def _described(self, element: ET.Element) -> Described:
        text = _description(element)
        described, strays = parse_description(text)
        if not ID.match(described.properties.get("Id", "")):
            return Described(text.strip())
        for line in strays:
            self.notes.append(f"{_name(element)!r}: {line[:QUOTE]!r} fits no heading; it stands behind the definition")
        return replace(described, text="\n".join([described.text, *strays]).strip())

    def _usable(self, name: str) -> str:
        """A name that a codebook may hold, which is nearly always the name itself."""
        fit = name.replace(SEPARATOR, "/") or "unnamed"
        fit = f"{fit} (code)" if fit.casefold() == NO_CODE_WORD else fit
        if fit != name:
            self.notes.append(f"code {name!r} is called {fit!r} here")
        return fit

    def _tidy(self, facet: Facet) -> Facet:
        """The facet with names and ids that no two codes share, and pointers only to codes that are there."""
        codes = self._with_own_names(facet.code)
        known = {code.id for code in codes}
        return replace(facet, code=tuple(self._pointing(code, known) for code in codes))

    def _with_own_names(self, codes: Sequence[Code]) -> list[Code]:
        """No name may be spelt like another, nor an id like the name of another code."""
        names: list[str] = []
        for code in codes:
            names.append(_free(code.name, set(map(plain_name, names)), "{} ({})"))
            if names[-1] != code.name:
                self.notes.append(f"two codes are called {code.name!r}: one is {names[-1]!r} here")
        kept: list[Code] = []
        for code, name in zip(codes, names, strict=True):
            others = {plain_name(other) for other in names if other != name} | {plain_name(one.id) for one in kept}
            kept.append(replace(code, name=name, id=_free(code.id, others, "{}-{}")))
        return kept

    def _pointing(self, code: Code, known: set[str]) -> Code:
        pointers = {one.code for one in code.exclude} | {other for one in code.examples for other in one.also}
        for lost in sorted(pointers - known - {""}):
            self.notes.append(f"{code.name!r} points to {lost!r}, which is not in its facet: the pointer is left out")
        exclude = (replace(one, code=one.code if one.code in known else "") for one in code.exclude)
        examples = (replace(one, also=tuple(id_ for id_ in one.also if id_ in known)) for one in code.examples)
        return replace(code, exclude=tuple(exclude), examples=tuple(examples))

    # ---- sets, and what has no place

    def _title(self, sets: Sequence[ET.Element]) -> tuple[str, str]:
        """Name and version of the codebook, which we write as the set of all its codes."""
        for each in sets:
            version = parse_description(_description(each))[0].properties.get("Version")
            if version:
                return _name(each) or self.stem, version
        return self.stem, "1"

    def _wording(self, element: ET.Element, facets: Sequence[Facet]) -> Iterator[Wording]:
        """The wording that a set holds, unless codes came or went in the other tool. Other sets are noted."""
        described, name = parse_description(_description(element))[0], _name(element)
        id_, facet = described.properties.get("Id", ""), described.properties.get("Facet", "")
        entries = tuple(map(_entry, described.lists.get("Codes", [])))
        codes = next((set(one.ids) for one in facets if one.id == facet), set[str]())
        if facet and codes == {entry.code for entry in entries}:
            yield Wording(id_, name, facet, entries)
        elif facet:
            self.notes.append(f"wording {name!r} left out: its codes are not those of facet {facet!r} any more")
        elif "Version" not in described.properties:
            members = len(_within(element, "MemberCode"))
            self.notes.append(f"set {name!r} of {_codes(members)} left out: a codebook here has no sets")

    def _note_left_out(self, root: ET.Element, facets: Sequence[Facet]) -> None:
        """Notes colours, GUIDs that are not ours, and what the format does not know."""
        codes = [each for each in root.iter() if _tag(each) == "Code"]
        colours = sum("color" in each.attrib for each in codes)
        if colours:
            self.notes.append(f"colours of {_codes(colours)} left out: a codebook here has no colours")
        ours = {guid_of(facet.id, *code) for facet in facets for code in [(), *((id_,) for id_ in facet.ids)]}
        theirs = sum(each.get("guid", "").strip("{} ").lower() not in ours for each in codes)
        if theirs:
            self.notes.append(f"GUIDs of {_codes(theirs)} left out: a file written here gives them new ones")
        for what, n in _unknown(root).items():
            self.notes.append(f"{what} left out ({'once' if n == 1 else f'{n} times'}): it is no part of the format")


def _unknown(root: ET.Element) -> Counter[str]:
    """Elements and attributes that the format does not have."""
    found: Counter[str] = Counter()
    for element in root.iter():
        tag = _tag(element)
        if tag not in KNOWN:
            found[f"<{tag}>"] += 1
        else:
            found.update(f"{key!r} of <{tag}>" for key in element.attrib if key[0] != "{" and key not in KNOWN[tag])
    return found


def _entry(item: Item) -> Entry:
    names = tuple(text for key, text in item if key == "name")
    return Entry(_get(item), _get(item, "relation"), names, _get(item, "note"))


def _name(element: ET.Element) -> str:
    return element.get("name", "").strip()


def _joined(way: Sequence[ET.Element]) -> str:
    return JOINER.join(map(_name, way))


def _id(described: Described, name: str) -> str:
    """The id that a description of ours names, else one made of the name."""
    return described.properties.get("Id") or make_id(name)


def _free(text: str, taken: set[str], pattern: str) -> str:
    """The text, with the first number behind it that makes it differ from those taken."""
    numbered = itertools.chain([text], (pattern.format(text, n) for n in itertools.count(2)))
    return next(each for each in numbered if plain_name(each) not in taken)


def _get(item: Item, key: str = "") -> str:
    return dict(item).get(key, "")


def _texts(lists: Mapping[str, list[Item]], heading: str) -> tuple[str, ...]:
    return tuple(_get(item) for item in lists.get(heading, []))


def _codes(count: int) -> str:
    return "1 code" if count == 1 else f"{count} codes"
