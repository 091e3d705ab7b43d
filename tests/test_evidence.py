import csv
import hashlib
import io
import json
import re
import shutil
from dataclasses import replace

import pytest
from invented_findings import invented_findings

from pipeline.codebook import load_codebook
from pipeline.counting.tables import SUPPRESSED
from pipeline.errors import InputError, OutputError
from pipeline.publishing.document import Bullets, Paragraph, Quotations
from pipeline.publishing.evidence import check_pack, evidence_document, write_pack
from pipeline.publishing.methods import methods
from pipeline.settings import shipped

FILES = {
    *("evidence.html", "methods.md", "transparency-record.md", "codes.csv", "quotes.csv", "frequencies.csv"),
    *("README.md", "digests.json"),
}


@pytest.fixture(scope="module")
def findings():
    return invented_findings()


@pytest.fixture(scope="module")
def pack(findings, tmp_path_factory):
    return write_pack(findings, tmp_path_factory.mktemp("out") / "pack")


@pytest.fixture
def copied(pack, tmp_path):
    """The pack, to be spoilt."""
    return shutil.copytree(pack.folder, tmp_path / "pack")


def rows(pack, name):
    return list(csv.DictReader(io.StringIO((pack.folder / name).read_text("utf-8-sig"), newline="")))


def sections(findings):
    """Title of each code → its blocks."""
    return {section.title: section.blocks for section in evidence_document(findings).sections}


def words(blocks):
    return [block.text for block in blocks if isinstance(block, Paragraph)]


def test_the_pack_holds_its_files_and_the_digest_of_each(pack):
    assert {path.name for path in pack.folder.iterdir()} == set(pack.files) == FILES
    facts = json.loads((pack.folder / "digests.json").read_text("utf-8"))
    assert facts["files"] == {
        name: hashlib.sha256((pack.folder / name).read_bytes()).hexdigest() for name in sorted(FILES - {"digests.json"})
    }
    assert {name: of["sha256"][:2] for name, of in facts["made_from"].items()} == {
        **{"export": "ab", "codebook": "cd", "model": "ef"},
    }
    assert pack.digest == hashlib.sha256((pack.folder / "digests.json").read_bytes()).hexdigest()


def test_the_same_findings_make_the_same_bytes(findings, pack, tmp_path):
    again = write_pack(invented_findings(), tmp_path / "again")
    assert again.digest == pack.digest
    assert write_pack(invented_findings(model="other"), tmp_path / "other").digest != pack.digest


def test_the_readme_says_whether_small_counts_are_suppressed(findings, pack, tmp_path):
    assert "Counts below 5 are suppressed and printed as `[c]`." in (pack.folder / "README.md").read_text("utf-8")
    all_shown = write_pack(replace(findings, smallest=0), tmp_path / "pack")
    assert "No counts are suppressed" in (all_shown.folder / "README.md").read_text("utf-8")
    assert "No counts are suppressed" in (all_shown.folder / "transparency-record.md").read_text("utf-8")


def test_a_pack_as_it_was_written_passes(pack):
    assert check_pack(pack.folder) == ()


def test_what_was_changed_is_named(copied):
    (copied / "codes.csv").write_bytes((copied / "codes.csv").read_bytes().replace(b"150", b"151", 1))
    (copied / "quotes.csv").unlink()
    (copied / "more.csv").write_text("x")
    (copied / "Thumbs.db").write_text("x")
    (copied / ".DS_Store").write_text("x")
    assert check_pack(copied) == (
        "codes.csv was changed.",
        "quotes.csv is missing.",
        "more.csv does not belong to the pack.",
    )


def test_the_export_can_be_compared_with_the_one_the_pack_was_made_from(findings, tmp_path):
    export = tmp_path / "harbour.csv"
    export.write_text("id,views\n1,More buses\n")
    digests = {**findings.digests, "export": hashlib.sha256(export.read_bytes()).hexdigest()}
    pack = write_pack(replace(findings, digests=digests), tmp_path / "pack")
    assert check_pack(pack.folder, export) == ()
    export.write_text("id,views\n1,No buses\n")
    assert check_pack(pack.folder, export) == ("harbour.csv is not the export that the pack was made from.",)


