"""Coding a run's comments again with another model: what people decided stays, and what changed is told."""

import datetime as dt
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.codebook import Codebook, dump_codebook, parse_codebook
from pipeline.coding.coding import OWN_COLUMNS, CodedWriter, ToCode, facet_header
from pipeline.coding.judging import coded_facets
from pipeline.errors import InputError, ModelError
from pipeline.exports.responses import read_export
from pipeline.files.replacing import finish_replacing, replacing
from pipeline.learning.model_store import StoredModel, current_model, load_model, named_model, versions
from pipeline.learning.training import Progress, silent
from pipeline.settings import Settings
from pipeline.stores.comment_store import FILE as COMMENTS
from pipeline.stores.review_store import Store
from pipeline.texts.copies import Copies

HOW = "recode"
THE_TOOL = "feedback"  # who coded again, where nobody says


@dataclass(frozen=True)
class CodeChange:
    """To how many comments the machine gave a code before and after, and how many gained and lost it."""

    facet: str
    code: str
    before: int
    after: int
    gained: int
    lost: int


@dataclass(frozen=True)
class Recoded:
    """A run coded again: by which model before and now, of its comments how many have other codes, code by code.

    decided: comments with decisions, all of which are kept. homeless: decisions for (facet, code) that the model's
    codebook has not; they are kept and count in tables only once the code is back. to_review: comments with a doubt.
    book_added: whether the model's codebook had to follow the one edited in the run, which lacked codes of it.
    """

    run: Path
    model_before: str
    model_after: str
    comments: int
    changed: int
    codes: tuple[CodeChange, ...]
    decided: int
    homeless: dict[tuple[str, str], int]
    to_review: int
    book_added: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """What changed, a line for people each: the whole, then the codes that changed most."""
        most = sorted((one for one in self.codes if one.gained or one.lost), key=lambda one: -(one.gained + one.lost))
        kept = f"{_comments(self.decided)} with decisions kept" if self.decided else "no decisions"
        return (
            f"{self.model_before} → {self.model_after}: {self.changed:,} of {_comments(self.comments)} have other "
            f"codes now; {kept}",
            *(f"{c.facet} {c.code}: {c.before:,} → {c.after:,} (+{c.gained:,}, −{c.lost:,})" for c in most),
            *(
                f"{facet} {code}: {n:,} {'decision for it is' if n == 1 else 'decisions for it are'} kept, "
                "but the codebook has it no more"
                for (facet, code), n in self.homeless.items()
            ),
        )


