import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pipeline.codebook import Code, Codebook, Entry, Example, Exclusion, Facet, Wording, dump_codebook, load_codebook
from pipeline.codebooks.refi_qda import guid_of, read_qdc, write_qdc
from pipeline.errors import CodebookError, OutputError
from pipeline.settings import shipped

# What the standard says of a codebook file, in our words: codes within codes, each with an optional description first;
# then sets, where there are any; GUIDs with or without braces, colours of three or six digits.
RULES = etree.RelaxNG(
    etree.fromstring(
        """
<grammar xmlns="http://relaxng.org/ns/structure/1.0" ns="urn:QDA-XML:codebook:1.0"
         datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">
  <start>
    <element name="CodeBook">
      <optional><attribute name="origin" ns=""/></optional>
      <element name="Codes"><oneOrMore><ref name="code"/></oneOrMore></element>
      <optional><element name="Sets"><oneOrMore><ref name="set"/></oneOrMore></element></optional>
    </element>
  </start>
  <define name="code">
    <element name="Code">
      <ref name="guid"/>
      <attribute name="name" ns=""/>
      <attribute name="isCodable" ns=""><data type="boolean"/></attribute>
      <optional>
        <attribute name="color" ns="">
          <data type="token"><param name="pattern">#([0-9A-Fa-f]{3}){1,2}</param></data>
        </attribute>
      </optional>
      <ref name="description"/>
      <zeroOrMore><ref name="code"/></zeroOrMore>
    </element>
  </define>
  <define name="set">
    <element name="Set">
      <ref name="guid"/>
      <attribute name="name" ns=""/>
      <ref name="description"/>
      <zeroOrMore><element name="MemberCode"><ref name="guid"/></element></zeroOrMore>
    </element>
  </define>
  <define name="description">
    <optional><element name="Description"><text/></element></optional>
  </define>
  <define name="guid">
    <attribute name="guid" ns="">
      <data type="token">
        <param name="pattern">HEX{8}(-HEX{4}){3}-HEX{12}|\\{HEX{8}(-HEX{4}){3}-HEX{12}\\}</param>
      </data>
    </attribute>
  </define>
</grammar>""".replace("HEX", "[0-9A-Fa-f]")
    )
)

PARKS = Code(
    "parks",
    "Parks & open space",
    definition="Green places.\n\nInclude:\nId: not this\n| nor this",
    include=("trees", "- benches:\n  two lines"),
    exclude=(Exclusion("fly-tipping", "waste"), Exclusion("the writer's own garden")),
    examples=(Example("More <b>benches</b>.\nvoice: nobody", "a tenant", ("waste",)), Example("Café in the park")),
    phrases=("park",),
    aliases=("Green space",),
)
BOOK = Codebook(
    "Small book",
    (
        Facet("theme", "Theme", (PARKS, Code("waste", "Waste")), question="What is it about?"),
        Facet("who", "Whose concern", (Code("tenant", "A tenant"), Code("other-1", "Others")), exclusive=True),
    ),
    (
        Wording(
            "report",
            "The report",
            "theme",
            (Entry("parks", "split", ("Parks", "Trees"), "a note"), Entry("waste", "none")),
        ),
    ),
    version="2",
)


def qdc(path, codes, sets="", namespace="urn:QDA-XML:codebook:1.0"):
    """Writes a file as another tool would and gives its path."""
    text = f'<CodeBook xmlns="{namespace}" origin="Another tool 9">\n<Codes>{codes}</Codes>{sets}</CodeBook>'
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{text}', encoding="utf-8")
    return path


def code(name, inner="", codable="true", more=""):
    return f'<Code guid="{guid_of("foreign", name)}" name="{name}" isCodable="{codable}"{more}>{inner}</Code>'


@pytest.fixture
def foreign(tmp_path):
    return lambda *args, **kwargs: read_qdc(qdc(tmp_path / "Town plan.qdc", *args, **kwargs))


GUIDS = "GUIDs of {} codes left out: a file written here gives them new ones"


# ---- our own files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("book", [BOOK, load_codebook(shipped("corpus/codebook.toml"))], ids=["small", "shipped"])
def test_what_is_written_is_valid_and_read_back_equal(book, tmp_path):
    write_qdc(book, tmp_path / "book.qdc")
    RULES.assertValid(etree.parse(tmp_path / "book.qdc"))
    read = read_qdc(tmp_path / "book.qdc")
    assert (read.codebook, read.notes) == (book, ())
    write_qdc(book, tmp_path / "again.qdc")
    assert (tmp_path / "again.qdc").read_bytes() == (tmp_path / "book.qdc").read_bytes()


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["Include:", "Id: parks", "| ", "- x", "voice: a", "  | y", "", "Version: 1", "a  b \t", "&<>]]>"]
        ),
        st.text("ab:|- \u2028\xa0é", max_size=6),
    ),
    max_size=4,
)
TEXT = LINES.map(lambda lines: "\n".join(lines).strip())


