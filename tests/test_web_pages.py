"""The pages of the web app besides queue and comment, asked without a browser."""

import contextlib
import io
import re
import threading
import time
from dataclasses import replace

import pytest
from decided import COMMENTS, decide, make_office
from invented import QUICK
from web_server import Visitor, make_app, make_model, make_run, row

from pipeline.errors import UserError
from pipeline.learning.model_store import current_model
from pipeline.reviewing.review import Review
from pipeline.web import create_app
from pipeline.web.jobs import DONE, FAILED, RUNNING, WAITING, Jobs, jobs

MARKUP = "<script>alert(1)</script> & <b>bold</b>"


def some_rows():
    """Thirty comments, every third without a code; one full of markup."""
    given = [{"topic": ["parks"], "tone": ["cross"]}, {"topic": ["housing"], "tone": []}, {"topic": [], "tone": []}]
    texts = ["The park gate is shut", "My flat is damp", "The library closes too early"]
    rows = [row(n, f"{texts[n % 3]}, number {n}", given=given[n % 3]) for n in range(1, 31)]
    rows[0] = replace(rows[0], text=MARKUP)
    for n, one in enumerate(rows):
        one.others["Ward"] = ("Bow", "Old Ford")[n % 2]
    return rows


@pytest.fixture
def app(tmp_path):
    make_run(tmp_path / "runs" / "spring", some_rows())
    make_model(tmp_path / "models" / "engagement")
    return make_app(tmp_path)


@pytest.fixture
def analyst(app):
    return Visitor(app)


@pytest.fixture
def run(app, tmp_path):
    return tmp_path / "runs" / "spring"


