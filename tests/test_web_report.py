"""The page “Report” of the web app, asked without a browser: its form, what it tells, and the files it gives."""

import io
import json
import re
import shutil
import tempfile

import openpyxl
import pytest
from bench_outputs import check_and_decide, write_run
from docx import Document
from web_server import TOKEN, Visitor

from pipeline.counting.published import Asked
from pipeline.publishing.page import as_html
from pipeline.publishing.story import tell
from pipeline.reporting import find
from pipeline.settings import Settings
from pipeline.web import HEADERS, create_app, kept
from pipeline.web.populations import LARGEST, MOST
from pipeline.web.report import AT_ONCE

ADDRESS = "/runs/spring/report"
NOT_CHECKED = (
    "Not checked. What is called safe to say allows for chance, but not for errors of the tool, because nobody has "
    "checked its codes against a random sample. Draw a check sample"
)
COLUMNS_MISSING = (
    "coded.csv: the column 'response_id' is missing. What to do: the file was changed; code the export again: "
    "feedback classify EXPORT --out RUN."
)
FORM = ["Ward", "Age group", "Tenure", "Sex", "Disability", "Completed"]
SEXES = "sex,people\nFemale,160000\nMale,150000\n"
WORDINGS = ["", "cabinet-2024", "scrutiny-2024", "proposal-slides"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An invented run: three hundred comments of 240 people."""
    return write_run(tmp_path_factory.mktemp("made") / "spring", comments=300, responses=240)


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "runs" / "spring")


@pytest.fixture
def analyst(run):
    return Visitor(create_app(Settings(), run.parent, token=TOKEN))


def plain(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def headings(page):
    return [plain(found) for found in re.findall(r"<(?:h\d|summary)[^>]*>(.*?)</", page)]


def ticked(page):
    return re.findall(r'name="by" value="([^"]+)" checked', page)


def links(page):
    return re.findall(r'<li><a href="([^"]+)"', page.partition('id="files"')[2])


def options(page, of):
    return re.findall(r'<option value="([^"]*)"', re.search(f'<select id="{of}".*?</select>', page, re.DOTALL)[0])


def problem(page):
    (found,) = re.findall(r'role="alert">(.*?)</p>', page, re.DOTALL)
    return plain(found)


def test_a_small_run_is_told_at_once_facet_by_facet_with_the_words_of_the_report(analyst, run):
    assert analyst.get(ADDRESS).status_code == 200
    assert re.findall(r'name="by" value="([^"]+)"', analyst.page) == FORM
    assert options(analyst.page, "wording") == WORDINGS
    assert options(analyst.page, "column") == ["", *FORM]
    assert 'id="against"' not in analyst.page
    assert headings(analyst.page)[:3] == ["Report", "Files", "How it was counted"]
    findings = find(run, Asked())
    parts = [one for one in headings(analyst.page) if one in findings.tables.headings.values()]
    assert parts == ["Design principle", "Theme", "Stakeholder"]
    told = [plain(one) for one in re.findall(r"<li>(.*?)</li>|<p[^>]*>(.*?)</p>", analyst.page) for one in one if one]
    assert [claim.words for claim in findings.claims if claim.words not in told] == []
    assert [note for note in findings.tables.notes if note not in told] == []
    assert NOT_CHECKED in told
    assert links(analyst.page) == [f"{ADDRESS}/{name}" for name in ("report.html", "report.docx", "tables.xlsx")]


def test_of_a_large_run_nothing_is_worked_out_before_it_is_asked_for(analyst, run):
    write_run(run.parent / "large", comments=AT_ONCE + 1, responses=AT_ONCE)
    (run.parent / "large" / "coded.csv").write_text("comment_id,principle\n")  # of which nothing can be worked out
    assert analyst.get("/runs/large/report").status_code == 200
    assert headings(analyst.page) == ["Report"]
    assert "It may take some seconds; with several columns, up to a minute." in analyst.page
    assert analyst.get("/runs/large/report?wording=&show=yes").status_code == 400
    assert problem(analyst.page) == COLUMNS_MISSING


def test_columns_and_wording_stay_chosen_and_are_those_of_what_is_told_and_of_the_files(analyst):
    query = "by=Tenure&by=Sex&wording=scrutiny-2024"
    analyst.get(f"{ADDRESS}?{query}&show=yes")
    assert ticked(analyst.page) == ["Tenure", "Sex"]
    assert re.findall(r'<option value="([^"]+)" selected', analyst.page) == ["scrutiny-2024"]
    assert [address.partition("?")[2] for address in links(analyst.page)] == [query] * 3
    groups = [re.sub(r": \w+ safe to say$", "", one) for one in headings(analyst.page) if " by " in one]
    facets = ("Design principle", "Theme", "Stakeholder")
    assert groups == [f"{facet} by {column}" for facet in facets for column in ("Tenure", "Sex")]
    assert "Names of Design principle as in: Scrutiny report, 23 July 2024." in analyst.page


@pytest.mark.parametrize(
    ("query", "chosen", "told"),
    [
        (
            "by=Ward&by=Nonsense",
            ["Ward"],
            "This run has no column 'Nonsense' to make groups of. What to do: tick one of the columns below, or none.",
        ),
        (
            "by=Sex&wording=nonsense",
            ["Sex"],
            "No published wording 'nonsense'. What to do: use one of: cabinet-2024, scrutiny-2024, proposal-slides.",
        ),
    ],
)
@pytest.mark.parametrize("end", ["", "/report.html", "/tables.xlsx"])
def test_what_cannot_be_worked_out_is_told_at_the_form_as_it_was_sent(analyst, end, query, chosen, told):
    assert analyst.get(f"{ADDRESS}{end}?{query}").status_code == 400
    assert problem(analyst.page) == told
    assert (headings(analyst.page), ticked(analyst.page)) == (["Report"], chosen)


def test_a_run_that_was_changed_by_hand_is_told_at_the_form(analyst, run):
    (run / "coded.csv").write_text("comment_id,principle\n", encoding="utf-8")
    assert analyst.get(ADDRESS).status_code == 400
    assert problem(analyst.page) == COLUMNS_MISSING


def test_files_come_with_their_names_and_kinds_and_hold_what_the_command_writes(analyst, run):
    findings = find(run, Asked(("Sex",), "scrutiny-2024"))
    names = ("report.html", "report.docx", "tables.xlsx")
    got = {name: analyst.browser.get(f"{ADDRESS}/{name}?by=Sex&wording=scrutiny-2024") for name in names}
    office = "application/vnd.openxmlformats-officedocument"
    assert {name: (one.content_type, one.headers["Content-Disposition"]) for name, one in got.items()} == {
        "report.html": ("text/html; charset=utf-8", "inline; filename=spring-report.html"),
        "report.docx": (f"{office}.wordprocessingml.document", "attachment; filename=spring-report.docx"),
        "tables.xlsx": (f"{office}.spreadsheetml.sheet", "attachment; filename=spring-tables.xlsx"),
    }
    assert got["report.html"].text == as_html(tell(findings))
    heads = [one.text for one in Document(io.BytesIO(got["report.docx"].data)).paragraphs if one.text]
    assert heads[0] == tell(findings).title
    assert "Theme by Sex" in heads
    cover = openpyxl.load_workbook(io.BytesIO(got["tables.xlsx"].data))["Cover"]
    assert findings.tables.title in cover["A1"].value


def test_a_run_of_any_name_has_files_of_that_name(analyst, run):
    run.rename(run.with_name("Frühling, “2025”"))
    answer = analyst.browser.get("/runs/Frühling, “2025”/report/tables.xlsx")
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"Fruhling, 2025-tables.xlsx\"; filename*=UTF-8''"
        "Fr%C3%BChling%2C%20%E2%80%9C2025%E2%80%9D-tables.xlsx"
    )


def test_the_page_of_the_report_may_use_its_own_looks_and_nothing_else_and_the_other_pages_as_before(analyst):
    answer = analyst.get(f"{ADDRESS}/report.html")
    (own,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', answer.text)
    assert "style-src 'sha256-" in own
    assert answer.headers["Content-Security-Policy"] == f"{own}; frame-ancestors 'none'"
    assert "<script" not in answer.text
    for end in ("", "/tables.xlsx"):
        policy = analyst.browser.get(ADDRESS + end).headers["Content-Security-Policy"]
        assert policy == HEADERS["Content-Security-Policy"]
    assert {analyst.get(ADDRESS + end).headers["Cache-Control"] for end in ("", "/report.html")} == {"no-store"}


def test_it_follows_at_once_what_people_decide_and_check(analyst, run):
    analyst.get(ADDRESS)
    assert "and have not been checked by people" in analyst.page
    check_and_decide(run, checked=150, decided=7)
    analyst.get(ADDRESS)
    assert "people decided those of 7 of the 300 comments" in analyst.page
    assert "Not checked." not in analyst.page


def test_a_sample_too_small_to_correct_is_told_with_the_way_to_go_on(analyst, run):
    check_and_decide(run, checked=5, decided=1)
    analyst.get(ADDRESS)
    told = re.findall(r'<p class="message problem">(.*?)</p>', analyst.page)
    assert [plain(one).partition("because ")[2] for one in told] == [
        "the check sample is too small to correct its shares. Go on with the check sample"
    ]


def test_who_presses_while_another_report_is_worked_out_is_told_after_a_while(analyst, monkeypatch):
    monkeypatch.setattr(kept, "LONGEST_WAIT", 0.01)
    with kept.FINDING:
        assert analyst.get(f"{ADDRESS}?by=Sex").status_code == 400
    assert problem(analyst.page) == "Another report is being worked out. What to do: try again in a minute."
    assert ticked(analyst.page) == ["Sex"]
    assert analyst.get(f"{ADDRESS}?by=Sex").status_code == 200


def test_the_threshold_is_that_of_the_settings(run):
    visitor = Visitor(create_app(Settings(smallest=20), run.parent, token=TOKEN))
    visitor.get(f"{ADDRESS}?by=Disability")
    assert "Counts of fewer than 20 people are left out" in visitor.page
    assert "[c] stands in place of a count from 1 to 19" in visitor.page


def test_it_is_for_those_who_have_come_in_and_for_runs_and_files_there_are(analyst):
    stranger = Visitor(analyst.app, name="")
    for end in ("", "/report.html", "/tables.xlsx"):
        assert stranger.get(ADDRESS + end).location == "/enter"
        assert analyst.get(f"/runs/nonsense/report{end}").status_code == 404
    assert analyst.get(f"{ADDRESS}/coded.csv").status_code == 404


def test_a_column_full_of_markup_is_shown_as_text(analyst):
    analyst.browser.get(ADDRESS)
    page = analyst.browser.get(f"{ADDRESS}?by=<script>alert(1)</script>").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page


def test_quality_leads_to_it(analyst, run):
    check_and_decide(run, checked=60, decided=1)
    analyst.get("/runs/spring/quality")
    assert f'<a class="button" href="{ADDRESS}">See the report</a>' in analyst.page


# ---- the population, and an earlier run ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made_earlier(tmp_path_factory):
    """An earlier run of another export, coded with the same codebook."""
    earlier = write_run(tmp_path_factory.mktemp("earlier") / "last-year", comments=260, responses=200, seed=2)
    manifest = json.loads((earlier / "manifest.json").read_text(encoding="utf-8"))
    manifest["export"]["sha256"] = "2" * 64
    (earlier / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return earlier


@pytest.fixture
def earlier(made_earlier, run):
    return shutil.copytree(made_earlier, run.parent / "last-year")


def send(analyst, file=None, **chosen):
    """Presses Show with a table of the population, as (name, content); gives the answer, after following it."""
    with_file = {"population_file": (io.BytesIO(file[1]), file[0])} if file else {}
    answer = analyst.post(ADDRESS, token_from=ADDRESS, **chosen, **with_file)
    answer.request.environ["wsgi.input"].close()  # which the test's browser leaves open where it is large
    return analyst.get(answer.location) if answer.status_code == 303 else answer


def kept_tables(page):
    return re.findall(r'name="population" value="(\w+)" checked> (.*?)</label>', page)


def everything_below(*folders):
    return sorted(str(path) for folder in folders for path in folder.rglob("*"))


def test_an_uploaded_population_gives_what_the_command_gives_and_is_left_nowhere(analyst, run, tmp_path, monkeypatch):
    passing = tmp_path / "passing"
    passing.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(passing))
    analyst.get(ADDRESS)
    before = everything_below(run.parent, passing)
    assert send(analyst, ("sexes.csv", SEXES.encode()), column="Sex", by="Tenure").status_code == 200
    ((key, name),) = kept_tables(analyst.page)
    assert (name, ticked(analyst.page)) == ("Sex: sexes.csv", ["Tenure"])
    given = tmp_path / "sexes.csv"
    given.write_text(SEXES, encoding="utf-8")
    findings = find(run, Asked(("Tenure",), populations=(("Sex", given),)))
    (attribute,) = findings.attributes
    assert "Who answered" in headings(analyst.page)
    assert [note for note in (*attribute.notes, *attribute.weighting) if note not in plain(analyst.page)] == []
    assert [address.partition("?")[2] for address in links(analyst.page)] == [f"by=Tenure&population={key}"] * 3
    page = analyst.browser.get(links(analyst.page)[0]).text
    assert page == as_html(tell(findings))
    assert "Sex: respondents against the population" in page
    assert everything_below(run.parent, passing) == before


def test_tables_of_several_columns_stay_and_a_new_one_of_a_column_takes_the_place_of_its_old_one(analyst):
    tenures = b"tenure,people\nOwner,10\nCouncil tenant,20\n"
    send(analyst, ("sexes.csv", SEXES.encode()), column="Sex")
    (first,) = kept_tables(analyst.page)
    send(analyst, ("../old/.. <b>.csv", SEXES.encode()), column="Sex", population=first[0])
    (second,) = kept_tables(analyst.page)
    assert (second[1], second[0] == first[0]) == ("Sex: -b-.csv", False)
    send(analyst, ("tenures.csv", tenures), column="Tenure", population=second[0])
    assert [name for _, name in kept_tables(analyst.page)] == ["Sex: -b-.csv", "Tenure: tenures.csv"]
    send(analyst, population="")
    assert kept_tables(analyst.page) == []


FILE = ("sexes.csv", SEXES.encode())
NO_TABLES = {
    "a column and no file": (
        {"column": "Sex"},
        "No table of the population was chosen for 'Sex'. What to do: choose its file, or no column.",
    ),
    "a file and no column": (
        {"file": FILE},
        "sexes.csv: is a table of the population by no column. What to do: choose the column it is about.",
    ),
    "a column there is not": (
        {"file": FILE, "column": "Parish"},
        "This run has no column 'Parish' to count by. What to do: choose one of the list.",
    ),
    "too large": (
        {"file": ("sexes.csv", b"a" * (LARGEST + 1)), "column": "Sex"},
        "sexes.csv: is larger than 5 MB. What to do: keep two columns, the values and how many people each has.",
    ),
    "no table": (
        {"file": ("sexes.csv", b"Dear council"), "column": "Sex"},
        "sexes.csv: holds no names with numbers beside them. What to do: give two columns, such as `ward,population`, "
        "with a row for each value.",
    ),
    "another run that is not here": (
        {"against": "../spring"},
        "There is no other run '../spring' to tell the change against. What to do: choose one of the list, or none.",
    ),
    "the run itself": (
        {"against": "spring"},
        "There is no other run 'spring' to tell the change against. What to do: choose one of the list, or none.",
    ),
}


@pytest.mark.parametrize("case", NO_TABLES)
def test_what_cannot_be_read_is_told_in_one_line_at_the_form_as_it_was_sent(analyst, case):
    sent, told = NO_TABLES[case]
    assert (
        send(analyst, sent.get("file"), by="Sex", **{k: v for k, v in sent.items() if k != "file"}).status_code == 400
    )
    assert problem(analyst.page) == told
    assert (headings(analyst.page)[0], ticked(analyst.page)) == ("Report", ["Sex"])


def test_a_table_of_another_run_or_of_before_the_app_was_started_is_chosen_anew(analyst, run, made_earlier):
    shutil.copytree(made_earlier, run.parent / "last-year")
    send(analyst, FILE, column="Sex")
    ((key, _),) = kept_tables(analyst.page)
    anew = "A table of the population is not kept any more. What to do: choose its file again."
    other = Visitor(create_app(Settings(), run.parent, token=TOKEN))
    for visitor, name in ((other, "spring"), (analyst, "last-year")):
        assert visitor.get(f"/runs/{name}/report?population={key}").status_code == 400
        assert (problem(visitor.page), kept_tables(visitor.page)) == (anew, [])


def test_no_more_than_the_latest_tables_are_kept(analyst):
    page = analyst.get(ADDRESS)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
    for n in range(MOST + 2):
        data = {"csrf_token": token, "column": "Sex", "population_file": (io.BytesIO(FILE[1]), f"{n}.csv")}
        assert analyst.browser.post(ADDRESS, data=data).status_code == 303
    kept_now = [one.name for one in analyst.app.extensions["feedback"].uploads.values()]
    assert kept_now == [f"{n}.csv" for n in range(2, MOST + 2)]


def test_a_form_without_its_token_is_not_taken(analyst):
    analyst.get(ADDRESS)
    data = {"column": "Sex", "population_file": (io.BytesIO(FILE[1]), "sexes.csv")}
    assert analyst.browser.post(ADDRESS, data=data).status_code == 400
    assert analyst.app.extensions["feedback"].uploads == {}


def test_the_change_against_another_run_of_the_folder_is_what_the_command_tells(analyst, run, earlier):
    analyst.get(ADDRESS)
    assert options(analyst.page, "against") == ["", "last-year"]
    assert send(analyst, against="last-year").status_code == 200
    assert re.findall(r'<option value="([^"]+)" selected', analyst.page) == ["last-year"]
    findings = find(run, Asked(against=earlier))
    assert [one for one in headings(analyst.page) if "change since" in one] == [
        f"{facet}: change since last-year" for facet in findings.tables.headings.values()
    ]
    told = [plain(one) for one in re.findall(r"<li>(.*?)</li>|<p[^>]*>(.*?)</p>", analyst.page) for one in one if one]
    assert [claim.words for claim in findings.claims if claim.words not in told] == []
    assert analyst.browser.get(links(analyst.page)[0]).text == as_html(tell(findings))


def test_the_change_follows_what_people_decide_in_the_earlier_run(analyst, earlier):
    send(analyst, against="last-year")
    address = links(analyst.page)[0]
    first = analyst.browser.get(address).text
    check_and_decide(earlier, checked=150, decided=80)
    assert analyst.browser.get(address).text != first


def test_an_earlier_run_that_cannot_be_compared_is_told_without_where_it_lies(analyst, run, earlier):
    shutil.copytree(run, run.parent / "again")
    assert send(analyst, against="again").status_code == 400
    same = "again: coded the same export as spring, so there is no change to tell."
    assert problem(analyst.page) == f"{same} What to do: name a run of an earlier export."
    book = (earlier / "codebook.toml").read_text(encoding="utf-8")
    (earlier / "codebook.toml").write_text(book.replace("The comment is about openness", "All on openness"), "utf-8")
    assert send(analyst, against="last-year").status_code == 400
    assert problem(analyst.page).startswith("last-year: was coded with another codebook than spring, so that")


def test_an_app_for_one_run_offers_no_other_to_compare_with(run, earlier):
    visitor = Visitor(create_app(Settings(), run.parent, only="spring", token=TOKEN))
    visitor.get(ADDRESS)
    assert 'id="against"' not in visitor.page
    assert visitor.get(f"{ADDRESS}?against=last-year").status_code == 400