@given(TEXT, TEXT, TEXT.filter(bool), TEXT)
def test_no_text_is_taken_for_layout(definition, what, text, voice):
    codes = (
        Code(
            "a",
            "A",
            definition,
            (what,),
            (Exclusion(what, "b"),),
            (Example(text, voice, ("b",)),),
            (what, text),
            ("Alpha",),
        ),
        Code("b", "B", exclude=(Exclusion(definition),)),
    )
    book = Codebook("Any", (Facet("f", "F", codes, question=definition),))
    with tempfile.TemporaryDirectory() as folder:
        write_qdc(book, Path(folder) / "book.qdc")
        assert read_qdc(Path(folder) / "book.qdc").codebook == book


def test_a_description_reads_well(tmp_path):
    write_qdc(BOOK, tmp_path / "book.qdc")
    text = etree.parse(tmp_path / "book.qdc").find(".//{*}Code/{*}Code/{*}Description").text
    assert text.split("\n") == [
        *("Green places.", "", "| Include:", "| Id: not this", "| | nor this", ""),
        *("Include:", "- trees", "- - benches:", "  |   two lines", ""),
        *("Exclude:", "- fly-tipping", "  leave to: waste", "- the writer's own garden", ""),
        *("Examples:", "- More <b>benches</b>.", "  | voice: nobody", "  voice: a tenant", "  also: waste"),
        *("- Café in the park", "", "Key phrases:", "- park", "", "Also called:", "- Green space", "", "Id: parks"),
    ]


def test_a_code_keeps_its_guid_when_all_else_changes(tmp_path):
    changed = replace(PARKS, name="Parks", definition="", examples=())
    for name, book in {
        "a": BOOK,
        "b": Codebook("Other", (Facet("theme", "T", (Code("waste", "W"), changed)),)),
    }.items():
        write_qdc(book, tmp_path / name)
        assert f'guid="{guid_of("theme", "parks")}"' in (tmp_path / name).read_text(encoding="utf-8")
    assert guid_of("theme", "parks") != guid_of("theme-parks") != guid_of("who", "parks")


def test_a_file_changed_in_another_tool_keeps_what_is_understood(tmp_path):
    path = tmp_path / "book.qdc"
    write_qdc(BOOK, path)
    text = (
        path.read_text(encoding="utf-8")
        .replace('name="Waste"', 'name="Rubbish"')
        .replace("- trees", "- trees\nand more")
    )
    path.write_text(text.replace('origin="feedback-pipeline"', 'origin="Another tool"'), encoding="utf-8")
    read = read_qdc(path)
    parks = replace(PARKS, definition=PARKS.definition + "\nand more")
    theme = replace(BOOK.facet[0], code=(parks, Code("waste", "Rubbish")))
    assert read.codebook == replace(BOOK, facet=(theme, BOOK.facet[1]))
    assert read.notes == ("'Parks & open space': 'and more' fits no heading; it stands behind the definition",)


def test_a_code_deleted_in_another_tool_takes_its_pointers_and_wordings_along(tmp_path):
    path = tmp_path / "book.qdc"
    write_qdc(BOOK, path)
    tree = etree.parse(path)
    gone = tree.find(".//{*}Code[@name='Waste']")
    gone.getparent().remove(gone)
    tree.write(path)
    read = read_qdc(path)
    assert read.codebook.wording == ()
    assert read.codebook.facet[0].code[0].exclude[0] == Exclusion("fly-tipping")
    assert read.notes == (
        "'Parks & open space' points to 'waste', which is not in its facet: the pointer is left out",
        "wording 'The report' left out: its codes are not those of facet 'theme' any more",
    )


# ---- files of other tools --------------------------------------------------------------------------------------------


def test_top_level_codes_with_codes_below_become_facets(foreign):
    read = foreign(
        code("Place", "<Description>Where is it?</Description>" + code("Park") + code("Road"), codable="false")
        + code("Mood", code("Angry", "<Description>Cross.</Description>"), codable="0")
    )
    assert read.codebook == Codebook(
        "Town plan",
        (
            Facet("place", "Place", (Code("park", "Park"), Code("road", "Road")), question="Where is it?"),
            Facet("mood", "Mood", (Code("angry", "Angry", "Cross."),)),
        ),
    )
    assert read.notes == (GUIDS.format(5),)


