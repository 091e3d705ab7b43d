import csv
import json
import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from pipeline.counting.grouping import Group
from pipeline.counting.table_notes import COMBINED
from pipeline.counting.tables import Row, frequency_tables, wilson
from pipeline.errors import CodebookError, InputError

CODEBOOK = """
name = "Test book"

[[facet]]
id = "principle"
name = "Design principle"

[[facet.code]]
id = "led"
name = "Community-led"

[[facet.code]]
id = "open"
name = "Transparent"

[[facet.code]]
id = "new"
name = "Empowered to innovate"

[[facet.code]]
id = "own"
name = "Accountable"

[[facet]]
id = "stakeholder"
name = "Stakeholder group"
exclusive = true

[[facet.code]]
id = "residents"
name = "Residents"

[[facet.code]]
id = "staff"
name = "Council staff"

[[wording]]
id = "slides"
name = "Proposal slides"
facet = "principle"
entries = [
  { code = "led", relation = "narrower", names = ["User-centric"], note = "Fewer decisions." },
  { code = "open", relation = "none", note = "Nothing answers to it." },
  { code = "new", relation = "split", names = ["Enabling", "Innovative"] },
  { code = "own", relation = "same", names = ["Accountable"] },
]

[[wording]]
id = "report"
name = "Scrutiny report"
facet = "principle"
entries = [
  { code = "led", relation = "same", names = ["Community-led"] },
  { code = "open", relation = "overlaps", names = ["Outward facing"], note = "A rough guide." },
  { code = "new", relation = "same", names = ["Empowered to innovate"] },
  { code = "own", relation = "same", names = ["Accountable"] },
]
"""

HEADER = [
    *("comment_id", "response_id", "question", "text", "Ward", "=Age"),
    *("principle", "principle_probability", "stakeholder", "stakeholder_probability", "stakeholder_source"),
    *("review", "doubts"),
]

# response, question, ward, age, principle, stakeholder, source
COMMENTS = [
    ("r1", "Q1", "Bow", "NA", "Community-led|Transparent", "Residents", "given"),
    ("r1", "Q2", "Bow", "NA", "Community-led", "Residents", "given"),
    ("r2", "Q1", "Bow", "'=1+1", "", "Residents", "inferred"),
    ("r2", "Q2", "Bow", "'=1+1", "Transparent", "Residents", "inferred"),
    ("r3", "Q1", "Poplar", "NA", "", "Council staff", "given"),
    ("r3", "Q2", "Poplar", "NA", "", "Council staff", "given"),
    ("r4", "Q1", " Bow ", "None", "Empowered to innovate", "", ""),
    ("r5", "Q1", "", "None", "Community-led|Empowered to innovate|Transparent", "Council staff", "inferred"),
    ("r6", "Q2", "", "None", "", "Residents", "inferred"),
    ("r7", "Q1", "  ", "30", "Community-led", "Residents", "given"),
    ("r7", "Q2", "", "30", "Community-led", "Residents", "given"),
    ("r8", "Q1", "Poplar", "30", "Transparent", "Residents", "inferred"),
]

COUNTS = {
    "responses": 10,
    "comments": 15,
    "blank": 5,
    "no_content": 2,
    "not_english": 1,
    "rejected": 1,
    "coded": 12,
}

NOTES = (
    "Base: 8 respondents of 10 who wrote something with content; "
    "a respondent may have several codes, so shares do not add up to 100 %.",
    "12 comments coded. Set apart and not in the tables: 2 without content (such as “n/a”), 1 not in English, "
    "1 row of the export rejected; 5 answers left blank.",
    "The codes were given by the tool and have not been checked by people; the shares are those of its codes.",
    "The interval is Wilson's 95 % interval of a share. It allows for chance in who answered, "
    "not for errors of the tool, nor for who chose not to answer.",
    "Stakeholder group: inferred by the tool for 4 respondents, given in the export for 3, not known for 1.",
)