def cells(page):
    """The rows of all tables of a page, each a list of what its cells say."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    return [[plain(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", one, re.DOTALL)] for one in rows]


def plain(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def wait_for(visitor, address):
    """Looks at a page of work until it is over; gives what its message says."""
    for _ in range(600):
        answer = visitor.get(address)
        if "Refresh" not in answer.headers:
            return plain(re.search(r'<p class="message[^>]*>(.*?)</p>', visitor.page, re.DOTALL).group(1))
        assert answer.headers["Refresh"] == "2"
        time.sleep(0.05)
    raise AssertionError("the work does not end")


# ---- home ------------------------------------------------------------------------------------------------------------


def test_home_lists_each_run_with_how_far_it_is(analyst, run, tmp_path):
    make_run(tmp_path / "runs" / "broken", [row(1)])
    (tmp_path / "runs" / "broken" / "comments.db").write_bytes(b"")
    analyst.post("/runs/spring/check/draw", token_from="/", size="5")
    analyst.post("/runs/spring/check/1", token_from="/", topic="parks")
    decide(run, {"r1-q1": ["parks"]})
    analyst.get("/")
    head, *rows = cells(analyst.page)
    assert head == ["Run", "Comments", "Waiting with doubts", "Decided", "Check sample", "Model", "Coded"]
    assert ["spring", "30", "0", "1", "An analyst: 1 of 5", "engagement", ""] in rows
    (broken,) = [one for one in rows if one[0] == "broken"]
    assert len(broken) == 2
    assert broken[1].startswith("Cannot be opened. ")


def test_home_of_one_run_only_is_its_comments_and_takes_no_export(tmp_path):
    make_run(tmp_path / "runs" / "spring", some_rows())
    visitor = Visitor(make_app(tmp_path, only="spring"))
    assert visitor.get("/").location == "/runs/spring/"
    assert upload(visitor, b"views\nThe bus is late\n").status_code == 404


def upload(visitor, content, filename="autumn.csv", **fields):
    page = visitor.browser.get("/", follow_redirects=True).text
    data = {"csrf_token": re.search(r'csrf_token" value="([^"]+)"', page).group(1), **fields}
    answer = visitor.browser.post("/runs", data=data | {"export": (io.BytesIO(content), filename)})
    visitor.page = answer.text
    return answer


@pytest.mark.parametrize(
    ("filename", "name", "problem"),
    [
        ("autumn.exe", "", ".exe is not a kind of export. What to do: use .csv,"),
        ("autumn", "", "No ending is not a kind of export. What to do: use .csv,"),
        ("autumn.csv", "../out", "A run cannot be called '../out'. What to do: use up to 60 letters"),
        ("autumn.csv", ".hidden", "A run cannot be called '.hidden'."),
        ("autumn.csv", "uploads", "A run cannot be called 'uploads'."),
        ("autumn.csv", "CON.txt", "A run cannot be called 'CON.txt'."),
        ("autumn.csv", "Spring", "There is a run or folder 'Spring' already. What to do: choose another name."),
        ("spring.csv", "", "There is a run or folder 'spring' already."),
        ("", "", "No file was chosen. What to do: choose the export to be coded."),
    ],
)
def test_an_export_or_name_that_will_not_do_is_refused_at_the_form_and_nothing_is_kept(
    analyst, tmp_path, filename, name, problem
):
    before = sorted(tmp_path.rglob("*"))
    answer = upload(analyst, b"views\nThe bus is late\n", filename, name=name, questions="views")
    assert answer.status_code == 400
    said = plain(re.search(r'role="alert">(.*?)</p>', analyst.page, re.DOTALL).group(1))
    assert said.replace("&#39;", "'").startswith(problem)
    assert ">views</textarea>" in analyst.page.replace("\n", "")
    assert [path for path in sorted(tmp_path.rglob("*")) if "decisions.db" not in path.name] == before


def test_an_export_that_waits_to_be_coded_is_not_replaced_by_another_of_its_name(app, tmp_path):
    visitor, go_on = Visitor(app), threading.Event()
    with app.app_context():
        jobs().start("test", "Something long", "", "An analyst", lambda _: go_on.wait(20))
    try:
        assert upload(visitor, b"views\nThe bus is late\n", "summer.csv", name="Summer").status_code == 303
        assert upload(visitor, b"views\nAnother survey\n", "other.csv", name="summer").status_code == 400
        assert "There is a run or folder &#39;summer&#39; already." in visitor.page
        uploads = tmp_path / "runs" / "uploads"
        assert {path.name: path.read_bytes() for path in uploads.iterdir()} == {
            "Summer.csv": b"views\nThe bus is late\n"
        }
    finally:
        go_on.set()


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """A model of an invented corpus, an export and a run of it; the app over them, quick settings."""
    folder = tmp_path_factory.mktemp("office")
    settings = replace(QUICK, models=folder / "models")
    with contextlib.chdir(folder):
        run = make_office(folder, settings)
        decide(run, {f"r{n}-q1": [code] for n, (_, code) in enumerate(COMMENTS) if n < 20})
        yield folder, run, create_app(settings, folder / "runs", token="once"), settings


def test_an_export_is_coded_behind_the_page_and_kept_among_the_uploads(office):
    folder, _, app, _ = office
    visitor, content = Visitor(app), (folder / "export.csv").read_bytes()
    answer = upload(visitor, content, "../../Autumn views (final).csv", questions="views")
    assert answer.status_code == 303
    assert wait_for(visitor, answer.location).startswith("Done in ")
    assert f"<dd>{len(COMMENTS)}</dd>" in visitor.page
    assert (folder / "runs" / "uploads" / "Autumn-views-final.csv").read_bytes() == content
    visitor.get("/")
    assert "Autumn-views-final" in [line[0] for line in cells(visitor.page)]
    with Review(folder / "runs" / "Autumn-views-final") as review:
        assert review.total == len(COMMENTS)


def test_what_is_wrong_with_an_export_is_told_in_one_line_with_the_fix_in_words_of_the_form(office):
    _, _, app, _ = office
    visitor = Visitor(app)
    answer = upload(visitor, b"a,b\n1,2\n3,4\n", "numbers.csv")
    assert wait_for(visitor, answer.location) == (
        "No column looks like free text. What to do: name one under “Columns with comments”, such as 'b'."
    )


# ---- work ------------------------------------------------------------------------------------------------------------


def test_one_piece_of_work_is_done_at_a_time_and_the_next_begins_whatever_became_of_the_first():
    work, begun, go_on, order = Jobs(), threading.Event(), threading.Event(), []

    def first(progress):
        progress("reading", 1, 4)
        begun.set()
        go_on.wait(10)
        order.append("first")
        raise ValueError("the words of a comment")

    def second(progress):
        order.append("second")
        return 42

    one = work.start("coding", "Coding a", "a", "an analyst", first)
    begun.wait(10)
    two = work.start("coding", "Coding b", "b", "an analyst", second)
    assert (work.find(one.id).state, work.find(one.id).step, work.find(one.id).percent) == (RUNNING, "reading", 25)
    assert (work.find(two.id).state, work.ahead_of(two)) == (WAITING, 1)
    with pytest.raises(UserError, match="Coding b is under way already"):
        work.start("coding", "Coding b", "b", "a colleague", second)
    go_on.set()
    while not work.find(two.id).over:
        time.sleep(0.01)
    assert order == ["first", "second"]
    failed, done = work.find(one.id), work.find(two.id)
    assert (failed.state, failed.problem) == (
        FAILED,
        "This is a fault of the tool (ValueError). What to do: report it.",
    )
    assert (done.state, done.result, work.ahead_of(two)) == (DONE, 42, 0)


def test_a_fault_is_logged_by_its_place_never_by_what_it_says(caplog):
    work = Jobs()

    def fail(progress):
        raise ValueError("my neighbour at number 4")

    job = work.start("coding", "Coding a", "a", "an analyst", fail)
    while not work.find(job.id).over:
        time.sleep(0.01)
    assert "coding failed with ValueError" in caplog.text
    assert "in fail" in caplog.text
    assert "neighbour at" not in caplog.text.replace('raise ValueError("my neighbour at number 4")', "")


def test_a_page_of_work_can_be_held_still_and_forgotten_work_is_not_found(office):
    _, _, app, _ = office
    visitor, go_on = Visitor(app), threading.Event()
    with app.app_context():
        job = jobs().start("other", "Waiting", "x", "an analyst", lambda progress: go_on.wait(10))
    moving, still = visitor.get(f"/work/{job.id}"), visitor.get(f"/work/{job.id}?still=1")
    go_on.set()
    assert (moving.headers.get("Refresh"), still.headers.get("Refresh")) == ("2", None)
    assert visitor.get("/work/nothing").status_code == 404


# ---- check sample ----------------------------------------------------------------------------------------------------


def test_the_pages_of_the_check_sample_hold_nothing_of_what_the_machine_or_anybody_else_said(analyst, app, run):
    decide(run, {f"r{n}-q1": ["housing"] for n in range(1, 31)}, who="A colleague")
    analyst.post("/runs/spring/check/draw", token_from="/", own="30")
    colleague = Visitor(app, name="A colleague")
    pages = []
    for place in range(1, 31):
        colleague.post(f"/runs/spring/check/{place}", token_from="/", topic="transport", tone="pleased")
        assert analyst.get(f"/runs/spring/check/{place}").status_code == 200
        pages.append(analyst.page)
    assert [re.findall(r"<input [^>]*name=[^>]*checked[^>]*>", page) for page in pages] == [[]] * 30
    # But for the comment itself and its place the pages are the same, whatever its codes are.
    bare = {
        re.sub(r"check/\d+|Check \d+|token\" value=\"[^\"]+|<blockquote.*?</blockquote>", "", page, flags=re.DOTALL)
        for page in pages[1:-1]
    }
    assert len(bare) == 1
    assert MARKUP not in analyst.browser.get(f"/runs/spring/check/{place_of(run, 'r1-q1')}").text


def place_of(run, comment_id):
    with Review(run) as review:
        return next(one.place for one in review.store.sample() if one.comment_id == comment_id)


def test_a_coder_goes_from_comment_to_comment_and_sees_own_codes_again(analyst, app, run):
    analyst.post("/runs/spring/check/draw", token_from="/", own="3")
    assert analyst.post("/runs/spring/check/2", token_from="/", topic="parks").location == "/runs/spring/check/3"
    assert analyst.post("/runs/spring/check/3", token_from="/").location == "/runs/spring/check/1"
    assert (
        analyst.post("/runs/spring/check/1", token_from="/", topic=["parks", "housing"]).location
        == "/runs/spring/check"
    )
    analyst.get("/runs/spring/check/1")
    assert re.findall(r'value="(\w*)"[^>]* checked', analyst.page) == ["parks", "housing", ""]
    with Review(run) as review:
        first = review.store.sample()[0].comment_id
        said = {(one.comment_id, one.facet): one.codes for one in review.store.check_codes("An analyst")}
        assert (said[(first, "topic")], said[(first, "tone")], len(said)) == (("housing", "parks"), (), 6)
        assert list(review.store.standing()) == []
    colleague = Visitor(app, name="A colleague")
    colleague.get("/runs/spring/check")
    assert "An analyst: 3 of 3" in colleague.page
    assert "<strong>0</strong> of 3 coded by you" in colleague.page


def test_sizes_are_offered_with_what_they_buy_and_a_wrong_one_is_told(analyst):
    analyst.get("/runs/spring/check")
    assert "for ±10 points one would read 93, so read them all" in analyst.page
    analyst.post("/runs/spring/check/draw", token_from="/", own="31")
    analyst.get("/runs/spring/check")
    assert analyst.said() == [
        "spring: a sample of 31 cannot be drawn of 30 comments. What to do: choose a size from 1 to 30."
    ]


@pytest.mark.parametrize("fields", [{"topic": "nonsense"}, {"tone": ["pleased", "cross"]}])
def test_codes_that_cannot_be_are_refused(analyst, run, fields):
    analyst.post("/runs/spring/check/draw", token_from="/", own="3")
    assert analyst.post("/runs/spring/check/1", token_from="/", **fields).status_code == 400
    assert analyst.post("/runs/spring/check/4", token_from="/").status_code == 404
    with Review(run) as review:
        assert review.store.check_codes() == []


# ---- quality ---------------------------------------------------------------------------------------------------------


def test_quality_asks_for_a_sample_then_for_coders_then_for_more_comments(analyst):
    analyst.get("/runs/spring/quality")
    assert "Draw a check sample" in analyst.page
    analyst.post("/runs/spring/check/draw", token_from="/", own="30")
    analyst.get("/runs/spring/quality")
    assert "nobody has coded any of them yet" in analyst.page
    analyst.post("/runs/spring/check/1", token_from="/", topic="parks")
    analyst.get("/runs/spring/quality")
    assert "coded 1 so far: too few for figures that mean anything. From 20 on they are shown here." in analyst.page
    assert "<table" not in analyst.page


def check_all(run, coder, wrong=()):
    """A coder says what the machine said, but for some numbers of comments."""
    with Review(run) as review:
        coded = [
            (line.comment_id, facet.id, () if line.n in wrong else line.facets[facet.id].machine)
            for line in review.all_lines()
            for facet in review.facets
        ]
        review.store.check(coder, "screen", coded)


def test_quality_shows_machine_and_coders_with_ranges_by_code_and_group_and_person(analyst, run):
    analyst.post("/runs/spring/check/draw", token_from="/", own="30")
    check_all(run, "An analyst", wrong=(3, 6))
    check_all(run, "A colleague")
    analyst.get("/runs/spring/quality?coder=A+colleague&column=Ward")
    rows = cells(analyst.page)
    assert ["An analyst", "93 % (79–98 %) of 30", "93 % (79–98 %) of 30"] in rows
    assert ["A colleague", "100 % (89–100 %) of 30", "100 % (89–100 %) of 30"] in rows
    (parks,) = [one for one in rows if one[0] == "Parks"]
    assert parks[1:4] == ["33 % (19–51 %)", "100 % (72–100 %) of 10", "100 % (72–100 %) of 10"]
    assert re.fullmatch(r"0\.8\d \(0\.\d\d to 0\.\d\d\)", parks[4])
    assert ["Bow", "15", "100 % (80–100 %) of 15", "100 % (80–100 %) of 15", "no clear difference"] in rows
    assert ["Transport", "0 % (0–11 %)", "not known", "not known", "not known", "not known"] in rows
    assert "now against <strong>A colleague</strong>" in analyst.page
    analyst.get("/runs/spring/quality?coder=An+analyst&column=nonsense")
    (parks,) = [one for one in cells(analyst.page) if one[0] == "Parks"]
    assert parks[2] == "80 % (49–94 %) of 10"


# ---- codebook --------------------------------------------------------------------------------------------------------


def form_of(visitor, address):
    """What the form of a code holds, as a browser would send it."""
    visitor.get(address)
    page = visitor.page.split('class="code-form"')[1]
    found = dict(re.findall(r'<input type="(?:text|hidden)" (?:id="\w+" )?name="(\w+)" value="([^"]*)"', page))
    found |= dict(re.findall(r'<textarea id="\w+" name="(\w+)"[^>]*>\n([^<]*)</textarea>', page))
    found["example_text"] = re.findall(r'name="example_text" rows="2">\n([^<]*)<', page)
    found["example_voice"] = re.findall(r'name="example_voice" value="([^"]*)"', page)
    found["example_also"] = re.findall(r'name="example_also" value="([^"]*)"', page)
    return {name: value for name, value in found.items() if name != "csrf_token"}


PARKS = "/runs/spring/codebook/topic/parks"


def test_a_form_sent_back_as_it_was_changes_nothing(analyst, run):
    assert analyst.post(PARKS, token_from="/", **form_of(analyst, PARKS)).status_code == 303
    analyst.get(PARKS)
    assert analyst.said() == ["Nothing was changed, so nothing was saved."]
    with Review(run) as review:
        assert review.store.book() is None


def test_an_edited_code_is_a_new_version_that_tells_who_what_and_why(analyst, run):
    with Review(run) as review:
        before = review.codebook.by_id["topic"].by_id["parks"]
    form = form_of(analyst, PARKS)
    form |= {"definition": "Green\r\nspaces", "include": "trees\r\n\r\n lawns ", "exclude": "car parks | Transport"}
    form["example_text"] = [*form["example_text"][:-1], "A tree fell"]
    assert analyst.post(PARKS, token_from="/", **form | {"note": "asked by many"}).location == PARKS
    with Review(run) as review:
        code = review.codebook.by_id["topic"].by_id["parks"]
    assert (code.id, code.definition, code.include) == ("parks", "Green\nspaces", ("trees", "lawns"))
    assert [(one.what, one.code) for one in code.exclude] == [("car parks", "transport")]
    assert [one.text for one in code.examples] == [*(one.text for one in before.examples), "A tree fell"]
    analyst.get("/runs/spring/codebook")
    version = next(one for one in cells(analyst.page) if one[0] == "1")
    assert (version[1], version[3]) == ("An analyst", "asked by many")
    assert version[4] == "Topic: “Parks”, definition, what to include, what to leave to others and examples changed"
    assert version[5] == "current"


def test_what_is_wrong_with_a_code_is_told_at_the_form_and_nothing_typed_is_lost(analyst, run):
    form = form_of(analyst, PARKS) | {"name": "Housing", "definition": "Typed & long", "exclude": "flats | nonsense"}
    answer = analyst.post(PARKS, token_from="/", **form)
    assert answer.status_code == 400
    said = "codebook, facet 'topic': two codes are called 'housing'. What to do: rename one, or drop the alias."
    assert said in analyst.page
    assert "Typed & long</textarea>" in analyst.page
    assert "flats | nonsense</textarea>" in analyst.page
    with Review(run) as review:
        assert review.store.book() is None


def test_a_code_that_somebody_else_changed_meanwhile_is_not_overwritten(analyst, app, run):
    mine = form_of(analyst, PARKS) | {"definition": "Mine"}
    colleague = Visitor(app, name="A colleague")
    colleague.post(PARKS, token_from="/", **form_of(colleague, PARKS) | {"definition": "Theirs"})
    other = "/runs/spring/codebook/topic/housing"
    assert analyst.post(other, token_from="/", **form_of(analyst, other) | {"definition": "Homes"}).status_code == 303
    assert analyst.post(PARKS, token_from="/", **mine).status_code == 409
    assert "<dd>Theirs</dd>" in analyst.page
    assert "Mine</textarea>" in analyst.page
    seen = re.search(r'name="seen" value="(\w+)"', analyst.page).group(1)
    assert analyst.post(PARKS, token_from="/", **mine | {"seen": seen}).status_code == 303
    with Review(run) as review:
        topic = review.codebook.by_id["topic"].by_id
        assert (topic["parks"].definition, topic["housing"].definition) == ("Mine", "Homes")
        assert len(review.store.book_versions()) == 3


def test_a_code_can_be_added_and_earlier_versions_taken_up_again_as_long_as_nobody_used_it(analyst, run):
    new = "/runs/spring/codebook/topic/new"
    answer = analyst.post(new, token_from="/", **form_of(analyst, new) | {"name": "Libraries", "definition": "Books."})
    assert answer.location == "/runs/spring/codebook/topic/libraries"
    assert analyst.post(new, token_from="/", name="").status_code == 400
    analyst.post("/runs/spring/codebook/versions/0", token_from="/")
    with Review(run) as review:
        assert "libraries" not in review.codebook.by_id["topic"].by_id
    analyst.post("/runs/spring/codebook/versions/1", token_from="/")
    decide(run, {"r1-q1": ["libraries"]})
    analyst.get("/runs/spring/codebook")  # the messages so far
    analyst.post("/runs/spring/codebook/versions/0", token_from="/runs/spring/codebook")
    analyst.get("/runs/spring/codebook")
    assert analyst.said() == ["Not done: Libraries would be left out, but comments have it, or the machine gives it."]
    assert [one[3] for one in cells(analyst.page) if one[0] in "0123"] == [
        "back to version 1",
        "back to version 0",
        "Topic: “Libraries” added",
        "the codebook this run was coded with",
    ]
    assert analyst.post("/runs/spring/codebook/versions/9", token_from="/").status_code == 404


def test_the_codebook_gives_each_code_its_count_and_its_verdict(analyst):
    analyst.get("/runs/spring/codebook")
    parks = next(one for one in cells(analyst.page) if one[0] == "Parks")
    assert parks == ["Parks", "no definition", "10", "1", "… too few examples"]
    analyst.get(PARKS)
    assert "The model learned it from 1 comment; it takes 20 to judge it." in analyst.page


@pytest.mark.parametrize("end", ["nonsense/parks", "topic/nonsense", "nonsense/new"])
def test_a_code_that_is_not_in_the_codebook_is_not_found(analyst, end):
    assert analyst.get(f"/runs/spring/codebook/{end}").status_code == 404


# ---- uncoded ---------------------------------------------------------------------------------------------------------


def test_a_group_of_uncoded_comments_becomes_a_code_with_examples_and_decisions(analyst, run):
    analyst.get("/runs/spring/uncoded")
    assert "10 comments: closes, early, library" in analyst.page
    first = re.search(r"/runs/spring/uncoded/(\d+)", analyst.page).group(1)
    group = f"/runs/spring/uncoded/{first}"
    analyst.get(group)
    offered = re.findall(r'name="example" value="(\d+)"[^>]* checked', analyst.page)
    assert len(offered) == 3
    ticked = re.findall(r'name="n" value="(\d+)"[^>]* checked', analyst.page)
    assert sorted(map(int, ticked)) == list(range(2, 30, 3))
    fields = {"name": "Libraries", "definition": "Books.", "facet": "topic", "n": ["2", "5"], "example": "5"}
    assert analyst.post(group, token_from=group, **fields).location == "/runs/spring/codebook/topic/libraries"
    with Review(run) as review:
        code = review.codebook.by_id["topic"].by_id["libraries"]
        assert (code.definition, [one.text for one in code.examples]) == (
            "Books.",
            ["The library closes too early, number 5"],
        )
        standing = {one.comment_id: (one.facet, one.codes, one.who) for one in review.store.standing()}
        assert standing == {f"r{n}-q1": ("topic", ("libraries",), "An analyst") for n in (2, 5)}
    analyst.get("/runs/spring/uncoded")
    assert "8 comments have no code" in analyst.page


def test_a_name_that_is_taken_changes_nothing_and_what_was_ticked_stays_ticked(analyst, run):
    analyst.get("/runs/spring/uncoded")
    group = "/runs/spring/uncoded/" + re.search(r"/runs/spring/uncoded/(\d+)", analyst.page).group(1)
    fields = {"name": "Parks", "definition": "Typed", "facet": "topic", "n": ["2", "5"], "example": "8"}
    assert analyst.post(group, token_from=group, **fields).status_code == 400
    assert "two codes are called 'parks'" in analyst.page
    assert sorted(re.findall(r'name="n" value="(\d+)"[^>]* checked', analyst.page)) == ["2", "5"]
    assert re.findall(r'name="example" value="(\d+)"[^>]* checked', analyst.page) == ["8"]
    assert "Typed</textarea>" in analyst.page
    with Review(run) as review:
        assert (review.store.book(), list(review.store.standing())) == (None, [])


def test_no_code_is_made_of_a_group_as_it_was_under_another_model(analyst, run):
    fields = {"name": "Libraries", "facet": "topic", "n": ["2", "5"], "coded_by": "e" * 64}
    assert analyst.post("/runs/spring/uncoded/2", token_from="/runs/spring/uncoded/2", **fields).status_code == 400
    assert "The run was coded again since you loaded the page." in analyst.page
    with Review(run) as review:
        assert (review.store.book(), list(review.store.standing())) == (None, [])


def test_a_group_that_is_gone_leads_back_to_those_there_are(analyst):
    assert analyst.get("/runs/spring/uncoded/1").location == "/runs/spring/uncoded"
    assert analyst.get("/runs/spring/uncoded?facet=nonsense").status_code == 404


# ---- learn -----------------------------------------------------------------------------------------------------------


def test_without_decisions_there_is_nothing_to_learn(analyst):
    analyst.get("/runs/spring/learn")
    assert "Nobody has decided anything here yet" in analyst.page
    answer = analyst.post("/runs/spring/learn", token_from="/")
    assert "What to do" in wait_for(analyst, answer.location)


def test_a_model_is_trained_compared_used_and_the_run_coded_again(office):
    _, run, app, settings = office
    visitor = Visitor(app)
    visitor.get("/runs/spring/learn")
    assert "People decided <strong>20</strong>" in visitor.page
    answer = visitor.post("/runs/spring/learn", token_from="/runs/spring/learn")
    assert wait_for(visitor, answer.location).startswith("Done in ")
    visitor.get("/runs/spring/learn")
    learned = re.search(r"first-2 learned from \d+ comments, 20 of them decided in runs", visitor.page)
    assert learned
    assert "first against first-2" in visitor.page
    assert {"first", "first-2"} <= {one[0] for one in cells(visitor.page)}
    assert any(one[0] == "Topic on the corpus and the decided comments, sample-F1" for one in cells(visitor.page))
    visitor.post("/runs/spring/learn/use", token_from="/", model="first")
    assert current_model(settings).name == "first"
    visitor.post("/runs/spring/learn/use", token_from="/", model="first-2")
    assert current_model(settings).name == "first-2"
    answer = visitor.post("/runs/spring/learn/again", token_from="/", model="first-2")
    assert wait_for(visitor, answer.location).startswith("Done in ")
    visitor.get("/runs/spring/learn")
    assert "first → first-2." in visitor.page
    assert any(one[:1] == ["first-2"] and "coded this run" in one[4] for one in cells(visitor.page))
    with Review(run) as review:
        assert review.store.meta("model")["name"] == "first-2"
        assert len(list(review.store.standing())) == 20
    for end in ("use", "again"):
        assert visitor.post(f"/runs/spring/learn/{end}", token_from="/", model="../first").status_code == 404


# ---- all of them -----------------------------------------------------------------------------------------------------

PAGES = ("check", "quality", "codebook", "codebook/topic/parks", "codebook/topic/new", "uncoded", "learn")


@pytest.mark.parametrize("end", PAGES)
def test_pages_are_for_those_who_have_come_in_and_for_runs_there_are(analyst, app, end):
    assert analyst.get(f"/runs/spring/{end}").status_code == 200
    assert analyst.get(f"/runs/nonsense/{end}").status_code == 404
    stranger = Visitor(app, name="")
    assert stranger.get(f"/runs/spring/{end}").location == "/enter"
    assert stranger.browser.post(f"/runs/spring/{end}").status_code in (400, 403)


@pytest.mark.parametrize(
    "address", ["check/draw", "check/1", "codebook/topic/parks", "codebook/versions/0", "uncoded/2", "learn"]
)
def test_forms_need_the_token_of_a_page(analyst, address, run):
    assert analyst.browser.post(f"/runs/spring/{address}", data={"own": "5"}).status_code == 400
    with Review(run) as review:
        assert review.store.acts() == []


def test_every_page_has_one_heading_labels_and_captions_and_no_script_or_style_of_its_own(analyst, run):
    analyst.post("/runs/spring/check/draw", token_from="/", own="30")
    check_all(run, "An analyst")
    for end in (*PAGES, "check/1", "uncoded/2"):
        analyst.get(f"/runs/spring/{end}")
        page = analyst.browser.get(f"/runs/spring/{end}", follow_redirects=True).text
        assert len(re.findall(r"<h1", page)) == 1, end
        assert page.count("<table") == page.count("<caption"), end
        assert not re.search(r"<style|style=|<script(?! src=\"/static/)| on\w+=|src=\"http|href=\"http", page), end
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids)), end
        for box in re.findall(r"<(?:input|select|textarea) (?!type=\"hidden\")[^>]*>", page):
            id_ = re.search(r' id="([^"]+)"', box)
            labels = re.findall(r"<label.*?</label>", page, re.DOTALL)
            labelled = any(box in label or (id_ and f'for="{id_[1]}"' in label) for label in labels)
            assert labelled or "aria-label" in box, (end, box)