def recode(
    run: Path, settings: Settings, model: Path | None = None, *, who: str = THE_TOOL, progress: Progress = silent
) -> Recoded:
    """Codes the comments of a run again, with the model named or the current one.

    `coded.csv`, `comments.db`, `codebook.toml` and `manifest.json` are made anew and replaced together; `rejects.csv`
    and `decisions.db` stay. What respondents said of themselves stays too. Raises InputError, ModelError, OutputError.
    """
    finish_replacing(run)
    chosen = named_model(settings, model) if model else current_model(settings)
    if chosen is None:
        raise ModelError("there is no model yet", where=settings.models, fix="make one with feedback train --out DIR")
    with Store(run, earlier=True) as store:
        meta = {key: store.meta(key) for key in ("others", "facet_columns", "model", "comments")}
        translated: dict[str, str] = store.meta("translated", {})
        standing = list(store.standing())
        edited = store.book()
    stored = load_model(chosen)
    book = stored.model.codebook
    manifest = _manifest(run)
    with replacing(run) as made:
        renamed = _renamed(meta["others"], stored)
        columns = [renamed.get(column, column) for column in meta["others"]]
        said_in = {
            facet.id: renamed.get(column, column)
            for facet in coded_facets(stored)
            if facet.exclusive and (column := meta["facet_columns"].get(facet.id)) is not None
        }
        writer = CodedWriter(
            made,
            stored,
            columns,
            said_in,
            with_scores=_has_scores(run, meta),
            seed=settings.seed,
            jobs=settings.processes,
            translated={asked: renamed.get(column, column) for asked, column in translated.items()},
        )
        with writer:
            writer.write(_comments_of(run, meta["others"], translated), Copies(_said(run)), progress, meta["comments"])
        changed, codes = _changes(run / COMMENTS, made / COMMENTS)
        (made / "codebook.toml").write_text(dump_codebook(book), encoding="utf-8")
        new = _new_manifest(manifest, stored, renamed, said_in, changed, codes, settings, writer.campaigns)
        (made / "manifest.json").write_text(json.dumps(new, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        added = edited is not None and not _covers(parse_codebook(edited, run), book)
        if added:  # before the new codes are there: a screen knows a code from the codebook
            _add_book(run, book, who, stored.folder.name)
    before, after = str(meta["model"]["name"]), stored.folder.name
    with Store(run) as store:
        store.record(who, HOW, f"{before} → {after}: {changed:,} of {_comments(writer.coded)} have other codes")
    decided = len({one.comment_id for one in standing})
    return Recoded(
        run, before, after, writer.coded, changed, codes, decided, _homeless(standing, book), writer.to_review, added
    )


def _manifest(run: Path) -> dict[str, Any]:
    path = run / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"is damaged ({error})", where=path, fix="put back a copy of it") from None
    if not isinstance(manifest, dict):
        raise InputError("is damaged", where=path, fix="put back a copy of it")
    return manifest


# ---- what is coded again -------------------------------------------------------------------------------------------


def _read(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _said(run: Path) -> Iterator[tuple[str, str]]:
    """(text, question) of every comment in the order of the export."""
    with closing(_read(run / COMMENTS)) as db:
        yield from db.execute("SELECT text, question FROM comments ORDER BY n")


def _comments_of(run: Path, columns: Sequence[str], translated: Mapping[str, str]) -> Iterator[ToCode]:
    """The comments of a run in the order of the export, with the cells of its other columns."""
    query = "SELECT comment_id, response_id, question, text, others FROM comments ORDER BY n"
    with closing(_read(run / COMMENTS)) as db:
        for comment_id, response_id, question, text, others in db.execute(query):
            cells = json.loads(others)
            column = translated.get(question)
            translation = cells.get(column, "") if column is not None else ""
            yield ToCode(comment_id, response_id, question, text, tuple(cells.get(c, "") for c in columns), translation)


def _renamed(columns: Sequence[str], stored: StoredModel) -> dict[str, str]:
    """Columns of the export called like one that this model's coding adds, and what they are called from now on."""
    own = {*OWN_COLUMNS, *facet_header(coded_facets(stored))}
    taken, renamed = {*own, *columns}, {}
    for column in columns:
        name = column
        while column.strip() in own and name in taken:
            name += " (export)"
        if name != column:
            renamed[column] = name
            taken.add(name)
    return renamed


def _has_scores(run: Path, meta: Mapping[str, Any]) -> bool:
    """Whether `coded.csv` has a column for the probability of each code, which come last."""
    with Store(run, earlier=True) as store:
        codes = store.meta("codes")
    wanted = [f"{facet}:{code}" for facet, of in codes.items() for code in of]
    return bool(wanted) and list(read_export(run / "coded.csv").columns[-len(wanted) :]) == wanted


# ---- what changed --------------------------------------------------------------------------------------------------


def _changes(old: Path, new: Path) -> tuple[int, tuple[CodeChange, ...]]:
    """How many comments have other codes than before, and the change of each code; comments have the same numbers."""
    with closing(_read(new)) as db:
        db.execute("ATTACH ? AS old", (f"{old.resolve().as_uri()}?mode=ro",))
        gained = Counter(db.execute(_ONLY_NEW).fetchall())
        lost = Counter(db.execute(_ONLY_OLD).fetchall())
        before = _counts(db.execute("SELECT facet, code, count(*) FROM old.given GROUP BY facet, code").fetchall())
        after = _counts(db.execute("SELECT facet, code, count(*) FROM main.given GROUP BY facet, code").fetchall())
    changed = len({n for _, _, n in (*gained, *lost)})
    plus, minus = (Counter((facet, code) for facet, code, _ in found) for found in (gained, lost))
    pairs = dict.fromkeys([*before, *after])
    return changed, tuple(CodeChange(*pair, before[pair], after[pair], plus[pair], minus[pair]) for pair in pairs)


_ONLY_NEW = "SELECT facet, code, n FROM main.given EXCEPT SELECT facet, code, n FROM old.given"
_ONLY_OLD = "SELECT facet, code, n FROM old.given EXCEPT SELECT facet, code, n FROM main.given"


def _counts(rows: Sequence[tuple[str, str, int]]) -> Counter[tuple[str, str]]:
    return Counter({(facet, code): count for facet, code, count in rows})


def _homeless(standing: Sequence[Any], book: Codebook) -> dict[tuple[str, str], int]:
    """Decisions for codes that a codebook has not, by (facet, code)."""
    found: Counter[tuple[str, str]] = Counter()
    for one in standing:
        facet = book.by_id.get(one.facet)
        found.update((one.facet, code) for code in one.codes or () if facet is None or code not in facet.by_id)
    return dict(found)


def _covers(edited: Codebook, book: Codebook) -> bool:
    """Whether the codebook edited in the run has every code of the model's."""
    return all(facet.id in edited.by_id and set(facet.ids) <= set(edited.by_id[facet.id].ids) for facet in book.facet)


def _add_book(run: Path, book: Codebook, who: str, model: str) -> None:
    with Store(run, earlier=True) as store:
        store.save_book(who, dump_codebook(book), f"the codebook of {model}, which codes this run from now on")


def _new_manifest(
    manifest: Mapping[str, Any],
    stored: StoredModel,
    renamed: Mapping[str, str],
    said_in: Mapping[str, str],
    changed: int,
    codes: Sequence[CodeChange],
    settings: Settings,
    campaigns: Mapping[str, int],
) -> dict[str, Any]:
    """The manifest with its counts as they were, the new model, and what was done added to the list of such."""
    model = {"name": stored.folder.name, "sha256": stored.digest}
    known = manifest.get("renamed_columns", {})
    done = {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "from": {"model": manifest["model"], "codebook_digest": manifest["codebook_digest"]},
        "to": {"model": model, "codebook_digest": stored.model.codebook.digest},
        "changed": changed,
        "codes": [asdict(one) for one in codes if one.gained or one.lost],
    }
    return {
        **manifest,
        **campaigns,
        "facet_columns": {f: column for f, column in manifest.get("facet_columns", {}).items() if f in said_in},
        "renamed_columns": {
            **{column: renamed.get(name, name) for column, name in known.items()},
            **{column: name for column, name in renamed.items() if column not in known.values()},
        },
        "model": model,
        "codebook_digest": stored.model.codebook.digest,
        "versions": versions(),
        "seed": settings.seed,
        "recoded": [*manifest.get("recoded", []), done],
    }


def _comments(n: int) -> str:
    return f"{n:,} comment" + ("" if n == 1 else "s")
