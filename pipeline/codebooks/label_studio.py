"""Label Studio: comments out as its tasks, people's decisions back from its exports, and the labelling config.

Source: Label Studio's task format (labelstud.io/guide/task_format) and tags Choices, Choice and TextArea. One Choices
block stands for one facet and has its id as name; a code shows its name and is written as its id (`alias`), so that
renaming a code changes no decision. Comments are personal data: who may see the project is for its owner to settle.
"""

import hashlib
import itertools
import json
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pipeline.codebook import Codebook, Facet
from pipeline.codebooks.refi_qda import NOT_XML
from pipeline.errors import InputError
from pipeline.files.whole_file import whole_file

TEXT, NOTE = "comment_text", "person_note"  # no facet can be called so: its id has no underscore
KEYS = ("comment_id", "response_id", "question", "text", "decided_by", "decided_at", "decided_as_of")
EXPORT_AGAIN = "export the project again as JSON"


@dataclass(frozen=True)
class CommentOut:
    """A comment to hand over. machine and decided: facet → codes, most probable or main first.

    decided: what people said, None where nobody has; a facet they left open is shown to the next as the machine coded
    it. who and at: of that decision, at as ISO 8601. as_of: the last decision of the run when it was handed over.
    """

    comment_id: str
    response_id: str
    question: str
    text: str
    others: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    decided: Mapping[str, Sequence[str]] | None = None
    who: str = ""
    at: str = ""
    note: str = ""
    as_of: int = 0


@dataclass(frozen=True)
class DecisionIn:
    """What a person said in Label Studio: facet → code ids, none of them where the tuple is empty.

    at: ISO 8601, as Label Studio wrote it. new: whether it was made there, not brought there from here and left alone.
    as_of: the last decision of the run when the comment was handed over.
    """

    comment_id: str
    codes: dict[str, tuple[str, ...]]
    who: str
    at: str
    note: str = ""
    new: bool = True
    as_of: int = 0


# ---- out -----------------------------------------------------------------------------------------------------------


def labelling_config(book: Codebook) -> str:
    """The labelling config (XML) to paste into the project: one Choices block for each facet, definitions as hints."""
    view = ET.Element("View")
    ET.SubElement(view, "Style").text = ".htx-text { white-space: pre-wrap; }"  # else line breaks are lost
    ET.SubElement(view, "Header", {"value": "$question"})
    # A comment that is nothing but an address must be shown, not fetched.
    ET.SubElement(view, "Text", {"name": TEXT, "value": "$text", "valueType": "text"})
    for facet in book.facet:
        ET.SubElement(view, "Header", {"value": _shown(facet.question or facet.name)})
        choice = "single" if facet.exclusive else "multiple"
        choices = ET.SubElement(view, "Choices", {"name": facet.id, "toName": TEXT, "choice": choice})
        for code in facet.code:
            hint = {"hint": _shown(code.definition)} if code.definition else {}
            ET.SubElement(choices, "Choice", {"value": _shown(code.name), "alias": code.id, **hint})
    ET.SubElement(view, "TextArea", {"name": NOTE, "toName": TEXT, "placeholder": "Note", "maxSubmissions": "1"})
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def _shown(text: str) -> str:
    """Text to show: on one line, and with no dollar sign, which Label Studio would take for a field of the task."""
    return " ".join(NOT_XML.sub(" ", text).replace("$", "＄").split())


def write_label_studio(rows: Iterable[CommentOut], book: Codebook, path: Path, model: str = "") -> int:
    """Writes the comments as tasks (JSON), one a line, and gives their number. Raises OutputError.

    The machine's codes are a prediction of `model`: its score is the probability of the least sure facet's first code,
    so that sorting by score brings up what needs a person. Decisions are annotations: Label Studio gives them to
    the user who imports them, so `decided_by` and `decided_at` stand in the task's data as well.
    """
    count = 0
    with whole_file(path) as file:
        file.write("[")
        for count, row in enumerate(rows, 1):
            task = json.dumps(_task(row, book, model), ensure_ascii=False, allow_nan=False)
            file.write(f"{',' if count > 1 else ''}\n{task}")
        file.write("\n]\n")
    return count


def _task(row: CommentOut, book: Codebook, model: str) -> dict[str, Any]:
    taken = {*KEYS, TEXT, NOTE, *book.by_id}
    own = (row.comment_id, row.response_id, row.question, row.text, row.who, row.at, str(row.as_of or ""))
    data = {key: value for key, value in zip(KEYS, own, strict=True) if value or not key.startswith("decided")}
    for name, value in row.others.items():
        data[_outside(name, taken | row.others.keys()) if name in taken else name] = value
    task: dict[str, Any] = {"data": data}
    if row.machine:
        task["predictions"] = [_prediction(row, model)]
    if row.decided is not None:
        task["annotations"] = [_annotation(row)]
    return task


