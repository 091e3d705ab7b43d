import numpy as np
import pytest
from openpyxl import Workbook
from scipy.stats import binomtest

from pipeline.counting.findings import Represented
from pipeline.counting.population import (
    Population,
    hidden_values,
    match_values,
    membership,
    read_population,
    secret_places,
    who_answered,
)
from pipeline.errors import InputError

CENSUS = """"TS007 - Age by band"
"Crown copyright, as downloaded on 3 March"
"Population :","All usual residents"
"Units      :","Persons"
"Date       :","2021"

"Age","2021"
"Total","1,000,500"
"Aged 15 years and under","300,500"
"Aged 16 to 64 years","500,000"
"Aged 65 years and over","200,000"

To protect people, some numbers, small ones, were changed, slightly, so totals may differ
"""
BANDS = ("Aged 15 years and under", "Aged 16 to 64 years", "Aged 65 years and over")


def read(folder, text, column="", encoding="utf-8", name="people.csv"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return read_population(path, column)


def refusal(folder, text):
    with pytest.raises(InputError) as error:
        read(folder, text)
    return str(error.value).replace(str(folder / "people.csv"), "people.csv")


def people(**counts):
    return Population(tuple(counts), tuple(map(float, counts.values())), "wards.csv")


# ---- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_census_table_is_read_as_it_was_downloaded(tmp_path, encoding):
    found = read(tmp_path, CENSUS.replace("years", "années"), "Age", encoding)
    assert found == Population(
        tuple(name.replace("years", "années") for name in BANDS),
        (300_500.0, 500_000.0, 200_000.0),
        "people.csv",
        ("Read from the columns “Age” and “2021”.", "Left out as a total: “Total”."),
    )


def test_blank_rows_between_the_parts_may_be_missing(tmp_path):
    found = read(tmp_path, CENSUS.replace("\n\n", "\n"), "Age")
    assert (found.values, found.counts) == (BANDS, (300_500.0, 500_000.0, 200_000.0))
    assert found.notes[0] == "Below the table, and not read: “To protect people”."


TABLES = {
    "plain": ("value,population\nMill End,30000\nOld Town,10000\n", ("Mill End", "Old Town"), (30000, 10000)),
    "no header": ("Mill End,30000\nOld Town,10000\n", ("Mill End", "Old Town"), (30000, 10000)),
    "semicolons, per cents": ("Ward;%\nMill End;33,5 %\nOld Town;66,5 %\n", ("Mill End", "Old Town"), (33.5, 66.5)),
    "tabs, spaces": ("Ward\tPeople\nMill End\t30 000\nOld Town\t10 000\n", ("Mill End", "Old Town"), (30000, 10000)),
    "codes, per cents and a whole": (
        'Area code,Ward,Persons,%\nE05000001,Mill End,"12,345",35.6\nE05000002,Old Town,"22,345",64.4\n'
        'E06000001,Harbour borough,"34,690",100\n',
        ("Mill End", "Old Town"),
        (12345, 22345),
    ),
    "one row across": ("Area,Total,0-15,16-64,65+\nHarbour,100,20,60,20\n", ("0-15", "16-64", "65+"), (20, 60, 20)),
    "long, as census offices give it": (
        "Authorities Code,Authorities,Age (3 categories) Code,Age (3 categories),Observation\n"
        "E06000001,Harbour,-8,Does not apply,0\nE06000001,Harbour,1,Under 35,500\n"
        "E06000001,Harbour,2,35 and over,700\n",
        ("Under 35", "35 and over"),
        (500, 700),
    ),
    "ages in years": ("age,population\n18,500\n19,600\n20,700\n", ("18", "19", "20"), (500, 600, 700)),
    "names with years": ("Built,Homes\nSince 2000,500\nBefore,600\n", ("Since 2000", "Before"), (500, 600)),
}


@pytest.mark.parametrize("kind", TABLES)
def test_other_shapes_are_read(tmp_path, kind):
    text, values, counts = TABLES[kind]
    found = read(tmp_path, text)
    assert (found.values, found.counts) == (values, counts)


def test_a_workbook_is_read(tmp_path):
    book = Workbook()
    for row in (["Residents by ward"], [], ["Ward", "Residents"], ["Mill End", 30000], ["Old Town", 10000]):
        book.active.append(row)
    book.save(tmp_path / "wards.xlsx")
    found = read_population(tmp_path / "wards.xlsx")
    assert (found.values, found.counts, found.shares.tolist()) == (
        ("Mill End", "Old Town"),
        (30000, 10000),
        [0.75, 0.25],
    )


def test_the_column_of_names_is_chosen_by_its_name(tmp_path):
    text = "Area,Ward,Residents\nNorth,Mill End,30\nSouth,Old Town,10\n"
    assert read(tmp_path, text).values == ("North", "South")
    assert read(tmp_path, text, "ward").values == ("Mill End", "Old Town")


def test_a_total_that_does_not_fit_is_told(tmp_path):
    assert read(tmp_path, "ward,n\nA,10\nB,20\nAll people,50\n").notes[1:] == (
        "Left out as a total: “All people”.",
        "“All people” is 50, but the rows read add up to 30.",
    )


def test_per_cents_that_do_not_add_up_are_told(tmp_path):
    assert read(tmp_path, "ward,percent\nA,33.3\nB,50\n").notes[1:] == (
        "The per cents add up to 83.3, and are taken as parts of that.",
    )


REFUSALS = {
    "ward,n\nA,c\nB,20\nC,30\n": (
        "people.csv, row 2: “c” beside “A” is no number. Fix: write a number there, or delete the row"
    ),
    "ward,n\nB,20\nA,some\nC,30\n": (
        "people.csv, row 3: “some” beside “A” is no number. Fix: write a number there, or delete the row"
    ),
    "ward,n\nB,20\nC,30\nA,-\n": (
        "people.csv, row 4: “-” beside “A” is no number. Fix: write a number there, or delete the row"
    ),
    "ward,n\nOld Town,20\nold town ,30\n": (
        "people.csv, row 3: “Old Town” is there twice. Fix: keep one row for each value, of one area and year"
    ),
    "group,n\nWhite,20\nWhite: British,18\nWhite: Other,2\nAsian,5\n": (
        "people.csv, row 3: “White” is there, and its part “White: British” too. Fix: keep the values of one level only"
    ),
    "ward,men,women\nA,20,3\nB,30,4\n": (
        "people.csv: has several columns of numbers: “men” and “women”. "
        "Fix: keep the column of names and one of numbers"
    ),
    "ward,n\nA,-10\nB,20\nC,30\n": (
        "people.csv, row 2: “-10” beside “A” is no number. Fix: write a number there, or delete the row"
    ),
    "ward,n\nA,1e3\nB,20\nC,30\n": (
        "people.csv, row 2: “1e3” beside “A” is no number. Fix: write a number there, or delete the row"
    ),
    "ward;n\nA;1.000\nB;2.345\n": (
        "people.csv: “1.000” may be a thousand or a decimal. Fix: write numbers of people without points"
    ),
    "ward,%\nA,50\nB,70\nTotal,100\n": (
        "people.csv: the per cents add up to 120. Fix: keep one row for each value, and no value beside its parts"
    ),
    "ward\nA\nB\n": (
        "people.csv: holds no names with numbers beside them. "
        "Fix: give two columns, such as `ward,population`, with a row for each value"
    ),
    "ward,n\nA,3\n": (
        "people.csv: holds fewer than two values. Fix: give a row for each value of the attribute, with its number"
    ),
    "ward,n\nA,0\nB,0\n": (
        "people.csv: holds no people. Fix: give a row for each value of the attribute, with its number"
    ),
    "ward,n\n" + "".join(f"w{n},{n}\n" for n in range(1002)): (
        "people.csv: holds over 1,000 rows of numbers. Fix: keep the rows of one area, or group the values"
    ),
    "ward,n\n" + "".join(f"w{n},{n}\n" for n in range(6000)): (
        "people.csv: has over 5,000 rows, too many for a table of a population. "
        "Fix: keep the rows of one area, with a row for each value"
    ),
}


@pytest.mark.parametrize("text", REFUSALS, ids=range(len(REFUSALS)))
def test_what_is_not_clear_is_refused_with_a_fix(tmp_path, text):
    assert refusal(tmp_path, text) == REFUSALS[text]


# ---- matching --------------------------------------------------------------------------------------------------------


def test_values_are_matched_but_for_case_spaces_and_punctuation():
    population = Population(("Mill End", "Harbour & Docks", "65+", "65", "<18"), (1, 1, 1, 1, 1), "wards.csv")
    values = ["mill-end ", "HARBOUR AND DOCKS", "65 plus", "65", "under 18", "18", "Mill", "(not given)", ""]
    assert match_values(values, population) == {
        "mill-end ": 0,
        "HARBOUR AND DOCKS": 1,
        "65 plus": 2,
        "65": 3,
        "under 18": 4,
    }
    assert membership(["65", "Mill", "mill-end "], population).tolist() == [3, -1, 0]


@pytest.mark.parametrize(
    ("export", "census"),
    [
        ("18-24", "18 to 24"),
        ("18 – 24", "Aged 18 to 24 years"),
        ("75+", "75 and over"),
        ("75 or older", "Aged 75 years and over"),
        ("Under 18", "<18"),
        ("under 18 years", "Aged under 18 years"),
        ("Eelhithe", "Eel-Hithe"),
        ("Copper fen", "Copperfen"),
        ("St Marys", "St. Mary's"),
    ],
)
def test_bands_and_names_are_the_same_however_they_are_put(export, census):
    assert match_values([export], Population((census, "Other"), (1, 1), "x.csv")) == {export: 0}


@pytest.mark.parametrize(("export", "census"), [("18-24", "18-25"), ("1 2", "12"), ("75+", "75"), ("17", "Under 17")])
def test_other_numbers_are_not_the_same(export, census):
    assert match_values([export], Population((census, "Other"), (1, 1), "x.csv")) == {}


def test_a_misspelt_value_is_not_told_as_one_that_nobody_is_of():
    with pytest.raises(InputError) as caught:
        who_answered({"Harbour": 60, "Quilbrook": 30}, people(Harbour=300, Quillbrook=300), "Ward")
    assert str(caught.value) == (
        "wards.csv: nobody is of “Quillbrook”, but “Ward” has “Quilbrook”. Fix: write “Quilbrook” in place of "
        "“Quillbrook” if they are the same, or else leave “Quillbrook” out"
    )


# ---- who answered ----------------------------------------------------------------------------------------------------


def test_respondents_are_set_against_the_population():
    found = who_answered(
        {"Harbour": 160, "MILL END": 100, "Old Town": 60, "Mil End": 30, "Elsewhere": 3, "(not given)": 12},
        people(Harbour=300, **{"Mill End": 300, "Old Town": 390, "Quay": 10}),
        "Ward",
    )
    assert (found.column, found.source) == ("Ward", "wards.csv")
    assert [(one.value, one.respondents, one.population, one.verdict) for one in found.values] == [
        ("Harbour", 160, 0.3, "over"),
        ("Mill End", 100, 0.3, "as expected"),
        ("Old Town", 60, 0.39, "under"),
        ("Quay", 0, 0.01, "as expected"),
    ]
    first = found.values[0]
    assert (first.share, round(first.low, 3), round(first.high, 3)) == (0.5, 0.446, 0.554)
    assert found.notes == (
        "3 of the 4 values of wards.csv were found in “Ward”, by name.",
        "No respondent is of “Quay”.",
        "Not in wards.csv: “Mil End” (is it “Mill End”?) and “Elsewhere”.",
        "Left out of the comparison: 12 respondents whose “Ward” is not given.",
        "Left out of the comparison: 33 respondents whose “Ward” is not in wards.csv.",
        "Over and under allow for all 4 values at once (exact binomial tests, Holm, 5 %).",
    )


def test_a_value_is_over_or_under_only_where_an_exact_test_for_all_values_says_so():
    """Of 100, 62 in a half of the population: by itself hardly chance, but not where ten values are looked at."""
    assert binomtest(62, 100, 0.5).pvalue < 0.05
    two = who_answered({"A": 62, "B": 38}, people(A=50, B=50), "Ward")
    many = who_answered(
        {"A": 62, **{f"v{n}": 4 for n in range(9)}, "v9": 2}, people(A=50, **{f"v{n}": 5 for n in range(10)}), "W"
    )
    assert [one.verdict for one in two.values] == ["over", "under"]
    assert {one.verdict for one in many.values} == {"as expected"}


def test_respondents_like_the_population_are_seldom_called_otherwise():
    rng = np.random.default_rng(3)
    population = people(A=50, B=25, C=15, D=7, E=3)
    wrong = 0
    for counts in rng.multinomial(150, population.shares, size=600).tolist():
        found = who_answered(dict(zip("ABCDE", counts, strict=True)), population, "Ward")
        wrong += any(one.verdict != "as expected" for one in found.values)
    assert wrong / 600 <= 0.05


def test_no_value_in_common_is_refused_with_the_names_to_use():
    with pytest.raises(InputError) as error:
        who_answered({"H": 3, "M": 4, "(not given)": 2}, people(Harbour=3, Mill=2), "Ward")
    assert str(error.value) == (
        "wards.csv: none of its values (“Harbour” and “Mill”) is a value of “Ward”. "
        "Fix: name them as in the export: “H” and “M”"
    )


# ---- suppressed ------------------------------------------------------------------------------------------------------


def test_a_small_value_has_no_numbers_nor_has_one_from_which_it_could_be_worked_back():
    found = who_answered({"A": 160, "B": 3, "C": 118, "D": 131}, people(A=1, B=1, C=1, D=1, E=1), "Ward", smallest=5)
    assert [(one.value, one.respondents) for one in found.values] == [
        ("A", 160),
        ("B", None),
        ("C", None),
        ("D", 131),
        ("E", 0),
    ]
    assert found.values[1] == Represented("B", None, None, None, None, 0.2, "")


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ([9, 8], set()),
        ([9, 3], {0, 1}),
        ([3, 0, 9, 8], {0, 3}),
        ([1, 1, 9, 8], {0, 1, 3}),
        ([3, 4, 9], {0, 1}),
        ([3], {0}),
    ],
)
def test_hidden_values_are_two_or_more_and_together_not_small(counts, hidden):
    assert hidden_values(counts, 5) == hidden