def make_run(folder, comments=COMMENTS, counts=COUNTS, header=HEADER, codebook=CODEBOOK):
    folder.mkdir(exist_ok=True)
    (folder / "codebook.toml").write_text(codebook, encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps({**counts, "seed": 1}), encoding="utf-8")
    with (folder / "coded.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for n, (response, question, ward, age, principle, stakeholder, source) in enumerate(comments):
            text = 'two\nlines, "quoted"'
            coded = [principle, "0.9", stakeholder, "0.8", source, "no", ""]
            writer.writerow([f"c{n}", response, question, text, ward, age, *coded])
    return folder


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run")


def counted(rows):
    return [(row.value, row.code, row.comments, row.respondents, row.base, row.inferred) for row in rows]


def test_the_whole_overall_table_is_as_counted_by_hand(run):
    tables = frequency_tables(run)
    low, high = wilson(3, 8)
    assert tables.rows[0] == Row(
        *("principle", "led", "Community-led", None, None), 5, 3, 8, 0.375, low, high, "not checked", 0, 5, 0.375
    )
    assert [(row.facet, row.name, *counted([row])[0]) for row in tables.rows] == [
        ("principle", "Community-led", None, "led", 5, 3, 8, 0),
        ("principle", "Transparent", None, "open", 4, 4, 8, 0),
        ("principle", "Empowered to innovate", None, "new", 2, 2, 8, 0),
        ("principle", "Accountable", None, "own", 0, 0, 8, 0),
        ("principle", "(no code)", None, "", 4, 2, 8, 0),
        ("stakeholder", "Residents", None, "residents", 8, 5, 8, 3),
        ("stakeholder", "Council staff", None, "staff", 3, 2, 8, 1),
    ]
    assert {row.status for row in tables.rows} == {"not checked"}
    assert (tables.title, tables.responses, tables.base, tables.wording) == ("Test book", 10, 8, None)
    assert tables.notes == NOTES
    assert tables.headings == {"principle": "Design principle", "stakeholder": "Stakeholder group"}
    assert tables.groups == ()


def test_a_campaign_is_told_and_its_comments_are_counted_both_one_by_one_and_once(tmp_path):
    """Of a pair alike nothing is told; within one value of a group, a campaign is counted where it is met."""
    run = make_run(tmp_path / "run")
    campaigns = ["7", "7", "", "7", "", "", "", "2", "2", "7", "7", ""]
    sizes = ["5", "5", "1", "5", "1", "1", "1", "2", "2", "5", "5", "1"]
    with (run / "coded.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    with (run / "coded.csv").open("w", encoding="utf-8-sig", newline="") as file:
        added = [[*row, *cells] for row, *cells in zip(rows, campaigns, sizes, strict=True)]
        csv.writer(file).writerows([[*header, "campaign", "campaign_size"], *added])
    tables, plain = frequency_tables(run, by=["Ward"]), frequency_tables(make_run(tmp_path / "plain"), by=["Ward"])
    assert [replace(row, comments_once=row.comments) for row in tables.rows] == list(plain.rows)
    assert [(row.code, row.comments, row.comments_once) for row in tables.of("principle")] == [
        ("led", 5, 2),
        ("open", 4, 3),
        ("new", 2, 2),
        ("own", 0, 0),
        ("", 4, 4),
    ]
    by_ward = {(row.value, row.code): (row.comments, row.comments_once) for row in tables.of("principle", "Ward")}
    assert by_ward["Bow", "led"] == (2, 1)
    assert by_ward["(not given)", "led"] == (3, 2)
    told = (
        "Every submission is counted. 5 of the 12 comments belong to 1 campaign, 3 or more comments of the same or "
        "nearly the same words; with each campaign counted once there would be 8 comments."
    )
    assert tables.notes == (*plain.notes[:3], told, *plain.notes[3:])


def test_a_group_has_its_own_base_largest_value_first_and_those_without_one_last(run):
    tables = frequency_tables(run, by=["Ward"])
    assert counted(tables.of("principle", "Ward")) == [
        ("Bow", "led", 2, 1, 3, 0),
        ("Bow", "open", 2, 2, 3, 0),
        ("Bow", "new", 1, 1, 3, 0),
        ("Bow", "own", 0, 0, 3, 0),
        ("Bow", "", 1, 0, 3, 0),
        ("Poplar", "led", 0, 0, 2, 0),
        ("Poplar", "open", 1, 1, 2, 0),
        ("Poplar", "new", 0, 0, 2, 0),
        ("Poplar", "own", 0, 0, 2, 0),
        ("Poplar", "", 2, 1, 2, 0),
        ("(not given)", "led", 3, 2, 3, 0),
        ("(not given)", "open", 1, 1, 3, 0),
        ("(not given)", "new", 1, 1, 3, 0),
        ("(not given)", "own", 0, 0, 3, 0),
        ("(not given)", "", 1, 1, 3, 0),
    ]
    assert counted(tables.of("stakeholder", "Ward")) == [
        ("Bow", "residents", 4, 2, 3, 1),
        ("Bow", "staff", 0, 0, 3, 0),
        ("Poplar", "residents", 1, 1, 2, 1),
        ("Poplar", "staff", 2, 1, 2, 0),
        ("(not given)", "residents", 3, 2, 3, 1),
        ("(not given)", "staff", 1, 1, 3, 1),
    ]
    assert tables.rows[:7] == frequency_tables(run).rows
    assert tables.notes == (
        *NOTES,
        "By Ward: the base is the respondents who wrote something with content under that value.",
    )


def test_a_question_counts_those_who_answered_it(run):
    tables = frequency_tables(run, by=["question"])
    assert counted(tables.of("principle", "question")) == [
        ("Q1", "led", 3, 3, 7, 0),
        ("Q1", "open", 3, 3, 7, 0),
        ("Q1", "new", 2, 2, 7, 0),
        ("Q1", "own", 0, 0, 7, 0),
        ("Q1", "", 2, 2, 7, 0),
        ("Q2", "led", 2, 2, 5, 0),
        ("Q2", "open", 1, 1, 5, 0),
        ("Q2", "new", 0, 0, 5, 0),
        ("Q2", "own", 0, 0, 5, 0),
        ("Q2", "", 2, 2, 5, 0),
    ]
    assert tables.notes[5:] == (
        "By question: the base is the respondents who wrote something with content under that value.",
        "By question: 4 respondents counted under more than one value.",
    )


def test_inferred_values_of_a_facet_are_kept_apart_and_marked(run):
    tables = frequency_tables(run, by=["stakeholder"])
    assert counted(tables.of("principle", "stakeholder")) == [
        ("Residents (inferred)", "led", 0, 0, 3, 0),
        ("Residents (inferred)", "open", 2, 2, 3, 0),
        ("Residents (inferred)", "new", 0, 0, 3, 0),
        ("Residents (inferred)", "own", 0, 0, 3, 0),
        ("Residents (inferred)", "", 2, 1, 3, 0),
        ("Residents", "led", 4, 2, 2, 0),
        ("Residents", "open", 1, 1, 2, 0),
        ("Residents", "new", 0, 0, 2, 0),
        ("Residents", "own", 0, 0, 2, 0),
        ("Residents", "", 0, 0, 2, 0),
        ("Council staff", "led", 0, 0, 1, 0),
        ("Council staff", "open", 0, 0, 1, 0),
        ("Council staff", "new", 0, 0, 1, 0),
        ("Council staff", "own", 0, 0, 1, 0),
        ("Council staff", "", 2, 1, 1, 0),
        ("Council staff (inferred)", "led", 1, 1, 1, 0),
        ("Council staff (inferred)", "open", 1, 1, 1, 0),
        ("Council staff (inferred)", "new", 1, 1, 1, 0),
        ("Council staff (inferred)", "own", 0, 0, 1, 0),
        ("Council staff (inferred)", "", 0, 0, 1, 0),
        ("(not given)", "led", 0, 0, 1, 0),
        ("(not given)", "open", 0, 0, 1, 0),
        ("(not given)", "new", 1, 1, 1, 0),
        ("(not given)", "own", 0, 0, 1, 0),
        ("(not given)", "", 0, 0, 1, 0),
    ]
    assert tables.of("stakeholder", "stakeholder") == ()


def test_a_facet_of_several_codes_counts_those_who_have_both(run):
    rows = frequency_tables(run, by=["principle"]).of("principle", "principle")
    both = {(row.value, row.name): row.comments for row in rows if row.comments}
    assert both == {
        ("Transparent", "Community-led"): 2,
        ("Transparent", "Transparent"): 4,
        ("Transparent", "Empowered to innovate"): 1,
        ("Community-led", "Community-led"): 5,
        ("Community-led", "Transparent"): 2,
        ("Community-led", "Empowered to innovate"): 1,
        ("Empowered to innovate", "Community-led"): 1,
        ("Empowered to innovate", "Transparent"): 1,
        ("Empowered to innovate", "Empowered to innovate"): 2,
        ("(no code)", "(no code)"): 4,
    }


def test_na_and_none_are_text_and_escaped_cells_read_as_the_respondent_wrote_them(run):
    rows = frequency_tables(run, by=["=Age"]).of("stakeholder", "=Age")
    bases = {row.value: row.base for row in rows}
    assert list(bases.items()) == [("None", 3), ("30", 2), ("NA", 2), ("=1+1", 1)]


def test_a_column_of_the_export_called_like_a_facet_is_not_mistaken_for_it(run):
    header = ["principle" if name == "Ward" else name for name in HEADER]
    make_run(run, header=header)
    assert frequency_tables(run).rows[0].respondents == 3


def test_a_facet_that_was_not_coded_has_no_table_but_a_note(run):
    make_run(run, header=["group" if name == "stakeholder" else name for name in HEADER])
    tables = frequency_tables(run)
    assert {row.facet for row in tables.rows} == {"principle"}
    assert tables.notes == (*NOTES[:4], "Stakeholder group: not coded in this run, so there is no table of it.")


def test_without_a_source_everything_counts_as_inferred(run):
    make_run(run, header=["source" if name == "stakeholder_source" else name for name in HEADER])
    assert [row.inferred for row in frequency_tables(run).of("stakeholder")] == [5, 2]


def test_names_follow_a_published_wording_with_its_caveats(run):
    tables = frequency_tables(run, by=["principle"], wording="slides")
    assert [row.name for row in tables.of("principle")] == [
        "User-centric",
        "Transparent (no counterpart)",
        "Enabling / Innovative",
        "Accountable",
        "(no code)",
    ]
    assert [row.name for row in tables.of("stakeholder")] == ["Residents", "Council staff"]
    assert tables.wording == "Proposal slides"
    assert list(dict.fromkeys(row.value for row in tables.of("principle", "principle"))) == [
        "Transparent (no counterpart)",
        "User-centric",
        "Enabling / Innovative",
        "(no code)",
    ]
    assert tables.notes[-4:] == (
        "Names of Design principle as in: Proposal slides. What was counted are the codes of the codebook.",
        "User-centric (narrower than Community-led, which was counted): Fewer decisions.",
        "Transparent (no counterpart in this wording): Nothing answers to it.",
        "Enabling / Innovative (counted as one code, Empowered to innovate: cannot be told apart without coding again)",
    )
    overlapping = frequency_tables(run, wording="Scrutiny report").notes[-1]
    assert overlapping == "Outward facing (overlaps with Transparent, which was counted): A rough guide."


def test_a_run_in_which_nothing_was_coded_has_tables_of_noughts(run):
    make_run(run, comments=[], counts={**COUNTS, "coded": 0})
    tables = frequency_tables(run, by=["Ward", "stakeholder"])
    assert [(row.respondents, row.base, row.share, row.low, row.high) for row in tables.rows] == [(0, 0, 0, 0, 1)] * 7
    assert tables.notes[0].startswith("Base: 0 respondents of 10 ")


def test_a_changed_file_is_told_in_the_notes(run):
    make_run(run, comments=COMMENTS[:11])
    note = "coded.csv holds 11 comments, its manifest says 12: it was changed."
    assert note in frequency_tables(run).notes


def refusal(kind, *args, **options):
    with pytest.raises(kind) as caught:
        frequency_tables(*args, **options)
    return str(caught.value)


@pytest.mark.parametrize("name", ["coded.csv", "codebook.toml", "manifest.json"])
def test_a_folder_that_is_no_run_is_refused_with_the_command_that_makes_one(run, name):
    (run / name).unlink()
    fix = "Fix: make one with feedback classify EXPORT --out RUN"
    assert refusal(InputError, run) == f"{run}: is no run folder: {name} is missing. {fix}"
    assert refusal(InputError, run / "none").startswith(f"{run / 'none'}: is no run folder: coded.csv is missing. Fix:")


def test_a_column_that_is_not_there_is_refused_with_the_nearest_and_all_others(run):
    there = "question, Ward, =Age, principle, stakeholder, stakeholder_source, review, doubts"
    assert refusal(InputError, run, by=["Ward", "ward "]) == (
        f"{run / 'coded.csv'}: there is no column 'ward ' to count by. Fix: did you mean 'Ward'? There are: {there}"
    )
    assert "there is no column 'text' to count by" in refusal(InputError, run, by=["text"])


def test_a_column_of_too_many_values_is_refused(run):
    make_run(run, [(f"r{n}", "Q1", f"ward {n}", "", "", "", "") for n in range(1001)])
    assert refusal(InputError, run, by=["Ward"]) == (
        f"{run / 'coded.csv'}: 'Ward' has 1,001 different values. "
        "Fix: group them in the export, such as ages into bands, and code it again"
    )


def test_a_column_in_which_nearly_everybody_is_alone_is_refused(run):
    make_run(run, [(f"r{n}", "Q1", f"{n % 25}@example.org", "", "", "", "") for n in range(40)])
    assert refusal(InputError, run, by=["Ward"]) == (
        f"{run / 'coded.csv'}: 'Ward' has 25 different values for 40 respondents. "
        "Fix: choose a column that many share the values of"
    )


def test_bands_come_in_the_order_of_their_numbers_and_others_by_size(run):
    ages = ["75+", "18-24", "18-24", "18-24", "Under 18", "25-34", "25-34", "", "Prefer not to say", "£1,000 or over"]
    make_run(run, [(f"r{n}", "Q1", age, "", "", "", "") for n, age in enumerate(ages)])
    found = frequency_tables(run, by=["Ward"])
    assert list(dict.fromkeys(row.value for row in found.of("principle", "Ward"))) == [
        *("Under 18", "18-24", "25-34", "75+", "£1,000 or over", "Prefer not to say", "(not given)"),
    ]
    make_run(run, [(f"r{n}", "Q1", ward, "", "", "", "") for n, ward in enumerate(["East", "North", "North", "A1"])])
    found = frequency_tables(run, by=["Ward"])
    assert list(dict.fromkeys(row.value for row in found.of("principle", "Ward"))) == ["North", "A1", "East"]


def test_damaged_files_are_refused(run):
    (run / "manifest.json").write_text("{", encoding="utf-8")
    assert "manifest.json: is not valid JSON. Fix:" in refusal(InputError, run)
    (run / "manifest.json").write_text("[]", encoding="utf-8")
    assert "manifest.json: the count 'responses' is missing. Fix:" in refusal(InputError, run)
    make_run(run, [("r1", "Q1", "", "", "Comunity-led", "", "")])
    assert refusal(InputError, run) == (
        f"{run / 'coded.csv'}: 'Comunity-led' is no code of facet 'principle' in the run's codebook. "
        "Fix: the file was changed; did you mean 'Community-led'?"
    )
    (run / "coded.csv").write_bytes(b"comment_id,principle\n")
    assert "the column 'response_id' is missing. Fix: the file was changed" in refusal(InputError, run)
    (run / "coded.csv").write_bytes(b"")
    assert "coded.csv: there is no column of codes. Fix: the file was changed" in refusal(InputError, run)
    (run / "coded.csv").write_bytes(b"comment_id,response_id,principle,stakeholder\nc1,r1,caf\xe9,\n")
    assert "coded.csv: cannot be read (" in refusal(InputError, run)


def test_an_unknown_wording_is_refused_with_the_known_ones(run):
    message = "no published wording 'Slide'. Fix: use one of: slides, report"
    assert refusal(CodebookError, run, wording="Slide") == message


@pytest.mark.parametrize("base", [1, 2, 8, 131, 100_000])
def test_the_interval_is_that_of_scipy(base):
    for count in {0, 1, base // 3, base - 1, base}:
        expected = binomtest(count, base).proportion_ci(method="wilson")
        assert wilson(count, base) == pytest.approx((expected.low, expected.high), abs=1e-12)


PRINCIPLES = ["Community-led", "Transparent", "Empowered to innovate", "Accountable"]
some_comments = st.lists(
    st.tuples(
        st.integers(1, 6).map("r{}".format),
        st.sampled_from(["Q1", "Q2"]),
        st.sampled_from(PRINCIPLES).flatmap(lambda _: st.lists(st.sampled_from(PRINCIPLES), unique=True)).map("|".join),
        st.sampled_from([("", ""), ("Residents", "given"), ("Council staff", "inferred"), ("Residents", "inferred")]),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=some_comments)
def test_whatever_is_coded_the_counts_agree_with_each_other(tmp_path, drawn):
    wards = ["Bow", "Poplar", "", "NA"]
    comments = [(r, q, wards[int(r[1]) % 4], "", p, s, source) for r, q, p, (s, source) in drawn]
    tables = frequency_tables(make_run(tmp_path / "run", comments), by=["Ward", "question", "stakeholder"])
    for row in tables.rows:
        assert 0 <= row.inferred <= row.respondents <= row.comments
        assert row.respondents <= row.base <= tables.base
        assert 0 <= row.low <= row.share <= row.high <= 1
        assert all(math.isfinite(end) for end in (row.share, row.low, row.high))
    for facet in ("principle", "stakeholder"):
        overall = {row.code: (row.comments, row.respondents, row.inferred) for row in tables.of(facet)}
        summed = {code: Counter() for code in overall}
        for row in tables.of(facet, "Ward"):
            summed[row.code].update(comments=row.comments, respondents=row.respondents, inferred=row.inferred)
        if drawn:
            assert overall == {code: (n["comments"], n["respondents"], n["inferred"]) for code, n in summed.items()}
    direct = Counter(name for r, q, p, s in drawn for name in p.split("|") if name)
    people = {name: len({r for r, q, p, s in drawn if name in p.split("|")}) for name in PRINCIPLES}
    for row in tables.of("principle"):
        if row.code:
            assert (row.comments, row.respondents) == (direct[row.name], people[row.name])


COMBINATIONS = {
    "choices ticked together": (["Tenant", "Carer", "Tenant;Carer"], True),
    "with the mark at their end": (["Tenant;", "Tenant; Carer;", "Carer;Owner;", "Owner;"], True),
    "one choice each": (["Tenant", "Carer", "Owner"], False),
    "the mark at the end of one choice each": (["Tenant;", "Carer;"], False),
    "answers in words": (["No; never", "Yes; the bus is late", "Yes"], False),
    "more choices than a question has": ([f"c{n};c{n + 1}" for n in range(40)], False),
}


@pytest.mark.parametrize("case", COMBINATIONS)
def test_values_are_combinations_where_most_that_are_joined_are_of_choices_that_come_again(case):
    values, combined = COMBINATIONS[case]
    assert Group("Role", None, tuple(values), dict.fromkeys(values, 1)).combines is combined


def test_a_column_of_combinations_says_that_nobody_is_counted_under_a_choice_of_several(tmp_path):
    roles = {"r1": "Tenant", "r2": "Tenant;Carer", "r3": "Carer", "r4": "Carer"}
    comments = [(one[0], one[1], roles.get(one[0], "Tenant"), *one[3:]) for one in COMMENTS]
    found = frequency_tables(make_run(tmp_path / "run", comments), ["Ward"])
    assert f"By Ward: {COMBINED}" in found.notes
    bases = {row.value: row.base for row in found.rows if row.group == "Ward"}
    assert bases == {"Tenant": 5, "Carer": 2, "Tenant;Carer": 1}