def _outside(name: str, taken: Collection[str]) -> str:
    """Another name for a column called like something of ours: JSON-MIN puts all of them side by side."""
    names = (f"{name} (export{n})" for n in itertools.chain([""], itertools.count(2)))
    return next(each for each in names if each not in taken)


def _prediction(row: CommentOut, model: str) -> dict[str, Any]:
    coded = {facet: codes for facet, codes in row.machine.items() if codes}
    result = [
        {**_result(row, facet, [code for code, _ in codes]), "score": round(codes[0][1], 4)}
        for facet, codes in coded.items()
    ]
    score = {"score": min(each["score"] for each in result)} if result else {}
    return {"model_version": model, **score, "result": result}


def _annotation(row: CommentOut) -> dict[str, Any]:
    open_ = {facet: [code for code, _ in codes] for facet, codes in row.machine.items()}
    decided = {**open_, **(row.decided or {})}
    result = [_result(row, facet, list(codes)) for facet, codes in decided.items() if codes]
    if row.note:
        note = {"text": [row.note]}
        result.append({"id": _short(row, NOTE), "from_name": NOTE, "to_name": TEXT, "type": "textarea", "value": note})
    return {
        "id": _fingerprint(row.comment_id, decided, row.note, row.who, row.at),
        "created_username": row.who,
        "created_at": row.at,
        "updated_at": row.at,
        "was_cancelled": False,
        "ground_truth": False,
        "result": result,
    }


def _result(row: CommentOut, facet: str, codes: list[str]) -> dict[str, Any]:
    value = {"choices": codes}
    return {"id": _short(row, facet), "from_name": facet, "to_name": TEXT, "type": "choices", "value": value}


def _short(row: CommentOut, name: str) -> str:
    return hashlib.sha256(f"{row.comment_id}\n{name}".encode()).hexdigest()[:10]


def _fingerprint(comment_id: str, codes: Mapping[str, Sequence[str]], note: str, who: str, at: str) -> int:
    """A number for a decision, which Label Studio keeps as `import_id`; 53 bits, as a browser holds no more."""
    said = sorted((facet, sorted(ids)) for facet, ids in codes.items() if ids)
    text = json.dumps([comment_id, said, note, who, at])
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % 2**53


# ---- in ------------------------------------------------------------------------------------------------------------


def read_label_studio(
    path: Path,
    book: Codebook,
    *,
    facets: Collection[str] | None = None,
    tally: Counter[str] | None = None,
) -> Iterator[DecisionIn]:
    """The decisions in an export of a project made with our tasks and config; JSON or JSON-MIN.

    facets: those the project asked about, all of the codebook if None; one of them without a choice is decided
    as "none of its codes". tally counts `tasks`, those `without annotation`, and `annotations`, which are `decisions`
    or `skipped` in Label Studio; and `other results`, which are of no facet. In JSON-MIN nothing tells a
    decision that was brought from here, so all are new there.
    Raises InputError naming the task and the fix, as soon as the iterator comes to it.
    """
    asked = [facet for facet in book.facet if facets is None or facet.id in facets]
    reader = _Reader(asked, Counter() if tally is None else tally)
    for number, task in enumerate(_tasks(path), 1):
        reader.place = f"{path}, task {number}"
        yield from reader.decisions(task)


