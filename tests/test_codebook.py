import pytest

from pipeline.codebook import (
    Code,
    Codebook,
    Example,
    Exclusion,
    Facet,
    codebook_from,
    codes_in,
    dump_codebook,
    load_codebook,
    make_id,
    remarks,
    split_codes,
)
from pipeline.errors import CodebookError
from pipeline.settings import shipped

BOOK = """\
name = "Small book"

[[facet]]
id = "theme"
name = "Theme"

[[facet.code]]
id = "parks"
name = "Parks and open space"
exclude = [{ what = "fly-tipping", code = "waste" }]
examples = [{ text = "More benches in the park.", also = ["waste"] }]
phrases = ["park"]
aliases = ["Green space"]

[[facet.code]]
id = "waste"
name = "Waste"
exclude = [{ what = "noise" }]

[[wording]]
id = "report"
name = "The report"
facet = "theme"
entries = [
  { code = "parks", relation = "narrower", names = ["Parks"] },
  { code = "waste", relation = "none" },
]
"""


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.toml"
    path.write_text(BOOK, encoding="utf-8")
    return path


# ---- reading and writing ---------------------------------------------------------------------------------------------


def test_a_codebook_is_read_as_it_is_written(book):
    assert load_codebook(book).facet == (
        Facet(
            id="theme",
            name="Theme",
            code=(
                Code(
                    id="parks",
                    name="Parks and open space",
                    exclude=(Exclusion("fly-tipping", "waste"),),
                    examples=(Example("More benches in the park.", also=("waste",)),),
                    phrases=("park",),
                    aliases=("Green space",),
                ),
                Code(id="waste", name="Waste", exclude=(Exclusion("noise"),)),
            ),
        ),
    )


def test_what_is_dumped_is_read_back_equal(book, tmp_path):
    for path in (book, shipped("corpus/codebook.toml")):
        original = load_codebook(path)
        (tmp_path / "again.toml").write_text(dump_codebook(original), encoding="utf-8")
        again = load_codebook(tmp_path / "again.toml")
        assert again == original
        assert again.digest == original.digest


def test_the_digest_ignores_layout_and_remarks_and_notices_content(book):
    digest = load_codebook(book).digest
    same = [
        BOOK.replace("\n\n", "\n# a remark\n\n\n"),
        "\ufeff" + BOOK,
        BOOK.replace("[[facet]]\n", "[[facet]]\nexclusive = false\nquestion = ''\n"),
        BOOK.replace('id = "theme"\nname = "Theme"', "name = 'Theme'\nid = 'theme'"),
    ]
    for text in same:
        book.write_text(text, encoding="utf-8")
        assert load_codebook(book).digest == digest, text
    other = [
        BOOK.replace("More benches", "More trees"),
        BOOK.replace("[[facet]]\n", "[[facet]]\nexclusive = true\n"),
        BOOK.replace('"narrower"', '"overlaps"'),
        'version = "2"\n' + BOOK,
    ]
    for text in other:
        book.write_text(text, encoding="utf-8")
        assert load_codebook(book).digest != digest, text


# ---- codes in cells, and a codebook made of them ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "codes"),
    [
        ("parks|waste", ["parks", "waste"]),
        (" parks | waste |", ["parks", "waste"]),
        ("", []),
        ("  ", []),
        ("None", []),
        ("none|parks", ["parks"]),
        ("NA", ["NA"]),
        ("None of the above", ["None of the above"]),
    ],
)
def test_a_cell_holds_codes_joined_by_a_bar_and_none_is_no_code(cell, codes):
    assert split_codes(cell) == codes


def test_codes_are_known_by_id_name_and_alias_in_any_case(book):
    theme = load_codebook(book).facet[0]
    cells = ["parks", "PARKS AND OPEN SPACE|waste", "green-space", "", "None", "Waste|waste|Parks"]
    assert codes_in(enumerate(cells, 2), theme, "coded.csv") == [
        ("parks",),
        ("parks", "waste"),
        ("parks",),
        (),
        (),
        ("waste", "parks"),
    ]


def test_an_unknown_code_is_told_with_its_row_and_the_nearest(book):
    theme = load_codebook(book).facet[0]
    with pytest.raises(CodebookError) as error:
        codes_in([(2, "parks"), (7, "waste|open spce")], theme, "coded.csv")
    assert str(error.value) == (
        "coded.csv, row 7: 'open spce' is no code of facet 'theme'. "
        "Fix: did you mean 'parks'? Else add it to the codebook"
    )


def test_a_codebook_is_made_of_coded_cells():
    book = codebook_from(
        "coded", {"Main theme": ["Parks", "waste", "Parks", "parks "], "Topics": ["a|b", "", "None", "b", "a"]}
    )
    assert book == Codebook(
        name="coded",
        facet=(
            Facet("main-theme", "Main theme", (Code("parks", "Parks"), Code("waste", "waste")), exclusive=True),
            Facet("topics", "Topics", (Code("a", "a"), Code("b", "b"))),
        ),
    )
    assert remarks(book) == [
        f"{facet}, {code}: {remark}"
        for facet, code in (("main-theme", "parks"), ("main-theme", "waste"), ("topics", "a"), ("topics", "b"))
        for remark in ("no definition", "0 examples; ten in different voices teach it well")
    ]


@pytest.mark.parametrize(
    ("cells", "exclusive"),
    [(["a", "b"], True), (["a|b", "b"], False), (["a", ""], False), (["a", "None"], False), (["a|A", "b"], True)],
)
def test_a_facet_is_exclusive_where_every_row_has_exactly_one_code(cells, exclusive):
    assert codebook_from("coded", {"labels": cells}).facet[0].exclusive is exclusive


def test_a_column_without_any_code_makes_no_codebook():
    with pytest.raises(CodebookError) as error:
        codebook_from("coded", {"labels": ["", "None"]})
    assert str(error.value) == "column 'labels' holds no codes. Fix: name a column of codes with --facet"


def test_codes_of_signs_or_of_another_script_keep_apart(tmp_path):
    book = codebook_from("signs", {"labels": ["+", "-", "আবাসন", "শিক্ষা", "1", "Café"]})
    (tmp_path / "signs.toml").write_text(dump_codebook(book), encoding="utf-8")
    assert load_codebook(tmp_path / "signs.toml") == book
    assert sorted(code.name for code in book.facet[0].code) == ["+", "-", "1", "Café", "আবাসন", "শিক্ষা"]


@pytest.mark.parametrize(
    ("name", "id_"),
    [("Value for money!", "value-for-money"), ("  Bins  ", "bins"), ("A/B & C", "a-b-c"), ("42", "42")],
)
def test_an_id_is_made_of_a_name(name, id_):
    assert make_id(name) == id_
