import csv
import datetime as dt
import json
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from invented_findings import invented_findings
from invented_run import BOOK, make_run, row

from pipeline.counting.tables import SUPPRESSED, frequency_tables
from pipeline.errors import InputError, OutputError
from pipeline.files.raw_table import read_cell
from pipeline.publishing.power_bi import write_star
from pipeline.publishing.star import LINKS, PUBLIC, TABLES, Keys, column_names
from pipeline.stores.comment_store import FILE as COMMENTS
from pipeline.stores.review_records import Choice
from pipeline.stores.review_store import Store

QUESTIONS = ("What should change?", "Anything else?")
WARDS = ("Bow", "Poplar", "=Bow", "")
TEXTS = ("More buses", "=1+1", "'=already", 'Two\nlines, “quoted” and "so"', "Ünïcode – ☂", "-5", "@me")
DATES = ("08/09/2025 09:28", "15/09/2025 10:00", "")
TOPICS = ({"transport"}, {"transport", "parks"}, set(), {"housing"}, {"parks"})
BY = ("Ward", "I am")
SMALL = ("codes", "groups", "frequencies", "dates", "questions", "run")


def people(number=24, topics=TOPICS):
    """Comments of so many people, every third of whom wrote two; the last four of them sent the same words."""
    for n in range(number):
        campaign = n >= number - 4
        for q, question in enumerate(QUESTIONS[: 2 if n % 3 == 0 and not campaign else 1], 1):
            yield {
                "comment_id": f"{'=' if n == 5 else ''}r{n}-q{q}",
                "response_id": f"{'=' if n == 5 else ''}r{n}",
                "question": question,
                "text": "Save our park" if campaign else f"{TEXTS[n % len(TEXTS)]}{' ' * (n // len(TEXTS))}",
                "Ward": WARDS[n % 4],
                "I am": "a Resident",
                "Completed": "soon" if n == 4 else DATES[n // 3 % 3],
                "topic": sorted(topics[(n + q) % len(topics)]),
                "service": ["parks"] if n % 2 else [],
                "who": ["housing"] if n % 5 else [],
                "campaign": "7" if campaign else "",
                "campaign_size": "4" if campaign else "1",
            }


def safe(text):
    return f"'{text}" if text[:1] in ("=", "@", "'") else text


def written(folder, lines, stored=True):
    """The run folder of these comments."""
    columns = list(lines[0])
    rows = [
        row(
            n,
            line["text"],
            **{name: line[name] for name in ("comment_id", "response_id", "question")},
            given={name: line[name] for name in ("topic", "service", "who")},
        )
        for n, line in enumerate(lines, 1)
    ]
    make_run(folder, rows[: None if stored else 1])
    if not stored:
        (folder / COMMENTS).unlink()
    with (folder / "coded.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow([*columns, "who_source"])
        for line in lines:
            cells = ["|".join(c.title() for c in of) if isinstance(of, list) else safe(of) for of in line.values()]
            table.writerow([*cells, "given" if len(line["response_id"]) == 2 else "inferred"])
    counts = dict.fromkeys(("blank", "no_content", "not_english", "rejected"), 0)
    counts |= {"responses": len({line["response_id"] for line in lines}), "comments": len(lines), "coded": len(lines)}
    (folder / "manifest.json").write_text(json.dumps(counts), encoding="utf-8")
    return folder


def decided(run):
    """People decide three comments and check two."""
    with Store(run) as store:
        choices = [
            Choice("r1-q1", "topic", ("housing",)),
            Choice("r2-q1", "topic", ()),
            Choice("r0-q2", "service", ("parks", "transport")),
        ]
        store.decide("an analyst", "screen", choices, store.as_of)
        store.draw("an analyst", ["r3-q1", "r4-q1"])
        store.check("an analyst", "screen", [("r3-q1", "topic", ("parks",))])
    return run


def findings_of(run, by=("Ward", "question")):
    return replace(invented_findings(), tables=frequency_tables(run, by), codebook=BOOK)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return decided(written(tmp_path_factory.mktemp("run") / "spring", list(people())))


@pytest.fixture(scope="module")
def star(run):
    return write_star(findings_of(run), run, run.parent / "star", BY)


def read(star, name):
    return pd.read_parquet(star.folder / f"{name}.parquet")


def read_csv(star, name):
    """The CSV with the types of the Parquet file, its guarded cells as they were."""
    kinds = {"int64": "Int64", "double": "float64", "bool": "boolean", "string": "str"}
    schema = pq.read_schema(star.folder / f"{name}.parquet")
    types = {field.name: kinds.get(str(field.type), "str") for field in schema}
    table = pd.read_csv(star.folder / f"{name}.csv", dtype=types, keep_default_na=False, na_values={
        name: [""] for name, kind in types.items() if kind != "str"
    })  # fmt: skip
    return table.map(lambda cell: read_cell(cell) if isinstance(cell, str) else cell)


@pytest.mark.parametrize("name", TABLES)
def test_the_csv_holds_what_the_parquet_file_holds(star, name):
    table = read(star, name).map(lambda cell: cell.isoformat() if isinstance(cell, dt.date) else cell)
    same = read_csv(star, name).astype(object).where(lambda frame: frame.notna(), None).replace("", None)
    wanted = table.astype(object).where(table.notna(), None).replace("", None)
    assert same.columns.to_list() == wanted.columns.to_list()
    assert same.to_numpy().tolist() == wanted.to_numpy().tolist()
    assert len(wanted) == star.rows[name] > 0


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_plain_and_typed_and_keys_never_blank(star, name):
    schema = pq.read_schema(star.folder / f"{name}.parquet")
    keys = {one.name for one in TABLES[name] if one.kind == "key"}
    assert {field.name for field in schema if not field.nullable} == keys
    assert {schema.field(key).type for key in keys} == {pa.int64()}
    assert all(name.isidentifier() and name == name.lower() for name in schema.names)
    assert {str(type_) for type_ in schema.types} <= {"int64", "double", "string", "bool", "date32[day]"}
    column = pq.ParquetFile(star.folder / f"{name}.parquet").metadata.row_group(0).column(0)
    assert (column.compression, column.has_dictionary_page) == ("SNAPPY", False)


@pytest.mark.parametrize("link", LINKS)
def test_each_key_on_the_one_side_is_there_once_and_resolves_all_of_the_many_side(star, link):
    (many, there), (one, here) = ([part.rstrip("]") for part in side.split("[")] for side in (link.many, link.one))
    keys = read(star, one)[here]
    assert keys.is_unique
    assert set(read(star, many)[there]) <= set(keys)


@pytest.mark.parametrize(
    ("table", "keys"), [("comment_code", ["comment_key", "code_key"]), ("frequencies", ["code_key", "group_key"])]
)
def test_no_fact_stands_twice(star, table, keys):
    assert not read(star, table).duplicated(keys).any()


def joined(star):
    """All codes of all comments with whose they are, as Power BI joins them."""
    comments = read(star, "comments").merge(read(star, "responses"), on="response_key").merge(
        read(star, "questions"), on="question_key"
    )  # fmt: skip
    coded = read(star, "comment_code").drop(columns=["response_key", "voice_key"])
    return comments, coded.merge(read(star, "codes"), on="code_key").merge(comments, on="comment_key")


@pytest.mark.parametrize(("group", "column"), [(None, None), ("Ward", "ward"), ("question", "question")])
def test_joining_the_star_counts_what_the_tables_count(star, run, group, column):
    comments, coded = joined(star)
    rows = [one for one in findings_of(run).tables.rows if one.group == group and one.code]
    assert len(rows) >= 9
    for one in rows:
        within = coded[(coded["facet"] == one.facet) & (coded["code"] == one.code)]
        among = comments
        if column:
            within, among = within[within[column] == one.value], comments[comments[column] == one.value]
        counts = [len(within), within["voice_key"].nunique(), within["response_key"].nunique()]
        assert counts == [one.comments, one.comments_once, one.respondents], one
        assert among["response_key"].nunique() == one.base


def test_the_published_figures_are_those_of_the_tables(star, run):
    found = read(star, "frequencies").merge(read(star, "codes"), on="code_key").merge(
        read(star, "groups"), on="group_key"
    )  # fmt: skip
    figures = ["comments", "comments_once", "respondents", "base", "counted_share", "share", "low", "high", "status"]
    wanted = [
        (
            *(one.facet, one.code, one.group or "(all respondents)", one.value or "(all respondents)"),
            *(one.comments, one.comments_once, one.respondents, one.base, one.share),
            *(one.share, one.low, one.high, one.status),
        )
        for one in findings_of(run).tables.rows
    ]
    assert list(found[["facet", "code", "column_name", "value", *figures]].itertuples(index=False, name=None)) == wanted


def test_each_code_says_who_gave_it_how_probably_and_whether_it_was_checked(star):
    _, coded = joined(star)
    wanted = ["r1-q1", "r2-q1", "r3-q1", "r0-q2"]
    found = coded[coded["comment_id"].isin(wanted)].fillna({"probability": -1})
    columns = ["comment_id", "facet", "code", "decided_by", "probability", "checked", "decided", "drawn"]
    assert sorted(found[columns].itertuples(index=False, name=None)) == [
        ("r0-q2", "service", "parks", "person", -1.0, False, True, False),
        ("r0-q2", "service", "transport", "person", -1.0, False, True, False),
        ("r1-q1", "service", "parks", "machine", 0.9, False, True, False),
        ("r1-q1", "topic", "housing", "person", -1.0, False, True, False),
        ("r1-q1", "who", "housing", "respondent", -1.0, False, True, False),
        ("r2-q1", "who", "housing", "respondent", -1.0, False, True, False),
        ("r3-q1", "service", "parks", "machine", 0.9, False, False, True),
        ("r3-q1", "topic", "parks", "machine", 0.9, True, False, True),
        ("r3-q1", "who", "housing", "respondent", -1.0, False, False, True),
    ]


def test_texts_and_attributes_are_those_of_the_respondents(star):
    comments, _ = joined(star)
    assert dict(zip(comments["comment_id"], comments["text"], strict=True)) == {
        line["comment_id"]: line["text"] for line in people()
    }
    assert dict(zip(comments["response_id"], comments["ward"], strict=True)) == {
        line["response_id"]: line["Ward"] or "(not given)" for line in people()
    }
    assert star.attributes == {"Ward": "ward", "I am": "i_am"}


def test_every_day_is_there_and_one_row_for_no_day(star):
    days = read(star, "dates")
    assert days["date_key"].to_list() == [0, *range(20250908, 20250916)]
    assert days.iloc[0].replace({float("nan"): None}).to_list() == [
        *(0, None, None, None, "(not given)", None, "(not given)", None, None, "(not given)"),
    ]
    assert days.iloc[1].to_list() == [
        *(20250908, dt.date(2025, 9, 8), 2025, 3, "2025 Q3", 9, "September", 37, 1, "Monday"),
    ]
    dated = read(star, "responses")["date_key"].value_counts().to_dict()
    assert dated == {20250908: 9, 20250915: 8, 0: 7}
    assert (star.dated_by, star.undated) == ("Completed", 7)


def test_the_column_of_dates_can_be_named_or_be_missing(run, tmp_path):
    named = write_star(findings_of(run), run, tmp_path / "named", date="Ward")
    assert (named.dated_by, named.undated, named.rows["dates"]) == ("Ward", 24, 1)
    lines = [{name: of for name, of in line.items() if name != "Completed"} for line in people()]
    without = written(tmp_path / "without", lines)
    found = write_star(findings_of(without), without, tmp_path / "star")
    assert (found.dated_by, found.undated, found.rows["dates"]) == (None, 24, 1)
    assert "No column of the export says when people answered" in (found.folder / "README.md").read_text("utf-8")


def test_no_cell_of_a_csv_can_become_a_formula(star):
    for name in TABLES:
        raw = (star.folder / f"{name}.csv").read_bytes()
        assert raw.startswith(b"\xef\xbb\xbf")
        cells = [cell for line in csv.reader(raw.decode("utf-8-sig").splitlines()) for cell in line]
        assert [cell for cell in cells if cell[:1] in ("=", "@") or cell[:2] == "-c"] == []


def test_a_key_stays_when_the_run_is_coded_again(star, run, tmp_path):
    topics = [{"housing"}, {"parks"}, {"housing"}, {"transport"}, set()]
    again = written(tmp_path / "spring", list(reversed(list(people(topics=topics)))))
    changed = write_star(findings_of(again), again, tmp_path / "star", BY)
    for name, id_ in {"comments": "comment_id", "responses": "response_id", "questions": "question"}.items():
        key = TABLES[name][0].name
        before, after = (read(one, name).set_index(id_)[key].to_dict() for one in (star, changed))
        assert before == after
    for name, ids in {"codes": ["facet", "code"], "groups": ["column_name", "value"]}.items():
        key = TABLES[name][0].name
        before, after = (read(one, name).set_index(ids)[key].to_dict() for one in (star, changed))
        assert before == after
    facts = ["comment_key", "code_key"]
    assert set(map(tuple, read(star, "comment_code")[facts].to_numpy())) != set(
        map(tuple, read(changed, "comment_code")[facts].to_numpy())
    )


def test_keys_differ_between_kinds_and_a_collision_is_refused():
    assert Keys("comment")("1") != Keys("response")("1")
    assert Keys("code")("a", "b") == Keys("code")("a", "b") != Keys("code")("ab", "")
    few = Keys("comment", bits=4)
    with pytest.raises(OutputError, match="two ids of the kind 'comment' have the same key"):
        [few(str(n)) for n in range(17)]


def test_nothing_of_a_suppressed_count_is_shown(run, tmp_path):
    findings = invented_findings()
    rows = tuple(  # as they would be if somebody forgot to take the numbers out
        replace(one, comments=3, comments_once=3, respondents=3, share=0.1, low=0.0, high=0.2, counted_share=0.1)
        if one.status == SUPPRESSED
        else one
        for one in findings.tables.rows
    )
    star = write_star(replace(findings, tables=replace(findings.tables, rows=rows)), run, tmp_path / "s", public=True)
    found = read(star, "frequencies")
    hidden = found[found["status"] == SUPPRESSED].drop(columns=["code_key", "group_key", "status", "base"])
    assert len(hidden) == sum(one.status == SUPPRESSED for one in rows) > 5
    assert hidden.isna().all().all()
    assert found[found["status"] != SUPPRESSED].notna().all().all()


def test_the_public_folder_holds_nothing_that_was_written(run, tmp_path):
    folder = tmp_path / "star"
    write_star(findings_of(run), run, folder, BY)
    public = write_star(findings_of(run), run, folder, BY, public=True, replace=True)
    names = {f"{name}.{ending}" for name in PUBLIC for ending in ("parquet", "csv")} | {"README.md"}
    assert {path.name for path in folder.iterdir()} == set(public.files) == names
    guide = (folder / "README.md").read_text("utf-8")
    assert "This folder is made to be published" in guide
    assert "Counts below 5 are suppressed" in guide
    assert not [name for name in TABLES if name not in PUBLIC and f"{name}[" in guide]


def test_the_readme_says_where_nothing_is_suppressed(run, tmp_path):
    star = write_star(replace(findings_of(run), smallest=0), run, tmp_path / "star", public=True)
    guide = (star.folder / "README.md").read_text("utf-8")
    assert "**No counts are suppressed**, because the settings say so" in guide
    assert "are suppressed in" not in guide


def test_the_readme_names_every_column_relationship_and_attribute(star):
    guide = (star.folder / "README.md").read_text("utf-8")
    assert "**Not for publication.**" in guide
    missing = [one for fields in TABLES.values() for one in fields if f"| {one.name} | {one.kind} |" not in guide]
    assert missing == []
    assert [link for link in LINKS if f"| {link.many} | {link.one} |" not in guide] == []
    assert "| i_am | I am |" in guide


def test_measures_name_only_columns_that_are_there(star):
    guide = (star.folder / "README.md").read_text("utf-8")
    measures = "".join(part.split("```")[0] for part in guide.split("```dax")[1:])
    columns = {f"{name}[{one.name}]" for name, fields in TABLES.items() for one in fields}
    used = {word.strip("(),=") for word in measures.split() if "[" in word.strip("([") and not word.startswith("[")}
    assert used - {'"[c]"', '"[c]",'} <= columns
    assert len(used) >= 12


def test_comments_and_campaigns_far_apart_in_the_export_are_still_one_persons(tmp_path):
    lines = [
        {**line, "comment_id": f"r{n % 6000}-q{n // 6000}", "response_id": f"r{n % 6000}"}
        for n, line in zip(range(12_000), [next(people())] * 12_000, strict=True)
    ]
    for n in (0, 5000, 11_999):
        lines[n] = {**lines[n], "campaign": "1", "campaign_size": "3"}
    run = written(tmp_path / "run", lines, stored=False)
    star = write_star(findings_of(run, ()), run, tmp_path / "star", BY)
    comments = read(star, "comments")
    assert (star.rows["responses"], star.rows["comments"]) == (6000, 12_000)
    assert comments["voice_key"].nunique() == 11_998
    assert set(comments["voice_key"].iloc[[0, 5000, 11_999]]) == {comments["comment_key"].iloc[0]}
    assert read(star, "comment_code")["probability"].isna().all()  # a run of an earlier version says nothing of it


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"by": ["Wrad"]}, "there is no column 'Wrad'. Fix: did you mean 'Ward'? There are: Ward, I am, Completed"),
        ({"date": "When"}, "there is no column 'When'. Fix: did you mean"),
    ],
)
def test_a_column_that_is_not_there_is_told_with_the_nearest(run, tmp_path, options, told):
    with pytest.raises(InputError) as error:
        write_star(findings_of(run), run, tmp_path / "star", **options)
    assert told in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_changed_run_leaves_no_folder_behind(tmp_path):
    run = written(tmp_path / "run", list(people()))
    findings = findings_of(run)
    coded = (run / "coded.csv").read_text("utf-8")
    for changed, told in {
        coded.replace("Housing", "Houzing"): "'Houzing' is no code of facet 'topic' in the codebook",
        coded.replace("r1-q1", "r2-q1"): "some comment_id stands twice",
        coded.replace("question,", "asked,", 1): "the column 'question' is missing",
    }.items():
        (run / "coded.csv").write_text(changed, encoding="utf-8")
        with pytest.raises(InputError, match=told):
            write_star(findings, run, tmp_path / "star", BY)
    (run / "coded.csv").unlink()
    with pytest.raises(InputError, match=r"is no run folder: coded\.csv is missing"):
        write_star(findings, run, tmp_path / "star", BY)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_only_a_star_is_replaced_and_only_when_asked(run, tmp_path):
    folder = tmp_path / "star"
    write_star(findings_of(run), run, folder)
    with pytest.raises(OutputError, match="is there already"):
        write_star(findings_of(run), run, folder)
    (folder / "mine.txt").write_text("notes")
    with pytest.raises(OutputError, match="is there and holds something else"):
        write_star(findings_of(run), run, folder, replace=True)
    assert (folder / "mine.txt").read_text() == "notes"


def test_headers_become_plain_names_each_once():
    headers = ["Ward", "ward?", "I am responding as…", "Âge", "%", "response key", "x" * 90]
    assert list(column_names(headers, ["response_key"]).values()) == [
        *("ward", "ward_2", "i_am_responding_as", "age", "attribute", "response_key_2", "x" * 60),
    ]


def test_the_run_itself_is_one_row(star):
    assert read(star, "run").drop(columns="run_key").iloc[0].to_list() == [
        *("harbour", "Invented", "harbour.xlsx", "engagement", "", "2025-10-01T10:00:00+00:00", "0.1.0"),
        *(24, 24, 100, 2, 5, "ab" * 32, "cd" * 32, "ef" * 32),
    ]