def _tasks(path: Path) -> Iterator[Any]:
    """The items of the file's list, one after the other, so that not all are in memory as objects."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError("there is no such export", where=path, fix="check the path") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path, fix="give a JSON file") from None
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", where=path, fix=EXPORT_AGAIN) from None
    decoder, at = json.JSONDecoder(), _past_space(text, 0)
    if text[at : at + 1] != "[":
        raise InputError("is not a list of tasks", where=path, fix=f"{EXPORT_AGAIN} or JSON-MIN")
    at = _past_space(text, at + 1)
    try:
        while text[at : at + 1] != "]":
            task, at = decoder.raw_decode(text, at)
            yield task
            at = _past_space(text, at)
            if text[at : at + 1] == ",":
                at = _past_space(text, at + 1)
            elif text[at : at + 1] != "]":
                raise json.JSONDecodeError("the list is cut off", text, at)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not valid JSON: {error}", where=path, fix=EXPORT_AGAIN) from None


def _past_space(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\n", "\r"):
        at += 1
    return at


class _Reader:
    """Reads tasks of one export; `place` says where it is, for messages."""

    def __init__(self, facets: Sequence[Facet], tally: Counter[str]) -> None:
        self.facets, self.tally = {facet.id: facet for facet in facets}, tally
        self.place = ""

    def decisions(self, task: Any) -> Iterator[DecisionIn]:
        """The decisions of a task of either form."""
        self.tally["tasks"] += 1
        whole = self._dict(task)
        data = self._dict(whole["data"]) if "data" in whole else whole
        comment_id = data.get("comment_id")
        if not isinstance(comment_id, str) or not comment_id:
            fix = "make the Label Studio project of the tasks written here, which carry it"
            raise InputError("has no comment_id", where=self.place, fix=fix)
        self.place += f" (comment {comment_id})"
        annotations = self._list(whole.get("annotations", [])) if "data" in whole else self._flat(whole)
        self.tally["without annotation"] += not annotations
        for annotation in map(self._dict, annotations):
            self.tally["annotations"] += 1
            if annotation.get("was_cancelled"):
                self.tally["skipped"] += 1
            else:
                yield self._decision(comment_id, annotation, data)
                self.tally["decisions"] += 1

    def _decision(self, comment_id: str, annotation: dict[str, Any], data: dict[str, Any]) -> DecisionIn:
        codes: dict[str, tuple[str, ...]] = dict.fromkeys(self.facets, ())
        notes: list[str] = []
        for result in map(self._dict, self._list(annotation.get("result") or [])):
            name, kind = result.get("from_name"), result.get("type")
            if kind == "choices":
                facet = self._facet(str(name))
                codes[facet.id] = self._codes(facet, codes[facet.id], self._texts(result, "choices"))
            elif name == NOTE:
                notes += self._texts(result, "text")
            else:
                self.tally["other results"] += 1
        seen = str(data.get("decided_as_of", ""))
        as_of = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 19 else 0
        note, who, at = "\n".join(notes), str(data.get("decided_by", "")), str(data.get("decided_at", ""))
        if _fingerprint(comment_id, codes, note, who, at) in (annotation.get("import_id"), annotation.get("id")):
            return DecisionIn(comment_id, codes, who, at, note, False, as_of)
        at = annotation.get("updated_at") or annotation.get("created_at") or ""
        return DecisionIn(comment_id, codes, _who(annotation), str(at), note, True, as_of)

    def _facet(self, name: str) -> Facet:
        if name not in self.facets:
            near = get_close_matches(name, self.facets, n=1, cutoff=0.0)
            fix = f"did you mean {near[0]!r}? Name the Choices block so" if near else "name the facets that were asked"
            raise InputError(f"there is no facet {name!r}", where=self.place, fix=fix)
        return self.facets[name]

    def _codes(self, facet: Facet, before: Sequence[str], chosen: Iterable[str]) -> tuple[str, ...]:
        ids = list(before)
        for text in chosen:
            found = facet.find(text)
            if found is None:
                fix = f"did you mean {facet.nearest(text)!r}? Else add it to the codebook"
                raise InputError(f"{text!r} is no code of facet {facet.id!r}", where=self.place, fix=fix)
            ids.append(found)
        codes = tuple(dict.fromkeys(ids))
        if facet.exclusive and len(codes) > 1:
            what = f"{' and '.join(codes)} are chosen, and facet {facet.id!r} takes one code"
            raise InputError(what, where=self.place, fix="choose one of them in Label Studio and export again")
        return codes

    # ---- JSON-MIN: data and choices side by side in one flat record

    def _flat(self, record: dict[str, Any]) -> list[dict[str, Any]]:
        """The annotation of a flat record in the form of a full export; none where nobody has annotated the task."""
        if record.get("annotation_id") is None:
            return []
        result = [
            {"from_name": facet, "type": "choices", "value": {"choices": self._chosen(record[facet], "choices")}}
            for facet in self.facets
            if facet in record
        ]
        if NOTE in record:
            result.append(
                {"from_name": NOTE, "type": "textarea", "value": {"text": self._chosen(record[NOTE], "text")}}
            )
        kept = {key: record.get(key) for key in ("created_at", "updated_at")}
        return [{"completed_by": record.get("annotator"), "result": result, **kept}]

    def _chosen(self, value: Any, key: str) -> list[str]:
        """One choice is a text, several are a table or a list of those."""
        if isinstance(value, str):
            return [value]
        if isinstance(value, list):
            return [text for each in value for text in self._chosen(each, key)]
        return [text for each in self._list(self._dict(value).get(key)) for text in self._chosen(each, key)]

    # ---- forms

    def _texts(self, result: dict[str, Any], key: str) -> list[str]:
        return self._chosen(self._dict(result.get("value")), key)

    def _dict(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise InputError("does not have the form of Label Studio's exports", where=self.place, fix=EXPORT_AGAIN)
        return value

    def _list(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise InputError("does not have the form of Label Studio's exports", where=self.place, fix=EXPORT_AGAIN)
        return value


def _who(annotation: Mapping[str, Any]) -> str:
    """The person's address where the export has it, else the number of the user."""
    by = annotation.get("completed_by")
    if isinstance(by, dict):
        by = by.get("email") or by.get("id")
    named = str(annotation.get("created_username") or "").strip()
    if isinstance(by, str) and by and not by.isdigit():
        return by
    if named:
        return named.rpartition(", ")[0] if by is not None and named.endswith(f", {by}") else named
    return "Label Studio user" if by in (None, "") else f"Label Studio user {by}"
