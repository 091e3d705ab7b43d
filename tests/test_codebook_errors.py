import pytest

from pipeline.codebook import load_codebook
from pipeline.errors import CodebookError

BOOK = """\
name = "Small book"

[[facet]]
id = "theme"
name = "Theme"

[[facet.code]]
id = "parks"
name = "Parks"
exclude = [{ what = "fly-tipping", code = "waste" }]
examples = [{ text = "More benches.", also = ["waste"] }]
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
WHOLE, THEME, REPORT = "the codebook", "facet 'theme'", "wording 'report'"
PARKS, WASTE = "facet 'theme', code 'parks'", "facet 'theme', code 'waste'"
TABLE_FIX, NAMES_FIX = "write { key = value } with its keys", "correct the relation or the names"
ID_FIX = "use small letters, digits and dashes"

# What stands in the codebook, what is written in its place, where the error is, what it is, and the fix.
ERRORS = [
    ('name = "Small book"', "", WHOLE, "'name' is missing", "add name = …"),
    ('name = "Small', 'nam = "Small', WHOLE, "unknown key 'nam'", "did you mean 'name'?"),
    ("[[wording]]", "[[wordin]]", WHOLE, "unknown key 'wordin'", "did you mean 'wording'?"),
    ('name = "Theme"', "exclusiv = true", THEME, "unknown key 'exclusiv'", "did you mean 'exclusive'?"),
    ('"Theme"', '"Theme"\nexclusive = "yes"', THEME, "'exclusive' must be true or false", "correct 'yes'"),
    ('id = "theme"', "", "facet 1", "'id' is missing", "add id = …"),
    ('id = "theme"', 'id = "A b"', "facet 'A b'", "'A b' cannot be an id", ID_FIX),
    ('id = "theme"', 'id = "text"', "facet 'text'", "'text' is a column of every run", "give the facet another id"),
    ('name = "Waste"', 'nmae = "Waste"', WASTE, "unknown key 'nmae'", "did you mean 'name'?"),
    ('name = "Waste"', "name = 3", WASTE, "'name' must be text in quotes", "correct 3"),
    ('name = "Waste"', 'name = "A|B"', WASTE, "the name must be text without '|'", "correct the name"),
    ('name = "Waste"', 'name = ""', WASTE, "the name must be text without '|'", "correct the name"),
    ('name = "Waste"', 'name = "None"', WASTE, "'none' means no code", "call the code something else"),
    ('id = "waste"', "", "facet 'theme', code 2", "'id' is missing", "add id = …"),
    ('id = "waste"', 'id = "parks"', THEME, "the code id 'parks' stands twice", "keep one of them"),
    ('id = "waste"', 'id = "Bins"', "facet 'theme', code 'Bins'", "'Bins' cannot be an id", ID_FIX),
    ("Green space", "WASTE ", THEME, "two codes are called 'waste'", "rename one, or drop the alias"),
    ('= ["park"]', '= "park"', PARKS, "'phrases' must be a list", "write phrases = [ … ]"),
    ('= ["park"]', "= [1]", f"{PARKS}, phrases 1", "'phrases' must be text in quotes", "correct 1"),
    (
        '{ what = "noise" }',
        '"noise"',
        f"{WASTE}, exclude 1",
        "'exclude' must be a table",
        TABLE_FIX,
    ),
    ('what = "noise"', 'wat = "noise"', f"{WASTE}, exclude 1", "unknown key 'wat'", "did you mean 'what'?"),
    ('code = "waste" }]', 'code = "wate" }]', PARKS, "there is no code 'wate' in this facet", "did you mean 'waste'?"),
    ('also = ["waste"]', 'also = ["wasts"]', PARKS, "there is no code 'wasts' in this facet", "did you mean 'waste'?"),
    ('{ text = "More', '{ txt = "More', f"{PARKS}, examples 1", "unknown key 'txt'", "did you mean 'text'?"),
    ('"More benches."', '" "', PARKS, "an example has no text", "write the text, or drop the example"),
    ('facet = "theme"', 'facet = "thme"', REPORT, "there is no facet 'thme'", "did you mean 'theme'?"),
    ('  { code = "waste", relation = "none" },', "", REPORT, "no entry for 'waste'", "say how it maps, or 'none'"),
    (
        '{ code = "waste", rel',
        '{ code = "parks", rel',
        REPORT,
        "the entry for 'parks' stands twice",
        "keep one of them",
    ),
    ('{ code = "parks", rel', '{ code = "park", rel', REPORT, "there is no code 'park'", "did you mean 'parks'?"),
    ('"narrower"', '"narower"', REPORT, "unknown relation 'narower'", "did you mean 'narrower'?"),
    (', names = ["Parks"]', "", REPORT, "'parks' is 'narrower' but has no name", NAMES_FIX),
    (
        '"none"',
        '"none", names = ["A"]',
        REPORT,
        "'waste' is 'none' but has a name",
        NAMES_FIX,
    ),
]


@pytest.fixture
def book(tmp_path):
    return tmp_path / "book.toml"


@pytest.mark.parametrize(("old", "new", "place", "what", "fix"), ERRORS)
def test_a_broken_rule_is_told_with_file_place_and_remedy(book, old, new, place, what, fix):
    assert old in BOOK
    book.write_text(BOOK.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CodebookError) as error:
        load_codebook(book)
    assert str(error.value) == f"{book}, {place}: {what}. Fix: {fix}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name = ", ": is not valid TOML: Invalid value (at end of document). Fix: correct that line"),
        (b'name = "caf\xe9"', ": is not UTF-8 text. Fix: save it as UTF-8"),
        (b"", ", the codebook: 'name' is missing. Fix: add name = …"),
        (b'name = "x"\nfacet = []', ", the codebook: there is no facet. Fix: add a [[facet]] with codes"),
    ],
)
def test_a_file_that_is_no_codebook_is_refused(book, content, message):
    book.write_bytes(content)
    with pytest.raises(CodebookError) as error:
        load_codebook(book)
    assert str(error.value) == f"{book}{message}"


def test_a_codebook_that_is_not_there_or_is_a_folder_is_told(book, tmp_path):
    with pytest.raises(CodebookError) as error:
        load_codebook(book)
    assert str(error.value) == f"{book}: there is no such codebook. Fix: check the path"
    with pytest.raises(CodebookError) as error:
        load_codebook(tmp_path)
    assert str(error.value) == f"{tmp_path}: cannot be read (Is a directory). Fix: give a TOML file"