def test_what_the_tables_hide_is_hidden_here_and_not_told_by_shares_or_notes():
    """The tables hide Quay and those of no ward, whose sum they tell: the base of the shares must not tell one."""
    respondents = {"A": 160, "B": 118, "Quay": 3, "(not given)": 7}
    hidden = ("Quay", "(not given)")
    found = who_answered(respondents, people(A=5, B=4, Quay=1), "Ward", smallest=5, hidden=hidden)
    assert [(one.value, one.respondents, one.share) for one in found.values] == [
        ("A", 160, 160 / 288),
        ("B", 118, 118 / 288),
        ("Quay", None, None),
    ]
    assert secret_places(respondents, people(A=5, B=4, Quay=1), 5, hidden) == {2}
    assert found.notes[1] == "Some whose value is not known are counted in the base of the shares, too few to be told."
    assert "7" not in " ".join(found.notes)


def test_a_base_that_would_tell_many_hidden_respondents_is_not_used_at_all():
    found = who_answered(
        {"A": 160, "Quay": 3, "(not given)": 70}, people(A=5, Quay=1), "Ward", 5, hidden=("Quay", "(not given)")
    )
    assert [one.respondents for one in found.values] == [None, None]
    assert "Not shown: the figures would give away numbers that are not published." in found.notes


def test_nobody_can_work_a_small_value_back_from_what_is_shown():
    """Somebody who knows the total tries every number for each hidden value: more than one always fits."""
    rng = np.random.default_rng(9)
    for _ in range(200):
        counts = rng.integers(0, 30, size=5).tolist()
        if not any(counts):
            continue
        names = [f"w{n}" for n in range(5)]
        found = who_answered(dict(zip(names, counts, strict=True)), people(**dict.fromkeys(names, 1)), "Ward", 5)
        gone = [n for n, one in enumerate(found.values) if one.respondents is None]
        left = sum(counts) - sum(one.respondents or 0 for one in found.values)
        small = [n for n in gone if counts[n] < 5]
        if small and len(gone) < sum(map(bool, counts)):
            assert len(gone) > 1
            assert left >= max(5, len(gone) + 1)
        assert not [n for n, one in enumerate(found.values) if one.respondents and one.respondents < 5]