@pytest.mark.parametrize(
    "content", [None, "", "[]", "{}", '{"files": {}}', '{"files": {"a": 1}}', '{"files": {"a": "b"}}']
)
def test_a_folder_that_is_no_pack_is_told(tmp_path, content):
    if content is not None:
        (tmp_path / "digests.json").write_text(content)
    with pytest.raises(InputError, match=r"is no evidence pack|does not hold the digests of a pack"):
        check_pack(tmp_path)


def test_a_digest_cannot_point_out_of_the_folder(copied):
    facts = json.loads((copied / "digests.json").read_text("utf-8"))
    facts["files"] = {"../../secret": "0" * 64}
    (copied / "digests.json").write_text(json.dumps(facts))
    (copied.parent.parent / "secret").write_text("x")
    assert check_pack(copied)[0] == "../../secret is missing."


def test_only_a_pack_is_replaced_and_only_when_asked(findings, tmp_path):
    folder = tmp_path / "pack"
    write_pack(findings, folder)
    with pytest.raises(OutputError, match="is there already"):
        write_pack(findings, folder)
    write_pack(findings, folder, replace=True)
    (folder / "mine.txt").write_text("notes")
    with pytest.raises(OutputError, match="is there and holds something else"):
        write_pack(findings, folder, replace=True)
    assert (folder / "mine.txt").read_text() == "notes"


def test_each_code_is_told_with_its_count_its_check_and_what_may_be_said(findings):
    code = load_codebook(shipped("corpus/codebook.toml")).by_id["principle"].by_id["transparent"]
    blocks = sections(findings)["Transparent"]
    assert words(blocks) == [
        code.definition,
        "Counted: 96 of 412 respondents, in 115 comments (96 with each campaign counted once), which is 23.3 %. "
        "Corrected with the check sample: 22.0 % (95 % interval 19.0 to 26.0 %). The corrected share is the one to "
        "quote.",
        "Check: 20 of the 100 comments of the sample have it. Of the comments to which the tool gave it, people gave "
        "it to 80 % (95 % interval 60 to 92 %). Of those to which people gave it, the tool found 70 % (95 % interval "
        "50 to 85 %). People agreed on it with alpha 0.75 (95 % interval 0.60 to 0.88): enough to go by.",
    ]
    bullets = [(block.title, block.items) for block in blocks if isinstance(block, Bullets)]
    assert [title for title, _ in bullets] == ["Too close to call", "It takes in", "It leaves out"]
    assert bullets[0][1] == ("Transparent and Accountable are too close to call.",)
    assert bullets[1][1] == code.include
    assert len(bullets[2][1]) == len(code.exclude)
    assert [(quote.comment_id, quote.note) for quote in blocks[-1].quotes] == [
        ("R-10/1", "coded by a person"),
        ("R-11/1", "coded by the tool"),
        ("R-12/1", "coded by the tool"),
    ]


def test_a_code_that_was_not_checked_says_so(findings):
    _, counted, checked = words(sections(findings)["Waiting “too long”"])
    assert counted == (
        "Counted: 33 of 412 respondents, in 39 comments (33 with each campaign counted once), which is 8.0 % (95 % "
        "interval 5.8 to 11.0 %). Not checked: the share is that of the codes as given."
    )
    assert checked == "Check: the 100 comments of the sample say nothing of this code."
    unchecked = sections(replace(findings, drawn=0, checked=()))
    assert words(unchecked["Waiting “too long”"])[-1].startswith("Check: people coded no random sample")


def test_a_code_by_another_name_says_what_was_counted(findings):
    assert words(sections(findings)["Access & opening hours"])[0] == (
        "Counted as the code “Access and inclusion” of the codebook."
    )


def test_nothing_of_a_suppressed_code_is_told(findings, tmp_path):
    quote = replace(findings.quotes[0], code="collaborative", comment_id="R-99/1", text="Secret words")
    tables = findings.tables
    forgotten = tuple(  # as it would be if somebody had forgotten to take the numbers out
        replace(row, comments=3331, respondents=3332, share=0.3333, low=0.3334, high=0.3335, comments_once=3336)
        if row.status == SUPPRESSED and row.group is None
        else row
        for row in tables.rows
    )
    spoilt = replace(findings, quotes=(quote, *findings.quotes), tables=replace(tables, rows=forgotten))
    blocks = sections(spoilt)["Collaborative"]
    assert words(blocks)[1:] == [
        "[c]: not published, because fewer than 5 people are counted, or because a number so small could be worked out "
        "from it.",
        "Check: [c], as few people raised it.",
    ]
    assert not any(isinstance(block, Quotations) for block in blocks)
    pack = write_pack(spoilt, tmp_path / "pack")
    (row,) = [row for row in rows(pack, "codes.csv") if row["code"] == "collaborative"]
    figures = list(row.values())[8:]
    assert set(figures) == {"[c]", "412"}
    assert (row["base"], row["checked_comments"], row["precision"]) == ("412", "[c]", "[c]")
    for name in ("evidence.html", "quotes.csv", "codes.csv", "transparency-record.md", "methods.md"):
        text = (pack.folder / name).read_text("utf-8")
        assert not re.search(r"R-99/1|Secret words|333[1-6]|3,33[1-6]|33\.3 %", text), name