@pytest.mark.parametrize("namespace", ["urn:QDA-XML:codebook:1:0", "urn:QDA-XML:codebook:0:4", ""])
def test_a_flat_list_becomes_one_facet_whatever_the_version(foreign, namespace):
    read = foreign(code("Park") + code("Road"), namespace=namespace)
    facet = Facet("town-plan", "Town plan", (Code("park", "Park"), Code("road", "Road")))
    assert (read.codebook, read.notes) == (Codebook("Town plan", (facet,)), (GUIDS.format(2),))


def test_deeper_codes_are_named_by_the_way_to_them(foreign):
    group = code("Green", "<Description>Plants</Description>" + code("Tree", code("Oak")), codable="false")
    read = foreign(code("Place", "<Description>Anywhere</Description>" + group + code("Road")))
    codes = (
        Code("place", "Place", "Anywhere"),
        Code("green-tree", "Green / Tree"),
        Code("green-tree-oak", "Green / Tree / Oak"),
        Code("road", "Road"),
    )
    assert read.codebook.facet == (Facet("place", "Place", codes),)
    assert read.notes == (
        "'Place' is a code and has codes below it: it became a facet and its first code",
        "description of 'Green', which only groups codes, left out: 'Plants'",
        GUIDS.format(5),
    )


def test_nothing_is_lost_without_a_note(foreign):
    read = foreign(
        code("Place", code("Park", more=' color="#ff0000"') + "<NoteRef/>", codable="false", more=' weight="3"')
        + code("Empty", codable="false")
        + code("Loose", code("Group", "<Description>x</Description>", codable="false")),
        sets='<Sets><Set guid="x" name="Mine"><MemberCode guid="y"/><MemberCode guid="z"/></Set></Sets>',
    )
    facets = (
        Facet("place", "Place", (Code("park", "Park"),)),
        Facet("town-plan", "Town plan", (Code("loose", "Loose"),)),
    )
    assert read.codebook.facet == facets
    assert read.notes == (
        "'Empty' left out: nothing can be coded with it or below it",
        "'Loose / Group' left out: nothing can be coded with it or below it",
        "1 code that stands alone became facet 'Town plan'",
        "set 'Mine' of 2 codes left out: a codebook here has no sets",
        "colours of 1 code left out: a codebook here has no colours",
        GUIDS.format(5),
        "'weight' of <Code> left out (once): it is no part of the format",
        "<NoteRef> left out (once): it is no part of the format",
    )


def test_names_that_a_codebook_cannot_hold_are_changed_and_told(foreign):
    names = ["None", "a|b", "", "Cost", "cost!", "Caf", "Café"]
    read = foreign("".join(map(code, names)) + code("Text", code("Doubts")))
    assert [(one.id, one.name) for facet in read.codebook.facet for one in facet.code] == [
        *(("text", "Text"), ("doubts", "Doubts"), ("none-code", "None (code)"), ("a-b", "a/b"), ("unnamed", "unnamed")),
        *(("cost", "Cost"), ("cost-2", "cost! (2)"), ("caf", "Caf"), ("caf-2", "Café")),
    ]
    assert [facet.id for facet in read.codebook.facet] == ["text-2", "town-plan"]
    assert read.notes == (
        "'Text' is a code and has codes below it: it became a facet and its first code",
        "code 'None' is called 'None (code)' here",
        "code 'a|b' is called 'a/b' here",
        "code '' is called 'unnamed' here",
        "two codes are called 'cost!': one is 'cost! (2)' here",
        "7 codes that stand alone became facet 'Town plan'",
        "facet 'Text' has the id 'text-2' here: 'text' is taken",
        GUIDS.format(9),
    )


@given(st.recursive(st.just(()), lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=8), st.randoms())
def test_any_tree_of_codes_becomes_a_valid_codebook_with_every_code(tree, random):
    def write(trees):
        return "".join(
            code(random.choice(["Park", "park ", "None", "Caf", "Café", "Cafe", "x|y"]), write(below))
            for below in trees
        )

    codes = write((tree, tree))
    with tempfile.TemporaryDirectory() as folder:
        read = read_qdc(qdc(Path(folder) / "any.qdc", codes))
        (Path(folder) / "any.toml").write_text(dump_codebook(read.codebook), encoding="utf-8")
        assert load_codebook(Path(folder) / "any.toml") == read.codebook
        assert sum(len(facet.code) for facet in read.codebook.facet) == codes.count("<Code ")


