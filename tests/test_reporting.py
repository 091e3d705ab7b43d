"""The report of an invented run of 420 comments by 300 people: what is found, and all that is written from it."""

import csv
import io
import json
import shutil
from pathlib import Path

import docx
import openpyxl
import pyarrow.parquet as pq
import pytest
from bench_outputs import check_and_decide, write_run
from invented_findings import invented_findings
from lxml import html

from pipeline.counting.claims import claims
from pipeline.counting.findings import Checked
from pipeline.counting.published import Asked, published_tables
from pipeline.counting.tables import CORRECTED, NOT_CHECKED, SUPPRESSED
from pipeline.errors import InputError, OutputError
from pipeline.learning.quality import estimate
from pipeline.publishing.evidence import write_pack
from pipeline.publishing.report import as_csv, as_json, percent
from pipeline.publishing.story import tell
from pipeline.publishing.transparency import transparency_record
from pipeline.publishing.workbook import as_xlsx
from pipeline.reporting import PACK, PAGE, STAR, TABLES, WORD, few_in_sample, find, write_all, write_one
from pipeline.reviewing.agreement import CodeCheck
from pipeline.reviewing.checking import draw, measure
from pipeline.reviewing.review import Review
from pipeline.stores.review_store import Store

COMMENTS, PEOPLE, CHECKED, DECIDED = 420, 300, 200, 40
SEXES = 'Sex,Residents\nFemale,"52,300"\nMale,"47,700"\nTotal,"100,000"\n'
NUMBERS = ("comments", "comments_once", "respondents", "counted_share", "share", "low", "high")


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """A run with a check sample and decisions, an earlier one, and a table of the population."""
    folder = tmp_path_factory.mktemp("office")
    check_and_decide(write_run(folder / "spring", COMMENTS, PEOPLE), CHECKED, DECIDED)
    earlier = write_run(folder / "last-year", 260, 200, seed=2)
    manifest = json.loads((earlier / "manifest.json").read_text(encoding="utf-8"))
    manifest["export"]["sha256"] = "2" * 64
    (earlier / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    write_run(folder / "few", 120, 120, seed=3)  # ten people in each of twelve wards
    (folder / "sexes.csv").write_text(SEXES, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def run(office):
    return office / "spring"


@pytest.fixture(scope="module")
def asked(office):
    return Asked(("Tenure",), None, (("Sex", office / "sexes.csv"),), office / "last-year")


@pytest.fixture(scope="module")
def found(run, asked):
    return find(run, asked)


@pytest.fixture(scope="module")
def written(found, run, asked, tmp_path_factory):
    """The folder with all outputs."""
    folder = tmp_path_factory.mktemp("written") / "report"
    assert write_all(found, run, folder, asked) == [folder / name for name in (PAGE, WORD, TABLES, STAR, PACK)]
    return folder


def overall(tables):
    return {(row.facet, row.code): row for row in tables.rows if row.group is None}


# ---- what is found ---------------------------------------------------------------------------------------------------


def test_the_tables_are_those_that_are_published_of_the_run(found, run, asked):
    assert (found.tables, found.tables.groups) == (published_tables(run, asked), ("Tenure", "Sex"))
    assert {row.status for row in found.tables.rows} == {CORRECTED, NOT_CHECKED, SUPPRESSED}


def test_what_can_be_said_is_said_of_the_tables_and_then_of_the_change(found):
    of_tables = claims(found.tables)
    assert found.claims[: len(of_tables)] == of_tables
    assert {one.about for one in found.claims[len(of_tables) :]} == {"reading", "change"}
    assert {one.kind for one in found.claims} == {"safe", "close", "few"}


def test_who_answered_is_who_is_counted_in_the_tables(found):
    (sexes,) = found.attributes
    bases = {row.value: row.base for row in found.tables.rows if row.group == "Sex"}
    assert [(one.value, one.respondents, one.population) for one in sexes.values] == [
        ("Female", bases["Female"], 0.523),
        ("Male", bases["Male"], 0.477),
    ]
    assert (sexes.column, sexes.source, sexes.weighted_by) == ("Sex", "sexes.csv", ("Sex",))
    rows = overall(found.tables)
    assert [(one.facet, one.code) for one in sexes.weighted] == list(rows)
    shown = [one for one in sexes.weighted if one.weighted is not None]
    assert shown
    assert [one.share for one in shown] == [rows[one.facet, one.code].counted_share for one in shown]
    assert all(one.low <= one.weighted <= one.high for one in shown)


def test_the_change_is_of_every_code_and_like_is_set_against_like(found, office):
    rows = overall(found.tables)
    before = overall(published_tables(office / "last-year", Asked()))
    assert (found.earlier, [(one.facet, one.code) for one in found.changed]) == ("last-year", list(rows))
    assert [(one.now, one.before) for one in found.changed] == [
        (row.counted_share, before[place].share) for place, row in rows.items()
    ]


def test_quotes_are_of_comments_that_have_the_code(found, run):
    rows = overall(found.tables)
    with Review(run) as review:
        lines = review.lines([review.number_of(quote.comment_id) for quote in found.quotes])
        codes = {line.comment_id: line.facets for line in lines}
    assert found.quotes
    assert all(quote.code in codes[quote.comment_id][quote.facet].codes for quote in found.quotes)
    assert all(rows[quote.facet, quote.code].status != SUPPRESSED for quote in found.quotes)
    assert {quote.coded_by for quote in found.quotes} == {"tool", "person", "respondent"}


def test_the_piles_are_the_comments_that_the_tables_count_without_a_code(found):
    rows = overall(found.tables)
    assert [(pile.facet, pile.comments) for pile in found.piles] == [
        (facet, rows[facet, ""].comments) for facet in ("principle", "theme")
    ]


def test_the_check_sample_and_the_method_are_told(found, run):
    assert (found.drawn, found.coders) == (CHECKED, 1)
    assert {(one.facet, one.code) for one in found.checked} == {
        place for place, row in overall(found.tables).items() if place[1] and row.facet != "stakeholder"
    }
    assert found.method[0].startswith(f"The {COMMENTS} comments come from the export “invented.csv”. They answer “What")
    assert found.method[-1] == (
        f"People decided the codes of {DECIDED} of the {COMMENTS} comments, and theirs are counted in place of the "
        "tool's."
    )
    assert (found.run, found.export, found.model) == ("spring", "invented.csv", "invented")
    assert (found.made, found.smallest) == ("2025-10-01T10:00:00+00:00", 5)
    assert found.digests == {"export": "1" * 64, "codebook": found.codebook.digest, "model": "0" * 64}


def test_a_run_that_nobody_looked_at_is_told_as_that(office):
    found = find(office / "last-year", Asked())
    assert (found.attributes, found.changed, found.earlier, found.checked) == ((), (), "", ())
    assert (found.drawn, found.coders) == (0, 0)
    assert {row.status for row in found.tables.rows} <= {NOT_CHECKED, SUPPRESSED}
    assert found.method[-1] == "People have not decided the codes of any comment."
    assert found.limits[0].startswith("Shares that are not checked may be wrong by more than their interval says")


# ---- check samples as people leave them ------------------------------------------------------------------------------


def sampled(run, size, code):
    """Draws a check sample, of which a coder codes what `code` gives for (place, line, facet); None for not."""
    with Review(run) as review:
        drawn = [one.comment_id for one in draw(review, size, 1, "an analyst")]
        said = []
        for n, line in enumerate(review.lines([review.number_of(one) for one in drawn])):
            for facet in review.facets:
                if (codes := code(n, line.facets[facet.id].machine)) is not None:
                    said.append((line.comment_id, facet.id, codes))
        review.store.check("an analyst", "screen", said)
    return run


@pytest.fixture
def unchecked(office, tmp_path):
    """A run that nobody has checked yet."""
    return Path(shutil.copytree(office / "last-year", tmp_path / "run"))


def test_only_what_was_coded_of_the_sample_counts_as_checked_and_the_rest_is_told(unchecked):
    found = find(sampled(unchecked, 80, lambda n, machine: machine if n < 50 else None), Asked())
    assert (found.drawn, found.coders) == (50, 1)
    assert "1 person coded 50 comments, drawn at random" in tell(found).lead[2]
    with Store(unchecked) as store:
        left = len(store.sample()) - 50
    assert found.limits[-1] == (
        f"Of the comments drawn for the check {left} have not been coded. The corrected shares are right only if these "
        "were not passed over for what they say."
    )


def test_a_coder_who_gave_no_code_at_all_is_told(unchecked):
    found = find(sampled(unchecked, 80, lambda _, machine: ()), Asked())
    drawn = found.drawn
    assert found.limits[-2:] == tuple(
        f"One of those who coded the check sample gave none of {drawn} comments a code of {facet}. If that was not "
        "meant, the corrected shares are wrong."
        for facet in ("Design principle", "Theme")
    )


def test_too_small_a_sample_corrects_nothing(unchecked):
    found = find(sampled(unchecked, 20, lambda _, machine: machine), Asked())
    assert {row.status for row in found.tables.rows} <= {NOT_CHECKED, SUPPRESSED}
    assert tell(found).lead[2].startswith("Not checked: 1 person coded 20 comments")


# ---- what cannot be found --------------------------------------------------------------------------------------------


def refused(run, **asked):
    with pytest.raises(InputError) as caught:
        find(run, Asked(**asked))
    return str(caught.value)


def test_of_three_people_no_file_for_publication_says_anything_but_that_they_are_three(tmp_path):
    few = write_run(tmp_path / "few", 3, 3)
    asked = Asked(("Sex", "stakeholder"), populations=(("Sex", tmp_path / "sexes.csv"),))
    (tmp_path / "sexes.csv").write_text(SEXES, encoding="utf-8")
    findings = find(few, asked)
    assert {row.status for row in findings.tables.rows} == {SUPPRESSED}
    assert {claim.about for claim in findings.claims} == {"reading", "size"}
    assert (findings.tables.groups, findings.attributes, findings.quotes, findings.piles) == ((), (), (), ())
    write_all(findings, few, tmp_path / "out", asked, public=True)
    with (tmp_path / "out" / "power-bi" / "groups.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == 1
    texts = {one["text"] for one in csv.DictReader((few / "coded.csv").read_text("utf-8").splitlines())}
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert [one for one in (*texts, "Female", "0.0 %") if one in page] == []


def test_a_run_of_the_same_export_is_no_earlier_one(run, office):
    other = office / "again"
    shutil.copytree(run, other, dirs_exist_ok=True)
    for same in (run, other):
        assert refused(run, against=same) == (
            f"{same}: coded the same export as {run.name}, so there is no change to tell. "
            "Fix: name a run of an earlier export"
        )


def test_a_run_of_another_codebook_is_not_compared(run, office, tmp_path):
    other = Path(shutil.copytree(office / "last-year", tmp_path / "other"))
    book = (other / "codebook.toml").read_text(encoding="utf-8")
    (other / "codebook.toml").write_text(book.replace("The comment is about openness", "All on openness"), "utf-8")
    assert refused(run, against=other).startswith(f"{other}: was coded with another codebook than {run.name}")


def test_a_population_is_of_respondents_not_of_comments(run, office):
    for column in ("question", "theme"):
        assert refused(run, populations=((column, office / "sexes.csv"),)) == (
            f"{run}: respondents are under several values of {column!r}. "
            "Fix: choose a column that says something of the respondent, such as a ward or an age"
        )


def test_a_population_that_fits_no_value_is_refused(run, office):
    assert refused(run, populations=(("Tenure", office / "sexes.csv"),)).startswith(
        "sexes.csv: none of its values (“Female” and “Male”) is a value of “Tenure”. Fix: name them as in the export:"
    )


def test_a_column_with_too_few_under_each_value_is_not_weighted_by_and_that_is_said(office, tmp_path):
    wards = tmp_path / "wards.csv"
    rows = "".join(f"Ward {n},100\n" for n in range(1, 13))
    wards.write_text(f"Ward,People\n{rows}", encoding="utf-8")
    few = "Not weighted by “Ward”: too few respondents under its values."
    (ward,) = find(office / "few", Asked(populations=(("Ward", wards),), smallest=0)).attributes
    assert (ward.weighted, ward.weighted_by, ward.weighting) == ((), (), (few,))
    asked = Asked(populations=(("Ward", wards), ("Sex", office / "sexes.csv")), smallest=0)
    ward, sex = find(office / "few", asked).attributes
    assert (ward.column, ward.weighted_by, few in ward.weighting) == ("Ward", ("Sex",), True)
    assert "the population’s make-up by “Sex”." in ward.weighting[0]
    assert (sex.weighted, sex.weighting) == ((), ())
    assert all(one.weighted is not None for one in ward.weighted)


# ---- all outputs hold the same ---------------------------------------------------------------------------------------


def page_tables(path):
    """(caption, header, rows) of each table of the page, cells as they are read."""
    for table in html.fromstring(path.read_bytes()).iter("table"):
        caption = " ".join(table.find("caption").text_content().split()).partition(". ")[2]
        rows = [[" ".join(cell.text_content().split()) for cell in row.iter("th", "td")] for row in table.iter("tr")]
        yield caption, rows[0], rows[1:]


def word_tables(path):
    """The same of the Word file; a table's caption is the paragraph before it."""
    body = docx.Document(path).element.body
    name = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    before = ""
    for part in body.iter(f"{name}p", f"{name}tbl"):
        if part.tag == f"{name}tbl":
            rows = [[_text(cell, name) for cell in row.iter(f"{name}tc")] for row in part.iter(f"{name}tr")]
            yield before.partition(". ")[2], rows[0], rows[1:]
        elif not any(True for _ in part.iterancestors(f"{name}tbl")):
            before = _text(part, name)


def _text(element, name):
    words = ["\n" if one.tag == f"{name}br" else one.text or "" for one in element.iter(f"{name}t", f"{name}br")]
    return " ".join("".join(words).split())


def sheet_rows(path):
    """Sheet title → rows as dicts by header, the header the first row with a `Share`."""
    found = {}
    for sheet in openpyxl.load_workbook(path, data_only=True):
        rows = list(sheet.iter_rows(values_only=True))
        top = next((n for n, row in enumerate(rows) if "Share" in row and "Status" in row), None)
        if top is not None:
            found[sheet.title] = [dict(zip(rows[top], row, strict=True)) for row in rows[top + 1 :] if row[0]]
    return found


def csv_rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def starred(folder):
    """(facet, code, group, value) → row of the frequencies for Power BI."""
    tables = {
        name: pq.read_table(folder / f"{name}.parquet").to_pylist() for name in ("codes", "groups", "frequencies")
    }
    codes = {one["code_key"]: (one["facet"], one["code"]) for one in tables["codes"]}
    groups = {
        one["group_key"]: (None, None) if one["overall"] else (one["column_name"], one["value"])
        for one in tables["groups"]
    }
    return {(*codes[one["code_key"]], *groups[one["group_key"]]): one for one in tables["frequencies"]}


def places(tables):
    return {(row.facet, row.code, row.group, row.value): row for row in tables.rows}


def test_the_files_for_machines_hold_every_row_of_the_tables(found, written):
    expected = {
        place: tuple(getattr(row, name) for name in (*NUMBERS, "status")) for place, row in places(found.tables).items()
    }
    star = {place: tuple(one[name] for name in (*NUMBERS, "status")) for place, one in starred(written / STAR).items()}
    assert star == expected
    pack = {
        (one["facet"], one["code"], one["group"] or None, one["value"] or None): tuple(
            _number(one[name]) for name in (*NUMBERS, "status")
        )
        for one in csv_rows(written / PACK / "frequencies.csv")
    }
    assert pack == expected
    rows = json.loads(as_json(found.tables))["rows"]
    assert {
        (one["facet"], one["code"], one["group"], one["value"]): tuple(one[name] for name in (*NUMBERS, "status"))
        for one in rows
    } == expected
    assert as_csv(found.tables) == (written / PACK / "frequencies.csv").read_bytes()


def _number(cell):
    """A cell of a CSV file as it is in the record."""
    if cell == "[c]":
        return None
    return float(cell) if cell[:1].isdigit() else cell


def test_the_workbook_holds_every_row_of_the_tables(found, written):
    sheets = sheet_rows(written / TABLES)
    for facet, heading in found.tables.headings.items():
        for group in (None, *found.tables.groups):
            title = heading if group is None else f"{heading} by {group}"
            rows = {(one["Code"], one.get("Value")): one for one in sheets[title]}
            expected = {(row.code or "[z]", row.value): row for row in found.tables.of(facet, group)}
            assert rows.keys() == expected.keys()
            for place, row in expected.items():
                cells = [rows[place][name] for name in ("Respondents", "Share", "Low 95 %", "High 95 %", "Status")]
                numbers = [row.respondents, row.share, row.low, row.high]
                shown = ["[c]" if one is None else pytest.approx(one, rel=1e-12) for one in numbers]
                assert cells == [*shown, row.status]


@pytest.mark.parametrize(("name", "read"), [(PAGE, page_tables), (WORD, word_tables)])
def test_the_page_and_the_word_file_print_the_same_shares(found, written, name, read):
    printed = list(read(written / name))
    for facet, heading in found.tables.headings.items():
        (table,) = [one for one in printed if one[0].startswith(f"{heading}: how ")]
        _, header, lines = table
        at = [header.index(one) for one in ("Respondents", "Share", "95 % interval", "Status")]
        assert {line[0]: [line[n].replace("\xa0", " ") for n in at] for line in lines} == {
            row.name: [_count(row.respondents), *_printed(row), row.status] for row in found.tables.of(facet)
        }


def _count(count):
    return "[c]" if count is None else f"{count:,}"


def _printed(row):
    if row.share is None:
        return ["[c]", "[c]"]
    return [percent(row.share), f"{100 * row.low:.1f} to {percent(row.high)}"]


def test_the_page_and_the_word_file_print_every_cell_by_group(found, written):
    for read, name in ((page_tables, PAGE), (word_tables, WORD)):
        printed = {}
        for caption, header, lines in read(written / name):
            for group in found.tables.groups:
                if f" by {group}: share of the respondents" in caption:
                    heading = caption.partition(f" by {group}")[0]
                    values = [column.replace("\xa0", " ").rpartition(" (n")[0] for column in header]
                    for line in lines:
                        printed |= {
                            (heading, group, value, line[0]): cell
                            for value, cell in zip(values[2:], line[2:], strict=True)
                        }
        expected = {
            (found.tables.headings[row.facet], row.group, row.value, row.name): row
            for row in found.tables.rows
            if row.group
        }
        assert printed.keys() == expected.keys()
        for place, row in expected.items():
            shown = "[c]" if row.share is None else percent(row.share)
            assert printed[place].replace("\xa0", " ").startswith(shown)


# ---- small counts of the check sample --------------------------------------------------------------------------------


def sample_of(**pairs):
    """How the machine and people coded a sample of fifty: code → (comments of the machine, of people, of both)."""
    return tuple(
        CodeCheck(
            *(code, 50, both, estimate(both / machine, machine) if machine else None),
            *(estimate(both / people, people) if people else None, None),
            *(estimate(machine / 50, 50), estimate(people / 50, 50)),
        )
        for code, (machine, people, both) in pairs.items()
    )


def test_few_comments_of_the_sample_are_few_by_people_or_by_the_tool_and_none_is_not_few():
    codes = sample_of(bins=(9, 4, 3), buses=(1, 12, 1), parks=(0, 0, 0), rents=(7, 0, 0), roads=(5, 5, 1))
    assert few_in_sample(codes, (), exclusive=False, smallest=5) == {"bins", "buses"}
    assert few_in_sample(codes, (), exclusive=False, smallest=0) == set()


def test_where_a_comment_has_one_code_the_only_one_that_is_hidden_takes_another_with_it():
    codes = sample_of(bins=(9, 4, 3), buses=(11, 12, 9), parks=(0, 0, 0), roads=(10, 9, 5))
    assert few_in_sample(codes, (), exclusive=True, smallest=5) == {"bins", "roads"}
    assert few_in_sample(codes, ("buses",), exclusive=True, smallest=5) == {"bins"}
    assert few_in_sample(codes, ("bins",), exclusive=True, smallest=3) == {"roads"}
    assert few_in_sample(codes[1:], (), exclusive=True, smallest=5) == set()


def test_what_is_found_of_the_sample_has_no_small_count_and_no_measure_that_tells_one(tmp_path):
    run = write_run(tmp_path / "spring", 300, 240)
    check_and_decide(run, 60, 1)
    found = find(run, Asked())
    with Review(run) as review:
        machine = {(one.facet.id, code.code): code for one in measure(review).facets for code in one.machine.codes}
    small = {
        place
        for place, code in machine.items()
        if any(0 < (figure.n if figure else 0) < 5 for figure in (code.precision, code.recall))
    }
    nothing = {(one.facet, one.code) for one in found.checked if one.comments is None}
    assert nothing == small & {(one.facet, one.code) for one in found.checked} != set()
    assert {(one.precision, one.recall, one.alpha) for one in found.checked if one.comments is None} == {(None,) * 3}
    assert min(one.comments for one in found.checked if one.comments) >= 5


def test_every_output_has_the_mark_in_place_of_the_small_counts_of_the_sample(tmp_path):
    few, many = invented_findings().checked[:2]
    hidden = Checked(few.facet, few.code, None, None, None, None)
    findings = invented_findings(checked=(hidden, many))
    table = next(one for one in tell(findings).sections if one.id == "check").blocks[-1]
    assert table.rows == (
        ("Community-led", None, None, None, None),
        ("Transparent", 20, "80 %\n(60 to 92)", "70 %\n(50 to 85)", "0.75\n(0.60 to 0.88)"),
    )
    assert table.note.endswith("[c]: not published, as few comments of the sample have it.")
    assert "| Community-led | [c] | [c] | [c] | [c] |" in transparency_record(findings)
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(findings)))["Check sample"]
    lines = [[cell.value for cell in row] for row in book.iter_rows() if row[2].value == few.code]
    assert lines == [["Design principle", "Community-led", few.code, *["[c]"] * 10]]
    write_pack(findings, tmp_path / "pack")
    with (tmp_path / "pack" / "codes.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = [one for one in csv.DictReader(file) if one["code"] == few.code]
    assert {row[name] for name in ("checked_comments", "precision", "recall_high", "alpha_low")} == {"[c]"}
    page = (tmp_path / "pack" / "evidence.html").read_text(encoding="utf-8")
    assert "Check: [c], as few comments of the sample have it." in page


# ---- nothing suppressed is anywhere ----------------------------------------------------------------------------------


def test_no_number_of_a_suppressed_cell_is_in_any_finding(found):
    hidden = {place for place, row in places(found.tables).items() if row.status == SUPPRESSED}
    assert hidden
    for place in hidden:
        row = places(found.tables)[place]
        assert [getattr(row, name) for name in NUMBERS] == [None] * len(NUMBERS)
    codes = {(facet, code) for facet, code, group, _ in hidden if group is None}
    assert not {(one.facet, one.code) for one in found.checked} & codes
    assert not {(one.facet, one.code) for one in found.quotes} & codes
    assert not {(one.facet, one.code) for one in found.tables.corrections} & codes
    assert all(one.now is None and one.difference is None for one in found.changed if (one.facet, one.code) in codes)
    assert all(
        one.share is None and one.weighted is None
        for attribute in found.attributes
        for one in attribute.weighted
        if (one.facet, one.code) in codes
    )


def test_claims_tell_no_number_of_a_suppressed_cell(found):
    """A sentence about one value names no suppressed code of it, but to say that they are too few."""
    for claim in found.claims:
        if claim.kind != "few" and claim.value is not None:
            hidden = {
                row.code
                for row in found.tables.of(claim.facet, claim.group)
                if row.value == claim.value and row.status == SUPPRESSED
            }
            assert not hidden & set(claim.codes)


def test_no_quote_is_from_a_suppressed_cell_of_a_group(found, run):
    hidden = {place for place, row in places(found.tables).items() if row.status == SUPPRESSED and row.group}
    with Review(run) as review:
        for quote in found.quotes:
            (line,) = review.lines([review.number_of(quote.comment_id)])
            for group in found.tables.groups:
                value = line.others[group].strip() or "(not given)"
                assert (quote.facet, quote.code, group, value) not in hidden


def test_what_respondents_wrote_is_in_the_private_files_only(found, run, asked, written, tmp_path):
    with Review(run) as review:
        texts = {line.text for line in review.lines(list(range(1, review.total + 1)))}
        ids = {line.response_id for line in review.lines(list(range(1, review.total + 1)))}
    private = "\n".join(path.read_text("utf-8-sig") for path in (written / STAR).glob("*.csv"))
    assert all(text.replace('"', '""') in private for text in texts)
    write_all(found, run, tmp_path / "public", asked, public=True)
    names = {path.name for path in (tmp_path / "public" / STAR).iterdir()}
    assert names.isdisjoint({"comments.csv", "responses.csv", "comment_code.csv", "comments.parquet"})
    public = "\n".join(path.read_text("utf-8-sig") for path in (tmp_path / "public" / STAR).glob("*.csv"))
    assert not [text for text in texts if text in public]
    assert not [one for one in ids if f'"{one}"' in public]


# ---- all is written, or nothing --------------------------------------------------------------------------------------


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_that_is_there_is_left_as_it_is(found, run, asked, written):
    before = contents(written)
    with pytest.raises(OutputError, match=r"is there already\. Fix: choose another folder, or add --replace"):
        write_all(found, run, written, asked)
    assert contents(written) == before


def test_an_earlier_report_is_replaced_and_what_others_put_there_stays(run, asked, written, tmp_path, office):
    folder = Path(shutil.copytree(written, tmp_path / "report"))
    (folder / "minutes.txt").write_text("Ours.", encoding="utf-8")
    (folder / "attachments").mkdir()
    (folder / "attachments" / "map.png").write_bytes(b"map")
    other = find(office / "last-year", Asked())
    write_all(other, office / "last-year", folder, Asked(), replace_=True)
    after = contents(folder)
    assert (after[Path("minutes.txt")], after[Path("attachments/map.png")]) == (b"Ours.", b"map")
    assert after[Path(PAGE)] != contents(written)[Path(PAGE)]
    assert after.keys() == contents(written).keys() | {Path("minutes.txt"), Path("attachments/map.png")}


@pytest.mark.parametrize("name", [STAR, PACK])
def test_a_file_of_somebody_else_among_ours_stops_it_before_anything_is_changed(
    found, run, asked, written, tmp_path, name
):
    folder = Path(shutil.copytree(written, tmp_path / "report"))
    (folder / name / "notes.txt").write_text("Ours.", encoding="utf-8")
    (folder / PAGE).write_text("an earlier page", encoding="utf-8")
    before = contents(folder)
    with pytest.raises(OutputError) as caught:
        write_all(found, run, folder, asked, replace_=True)
    assert str(caught.value) == f"{folder / name}: is there and holds something else. Fix: choose another folder"
    assert contents(folder) == before


def test_what_fails_on_the_way_leaves_no_folder_and_no_half_made_files(found, run, asked, tmp_path):
    (run / "comments.db").rename(run / "away.db")
    try:
        with pytest.raises(InputError):
            write_all(found, run, tmp_path / "a" / "report", asked)
    finally:
        (run / "away.db").rename(run / "comments.db")
    assert contents(tmp_path) == {}
    assert not (tmp_path / "a" / "report").exists()


def test_one_output_is_written_by_its_ending(found, tmp_path):
    for name in ("page.html", "page.HTML", "report.docx", "tables.xlsx"):
        write_one(found, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.HTML", "page.html", "report.docx", "tables.xlsx"]
    with pytest.raises(OutputError, match=r"is there already\. Fix: choose another name, or add --replace"):
        write_one(found, tmp_path / "page.html")
    write_one(found, tmp_path / "page.html", replace_=True)
