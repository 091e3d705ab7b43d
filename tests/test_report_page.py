"""The report as one HTML page, as it is written; how it looks is for `test_report_in_browser`."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from invented_findings import invented_findings

from pipeline.errors import OutputError
from pipeline.publishing.document import (
    Bar,
    Bullets,
    Chart,
    Column,
    Document,
    Paragraph,
    Quotation,
    Quotations,
    Section,
    Table,
)
from pipeline.publishing.page import as_html, write_page
from pipeline.publishing.story import tell

EMPTY = {"meta", "path", "rect"}  # elements without an end of their own
FETCHING = {"src", "srcset", "data", "action", "formaction", "poster", "ping", "background", "style"}


class Elements(HTMLParser):
    """Every element with its attributes in the order they begin, and the text within each heading."""

    def __init__(self, page):
        super().__init__()
        self.found, self.headings, self.open = [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append([int(tag[1]), ""])
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and re.fullmatch("h[1-6]", self.open[-1]):
            self.headings[-1][1] += text


@pytest.fixture(scope="module")
def page():
    return as_html(tell(invented_findings()))


@pytest.fixture(scope="module")
def elements(page):
    return Elements(page)


def one_section(*blocks, **changes):
    """A page of one section with these blocks."""
    return as_html(Document("A title", "today", (), (Section("one", "One", blocks, **changes),)))


def rows_of(page):
    """The cells of each row of the tables, as they are written."""
    found = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    return [re.findall(r"<(t[hd])( [^>]*)?>(.*?)</t[hd]>", row, re.DOTALL) for row in found]


def test_every_element_is_closed_and_every_id_is_its_own(elements):
    assert elements.open == []
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_page_runs_nothing_and_fetches_nothing(page, elements):
    tags = {tag for tag, _ in elements.found}
    assert (
        tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "audio", "video", "use"} == set()
    )
    names = {name for _, attributes in elements.found for name in attributes}
    assert names & FETCHING == set()
    assert [name for name in names if name.startswith("on")] == []
    links = [attributes["href"] for _, attributes in elements.found if "href" in attributes]
    assert all(link.startswith("#") for link in links)
    assert "http://" not in page
    assert "https://" not in page
    assert "@import" not in page


def test_its_policy_allows_its_own_style_sheet_and_nothing_else(page, elements):
    (policy,) = [a["content"] for _, a in elements.found if a.get("http-equiv") == "Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "<" not in style


def test_headings_go_down_one_level_at_a_time_and_name_every_section(elements):
    levels = [level for level, _ in elements.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(lower <= upper + 1 for upper, lower in pairwise(levels))
    names = [text for _, text in elements.headings]
    assert names[:4] == ["Harbour consultation: what people told us", "Contents", "Main points", "What can be said"]
    assert {section.title for section in tell(invented_findings()).sections} <= set(names)


def test_the_contents_lead_to_every_section_in_order(elements):
    links = [attributes["href"] for tag, attributes in elements.found if tag == "a"]
    assert links == ["#main", *(f"#{section.id}" for section in tell(invented_findings()).sections)]
    ids = {attributes["id"] for _, attributes in elements.found if "id" in attributes}
    assert {link[1:] for link in links} <= ids


def test_a_table_has_a_caption_headers_that_say_what_they_head_and_numbers_to_the_right():
    columns = (
        Column("Code"),
        Column("People", "count"),
        Column("Share", "share"),
        Column("Of", "figures"),
        Column("Said"),
    )
    page = one_section(
        Table("How many", columns, (("A", 1234, 0.3444, "1 %\n(0 to 2)", "so"), ("B", None, None, None, "not checked")))
    )
    assert '<div class="scroll" role="region" tabindex="0" aria-label="Table 1. How many">' in page
    assert '<caption><span class="name"><span class="number">Table 1.</span> How many</span></caption>' in page
    assert rows_of(page) == [
        [
            *(("th", ' scope="col"', "Code"), ("th", ' scope="col" class="figure"', "People")),
            *(("th", ' scope="col" class="figure"', "Share"), ("th", ' scope="col" class="figure"', "Of")),
            ("th", ' scope="col"', "Said"),
        ],
        [
            *(
                ("th", ' scope="row"', "A"),
                ("td", ' class="figure"', "1,234"),
                ("td", ' class="figure"', "34.4\u00a0%"),
            ),
            ("td", ' class="figure"', '1\u00a0% <span class="under">(0 to 2)</span>'),
            ("td", "", "so"),
        ],
        [
            *(("th", ' scope="row"', "B"), *[("td", ' class="figure"', "[c]")] * 3),
            ("td", ' class="unchecked"', "not checked"),
        ],
    ]


def test_tables_and_figures_are_numbered_through_the_page(page):
    tables = re.findall(r'<span class="number">Table (\d+)\.</span>', page)
    figures = re.findall(r'<span class="number">Figure (\d+)\.</span>', page)
    assert tables == [str(n) for n in range(1, len(tables) + 1)]
    assert figures == ["1", "2", "3"]
    labels = re.findall(r'aria-label="([^"]*)"', page)
    assert len(labels) == len(set(labels)) == len(tables)


def test_paragraphs_lists_and_quotes_are_what_they_are():
    blocks = (
        Paragraph("Plain, 5 % of it."),
        Paragraph("Small.", small=True),
        Paragraph("Look out.", warning=True),
        Bullets(("One", "Two"), "A list"),
        Quotations(
            "Cost",
            (Quotation("Too dear.\nMuch.", "R-1/1", "a tenant", "coded by a person"), Quotation("Dear.", "R-2/1")),
        ),
    )
    body = one_section(*blocks).split("<h2>One</h2>")[1].split("</section>")[0]
    assert re.sub(r"\n *", "\n", body).strip() == (
        '<p>Plain, 5\u00a0% of it.</p>\n<p class="small">Small.</p>\n<p class="warning">Look out.</p>\n'
        "<h3>A list</h3>\n<ul>\n<li>One</li>\n<li>Two</li>\n</ul>\n"
        '<div class="quotes">\n<h3>Cost</h3>\n<div>\n'
        "<blockquote>\n<p>Too dear.\nMuch.</p>\n"
        '<footer>a tenant, comment <span class="id">R-1/1</span>, coded by a person</footer>\n</blockquote>\n'
        '<blockquote>\n<p>Dear.</p>\n<footer>comment <span class="id">R-2/1</span></footer>\n</blockquote>\n'
        "</div>\n</div>"
    )


EVIL = "</style></svg><script>alert(1)</script>\"'><img src=x onerror=alert(1)> & {{ 7 * 7 }} <Quay>"


def test_whatever_people_wrote_or_named_is_text_and_never_markup():
    evil = Document(
        EVIL,
        EVIL,
        (EVIL,),
        (
            Section(
                "one",
                EVIL,
                (
                    Paragraph(EVIL),
                    Bullets((EVIL,), EVIL),
                    Table(EVIL, (Column(EVIL), Column(EVIL, "figures")), ((EVIL, EVIL),), EVIL),
                    Quotations(EVIL, (Quotation(EVIL, EVIL, EVIL, EVIL),)),
                    Chart(EVIL, (Bar(EVIL, 0.2, 0.1, 0.3, 0.2),), EVIL, EVIL, EVIL),
                ),
            ),
        ),
    )
    found = Elements(as_html(evil))
    assert {tag for tag, _ in found.found} & {"script", "img", "quay"} == set()
    assert [attributes for _, attributes in found.found if "onerror" in attributes] == []
    assert found.open == []
    assert {text for _, text in found.headings if text not in ("Contents", "Main points")} == {EVIL}


def test_the_invented_names_stand_in_the_page_as_they_are(page, elements):
    assert {tag for tag, _ in elements.found} & {"b", "quay"} == set()
    assert "Lower &lt;Quay&gt;" in page
    assert "Waiting “too long”" in page
    assert "What a tenant said about Access &amp; opening hours &amp; &lt;b&gt;more&lt;/b&gt;, [name]." in page


def test_no_comment_that_is_not_quoted_and_no_suppressed_number_is_in_the_page(page):
    assert '<th scope="row">Collaborative</th>' in page
    row = re.search(r'<th scope="row">Collaborative</th>(.*?)</tr>', page, re.DOTALL)[1]
    assert re.findall(r">([^<>]+)</td>", row) == ["[c]"] * 6 + ["suppressed"]


def test_the_page_is_written_whole_and_takes_the_place_of_an_older_one(tmp_path, page):
    path = tmp_path / "report.html"
    path.write_text("older")
    write_page(invented_findings(), path)
    assert path.read_bytes() == page.encode()
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(OutputError, match="there is no folder"):
        write_page(invented_findings(), tmp_path / "nowhere" / "report.html")


def test_the_same_findings_make_the_same_page(page):
    assert as_html(tell(invented_findings())) == page