# ---- what is refused -------------------------------------------------------------------------------------------------

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
BOMB = f'<!DOCTYPE CodeBook [<!ENTITY l0 "ha">{LAUGHS}]><CodeBook><Codes>&l11;</Codes></CodeBook>'
SECRET = '<!DOCTYPE CodeBook [<!ENTITY s SYSTEM "file:///etc/hostname">]><CodeBook><Codes>&s;</Codes></CodeBook>'
DOCTYPE = "declares a document type, which no codebook needs. Fix: export the codebook again"
AGAIN = "Fix: export the codebook again"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (BOMB.encode(), DOCTYPE),
        (SECRET.encode(), DOCTYPE),
        (BOMB.encode("utf-16"), DOCTYPE),
        (b"<!DOCTYPE CodeBook SYSTEM 'http://example.org/x.dtd'><CodeBook/>", DOCTYPE),
        (b"<CodeBook><Codes>", f"is not valid XML: no element found: line 1, column 17. {AGAIN}"),
        (b"", f"is not valid XML: no element found: line 1, column 0. {AGAIN}"),
        (
            b'<?xml version="1.0" encoding="klingon"?><CodeBook/>',
            f"is not valid XML: unknown encoding: klingon. {AGAIN}",
        ),
        (
            b"<Project/>",
            "is not a REFI-QDA codebook but starts with <Project>. Fix: export the codebook in REFI-QDA format (.qdc)",
        ),
        (
            b"PK\x03\x04",
            "is a zipped file, perhaps a whole project (.qdpx). Fix: export only the codebook (.qdc) from that tool",
        ),
    ],
)
def test_a_file_that_is_no_codebook_is_refused_at_once(data, message, tmp_path):
    path = tmp_path / "book.qdc"
    path.write_bytes(data)
    began = time.monotonic()
    with pytest.raises(CodebookError) as caught:
        read_qdc(path)
    assert str(caught.value) == f"{path}: {message}"
    assert time.monotonic() - began < 1


def test_a_codebook_without_codes_is_refused(tmp_path):
    path = qdc(tmp_path / "book.qdc", code("Group", codable="false"))
    with pytest.raises(CodebookError) as caught:
        read_qdc(path)
    assert str(caught.value) == f"{path}, Codes: there is no code in it. Fix: export a codebook that has codes"


@pytest.mark.parametrize("depth", [101, 20_000])
def test_a_tree_without_end_is_refused(depth, tmp_path):
    head = f'<Code guid="{guid_of("x")}" name="x" isCodable="true">'
    path = qdc(tmp_path / "book.qdc", head * depth + "</Code>" * depth)
    with pytest.raises(CodebookError) as caught:
        read_qdc(path)
    assert str(caught.value) == f"{path}, Codes: codes stand more than 100 deep. Fix: make the tree flatter"


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    with pytest.raises(CodebookError) as caught:
        read_qdc(tmp_path / "no.qdc")
    assert str(caught.value) == f"{tmp_path / 'no.qdc'}: there is no such codebook. Fix: check the path"
    with pytest.raises(CodebookError) as caught:
        read_qdc(tmp_path)
    assert str(caught.value) == f"{tmp_path}: cannot be read (Is a directory). Fix: give a .qdc file"


def test_a_character_that_xml_cannot_hold_is_told_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "book.qdc"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(CodebookError) as caught:
        write_qdc(Codebook("B", (Facet("f", "F", (Code("a", "A", "bell \x07"),)),)), path)
    message = "facet 'f', code 'a': has a character that XML cannot hold (U+0007). Fix: delete it"
    assert str(caught.value) == message
    assert [one.read_text(encoding="utf-8") for one in tmp_path.iterdir()] == ["old"]


def test_a_place_that_cannot_be_written_to_is_told(tmp_path):
    with pytest.raises(OutputError) as caught:
        write_qdc(BOOK, tmp_path / "no" / "book.qdc")
    said = f"{tmp_path / 'no' / 'book.qdc'}: cannot be written (No such file or directory). Fix: choose another place"
    assert str(caught.value) == said


# ---- another reader --------------------------------------------------------------------------------------------------


def test_another_reader_of_the_format_finds_every_code_and_hands_them_back(tmp_path):
    other = pytest.importorskip("pyrefiqda").RefiCodebook
    book = load_codebook(shipped("corpus/codebook.toml"))
    write_qdc(book, tmp_path / "book.qdc")
    seen = other.load(tmp_path / "book.qdc")
    assert [
        (tree.name, tree.is_codable, [(one.guid, one.name, one.is_codable) for one in tree.code])
        for tree in seen.codes.code
    ] == [
        (facet.name, False, [(guid_of(facet.id, one.id), one.name, True) for one in facet.code]) for facet in book.facet
    ]
    assert [one.name for one in seen.sets.set] == [book.name, *(wording.name for wording in book.wording)]
    other.save(seen, tmp_path / "theirs.qdc")
    RULES.assertValid(etree.parse(tmp_path / "theirs.qdc"))
    read = read_qdc(tmp_path / "theirs.qdc")
    assert (read.codebook, read.notes) == (book, ())
