import re
import xml.etree.ElementTree as ET

import pytest

from pipeline.publishing.bars import chart_svg
from pipeline.publishing.document import Bar, Chart

SVG = "{http://www.w3.org/2000/svg}"
WARDS = Chart(
    "Ward: respondents & population",
    (
        Bar("Harbour & Docks", 0.39, 0.34, 0.44, 0.30),
        Bar("Lower <Quay>", None, None, None, 0.02),
        Bar("Old Town", 0.20, 0.15, 0.26, 0.5, unchecked=True),
    ),
    "Over-represented among respondents: Harbour & Docks.",
    beside_name="Share of the population",
)


def drawn(chart, narrow=False, number=1):
    """The chart as a tree; a page needs no namespace, a parser does."""
    return ET.fromstring(chart_svg(chart, number, narrow).replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))


def words(tree):
    """What is written in the picture, in the order it is drawn, with plain spaces."""
    return [element.text.replace("\u00a0", " ") for element in tree.iter(f"{SVG}text")]


def bars(tree):
    """The boxes that are neither key nor pattern: left end, width, and whether they are hatched."""
    boxes = tree.findall(f"{SVG}rect")
    return [(float(b.get("x")), float(b.get("width")), b.get("fill").startswith("url(")) for b in boxes]


def many(count, **changes):
    return Chart(
        "Theme", tuple(Bar(f"Code {n}", n / 100, n / 200, n / 90, **changes) for n in range(1, count + 1)), "Most."
    )


def test_every_name_value_interval_and_comparison_is_written_in_the_picture():
    assert words(drawn(WARDS)) == [
        *("Share of respondents", "Share of respondents, not checked", "95 % interval", "Share of the population"),
        *("[c]", "not published", "0", "10 %", "20 %", "30 %", "40 %", "50 %"),
        *("Harbour & Docks", "39.0 % (34.0 to 44.0)", "◇ 30.0 %"),
        *("Lower <Quay>", "[c]", "◇ 2.0 %"),
        *("Old Town", "20.0 % (15.0 to 26.0)", "◇ 50.0 %", "not checked"),
    ]


def test_a_narrow_picture_says_the_same():
    assert sorted(words(drawn(WARDS, narrow=True))) == sorted(words(drawn(WARDS)))


def test_bars_are_as_long_as_their_shares_hatched_where_not_checked_and_missing_where_suppressed():
    (left, first, hatched), (other, second, unchecked) = bars(drawn(WARDS))
    assert (left, hatched, unchecked) == (other, False, True)
    assert first / second == pytest.approx(0.39 / 0.20, rel=0.01)


def test_the_interval_and_what_is_compared_stand_where_the_axis_says():
    tree = drawn(WARDS)
    at = {
        t.text.replace("\u00a0", " "): float(t.get("x"))
        for t in tree.findall(f"{SVG}text")
        if t.get("text-anchor") == "middle"
    }
    one_point = (at["50 %"] - at["0"]) / 50
    halo = tree.find(f"{SVG}path[@class='halo']").get("d")
    low, high = map(float, re.match(r"M([\d.]+) [\d.]+H([\d.]+)", halo).groups())
    assert ((low - at["0"]) / one_point, (high - at["0"]) / one_point) == pytest.approx((34, 44), abs=0.1)
    diamonds = [d.get("d") for d in tree.findall(f"{SVG}path[@class='beside']")]
    places = [(float(re.match(r"M([\d.]+)", d)[1]) - at["0"]) / one_point for d in diamonds]
    assert places == pytest.approx([30, 2, 50], abs=0.1)


@pytest.mark.parametrize("narrow", [False, True])
def test_a_picture_is_told_in_words_to_who_cannot_see_it(narrow):
    tree = drawn(WARDS, narrow)
    by_id = {element.get("id"): element.text for element in tree.iter() if element.get("id")}
    assert tree.get("role") == "img"
    assert by_id[tree.get("aria-labelledby")] == "Ward: respondents & population"
    assert by_id[tree.get("aria-describedby")] == (
        "Over-represented among respondents: Harbour & Docks. 3 bars, with 95\u00a0% intervals where they are known; "
        "the table says the same in figures."
    )


def test_no_two_pictures_of_a_page_share_an_id():
    every = "".join(chart_svg(WARDS, number, narrow) for number in (1, 2) for narrow in (False, True))
    ids = re.findall(r'\bid="([^"]+)"', every)
    assert (len(ids), len(set(ids))) == (12, 12)
    assert set(re.findall(r'url\(#([^)]+)\)|labelledby="([^"]+)"', every)) <= {(i, "") for i in ids} | {
        ("", i) for i in ids
    }


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "Consultation, engagement and the feeling of having been listened to politely and then ignored altogether",
        "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch" * 2,
        "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
        "地域の交通機関と公共サービスに関する意見と要望のまとめ" * 2,
    ],
)
def test_a_long_name_goes_over_several_lines_and_is_never_cut(name, narrow):
    tree = drawn(Chart("Theme", (Bar(name, 0.1, 0.05, 0.2),), "One."), narrow)
    lines = [line for line in words(tree) if len(line) > 3 and line.strip(" ") in name]
    assert "".join(lines).replace(" ", "") == name.replace(" ", "")
    assert len(lines) > 1


def test_names_that_hold_markup_or_control_characters_are_text():
    chart = Chart("<b>", (Bar('<script>"&\x00\x1b', 0.1),), "</desc><script>")
    assert "<script" not in chart_svg(chart, 1)
    assert words(drawn(chart))[-2:] == ['<script>"&  ', "10.0 %"]
    assert drawn(chart).findtext(f"{SVG}desc").startswith("</desc><script> 1 bar,")


def test_forty_codes_stand_below_one_another_in_one_picture():
    tree = drawn(many(40))
    heights = [float(box.get("y")) for box in tree.findall(f"{SVG}rect")]
    assert heights == sorted(heights)
    assert (len(heights), float(tree.get("viewBox").split()[3]) > heights[-1]) == (40, True)


def test_where_nothing_was_checked_it_is_said_once_and_every_bar_is_hatched():
    tree = drawn(many(3, unchecked=True))
    assert words(tree)[:2] == ["Share of respondents, not checked", "95 % interval"]
    assert [word for word in words(tree) if "not checked" in word] == ["Share of respondents, not checked"]
    assert [hatched for *_, hatched in bars(tree)] == [True, True, True]


@pytest.mark.parametrize(
    ("share", "last"), [(0.0, "1 %"), (0.008, "1 %"), (0.04, "4 %"), (0.34, "40 %"), (1.0, "100 %")]
)
def test_the_axis_ends_at_a_round_share_beyond_the_longest(share, last):
    tree = drawn(Chart("Theme", (Bar("A", share),), "One."))
    ticks = [word for word in words(tree) if re.fullmatch(r"\d+ %", word)]
    assert ticks[-1] == last
    assert bars(tree)[0][1] >= 1


def test_a_chart_without_bars_is_an_empty_picture():
    assert words(drawn(Chart("Theme", (), "None."))) == ["0", "2 %", "4 %", "6 %", "8 %", "10 %"]