def test_the_tables_hold_a_row_for_each_code_and_quotation(findings, pack):
    codes = rows(pack, "codes.csv")
    assert [(row["facet"], row["code"], row["respondents"], row["status"]) for row in codes] == [
        (row.facet, row.code if row.code[0] != "=" else "'=SUM(A1)", str(row.respondents or "[c]"), row.status)
        for row in findings.tables.rows
        if row.group is None and row.code
    ]
    assert codes[1]["exclude"].count("(see ") >= 1
    assert codes[1]["alpha_low"] == "0.6"
    quotes = rows(pack, "quotes.csv")
    assert [(row["comment_id"], row["coded_by"]) for row in quotes] == [
        (quote.comment_id, "person" if quote.decided else "tool") for quote in findings.quotes
    ]
    assert len(rows(pack, "frequencies.csv")) == len(findings.tables.rows)


def test_no_cell_can_become_a_formula_and_no_name_markup(pack):
    for name in ("codes.csv", "quotes.csv", "frequencies.csv"):
        assert [cell for row in rows(pack, name) for cell in row.values() if cell[:1] in ("=", "+", "@")] == []
    page = (pack.folder / "evidence.html").read_text("utf-8")
    assert "&lt;b&gt;more&lt;/b&gt;" in page
    assert "<b>more" not in page


def test_the_page_has_the_codes_below_their_facets(findings):
    told = [(section.title, section.level) for section in evidence_document(findings).sections]
    assert told[:2] == [("Design principle", 2), ("Community-led", 3)]
    assert [title for title, level in told if level == 2] == ["Design principle", "Theme"]
    assert len({section.id for section in evidence_document(findings).sections}) == len(told)
    assert evidence_document(findings).made == "1 October 2025"


def test_the_paragraph_to_paste_tells_the_whole_method(findings):
    text = methods(findings)
    paragraph = text.split("## To paste into a report\n\n")[1].split("\n\n")[0]
    assert paragraph == (
        "The consultation brought in 450 responses; 412 of them said something in the respondents' own words. The "
        "comments were coded against a written codebook (Design principles and stakeholder themes) by a classifier "
        "(engagement) that had learned from comments coded by people; where people decided the codes of a comment, "
        "theirs were counted. To check it, 100 comments were drawn at random and coded by 2 people who did not see its "
        "codes. Shares marked “corrected” are corrected with that sample by the difference estimator, also known as "
        "prediction-powered inference, and have 95 % intervals. Shares marked “not checked” are as counted. A person "
        "counts once for a code, however often they raised it, and may have raised several, so shares do not add up to "
        "100 %. Every submission was counted; comments of the same or nearly the same words were recognised as "
        "campaigns and are shown counted once as well. Counts below 5 are not published, nor are others from which "
        "they could be worked out; both are marked [c]. People chose whether to answer, so the figures describe those "
        "who did, not all residents."
    )
    headings = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert headings == [
        *("To paste into a report", "The coding", "The check", "The correction", "The counting", "Small numbers"),
        *("What the figures do not say", "What was said, and whether it was considered", "Literature"),
    ]
    for said in (*findings.method, *findings.limits, *findings.tables.notes, "Gunning", "Wilson", "Särndal"):
        assert said in text


def test_without_a_check_nothing_is_said_of_a_correction(findings):
    tables = findings.tables
    unchecked = replace(tables, rows=tuple(replace(row, status="not checked") for row in tables.rows))
    text = methods(replace(findings, drawn=0, coders=0, checked=(), smallest=0, limits=(), tables=unchecked))
    assert "## The correction" not in text
    assert "## What the figures do not say" not in text
    assert "The codes were not checked against a random sample." in text
    assert "No count was too small to be published." in text
