"""The web app: its door, its queue and its page of a comment, asked without a browser."""

import logging
import re
import urllib.request
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from web_server import TOKEN, Visitor, make_app, make_model, make_run, row, serving

from pipeline.errors import InputError
from pipeline.reviewing.review import Review
from pipeline.stores.review_records import Choice
from pipeline.web import HEADERS
from pipeline.web.comments import Piece, facet_letters, marked
from pipeline.web.entry import KEY
from pipeline.web.serve import listen

MARKUP = "<script>alert(1)</script> & \"quoted\" {{ 7*7 }} 'bus' benches"
WARDS = ("Bow", "Old Ford")
Place = namedtuple("Place", "folder app analyst run")


def some_rows():
    """Nine comments: a campaign of three, one full of markup, one without a code, one with doubts."""
    why = {"topic": {"transport": ("More buses please", ("buses",))}}
    near = {"near": np.array([1, 0]), "similarity": np.array([0.75, 0.5])}
    rows = [
        row(1, why=why, **near, doubts=("near the line (topic)", "unlike the corpus")),
        row(2, MARKUP, given={"topic": ["parks"], "tone": ["cross"]}),
        row(3, "Nothing to say of it all", given={}),
        *(row(n, "Keep the library open at weekends", copies=7, given={"topic": ["parks"]}) for n in (4, 5, 6)),
        *(row(n, f"The rent of flat {n} rose", given={"topic": ["housing"]}, question="Else?") for n in (7, 8, 9)),
    ]
    for n, one in enumerate(rows):
        one.others.update(Ward=WARDS[n % 2])
    return rows


@pytest.fixture
def place(tmp_path):
    """The app over one run, a model, and an analyst who has come in."""
    run = make_run(tmp_path / "runs" / "spring", some_rows())
    make_model(tmp_path / "models" / "engagement")
    app = make_app(tmp_path)
    return Place(tmp_path, app, Visitor(app), run)


def numbers(page):
    """The numbers of the comments in a page of the queue."""
    return [int(n) for n in re.findall(r'name="n" value="(\d+)"', page)]


def codes(run, n, facet="topic"):
    """The codes of a comment, and whose they are."""
    with Review(run) as review:
        one = review.lines([n])[0].facets[facet]
        return one.codes, one.source


def decide(run, who, n, facet, *chosen):
    """Somebody else decides."""
    with Review(run) as review:
        choice = Choice(f"r{n}-q1", facet, chosen)
        assert review.store.decide(who, "screen", [choice], review.store.as_of).saved == 1


# ---- the door -------------------------------------------------------------------------------------------------------


def test_the_link_works_once_and_its_secret_leaves_the_address(place):
    first, second = Visitor(place.app, name=""), Visitor(place.app, name="")
    answer = first.get(f"/enter?token={TOKEN}")
    assert (answer.status_code, answer.location) == (303, "/enter")
    second.get(f"/enter?token={TOKEN}")
    assert second.get("/enter").status_code == 403
    assert "it has been used" in second.page
    assert first.get("/enter").status_code == 200
    assert first.post("/enter", name="  Ann   of the council ").location == "/"
    with first.browser.session_transaction() as session:
        assert session["name"] == "Ann of the council"


def test_a_program_that_only_looks_whether_the_link_is_alive_does_not_use_it_up(place):
    visitor = Visitor(place.app, name="")
    visitor.browser.head(f"/enter?token={TOKEN}")
    visitor.get(f"/enter?token={TOKEN}")
    assert visitor.get("/enter").status_code == 200


@pytest.mark.parametrize("token", ["", "twice", "ö", TOKEN.upper()])
def test_another_secret_is_refused_and_leaves_the_link_whole(place, token):
    visitor = Visitor(place.app, name="")
    visitor.get("/enter", query_string={"token": token})
    assert visitor.get("/enter").status_code == 403
    assert visitor.post("/enter", name="Ann").status_code in (400, 403)
    assert place.app.extensions[KEY].token == TOKEN


@pytest.mark.parametrize("name", ["", "   ", "a" * 61, "Ann\x07"])
def test_nobody_comes_in_without_a_name(place, name):
    visitor = Visitor(place.app, name="")
    visitor.get(f"/enter?token={TOKEN}")
    assert visitor.post("/enter", name=name).status_code == 400
    assert visitor.get("/").location == "/enter"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(place):
    cookie = Visitor(place.app, name="").get(f"/enter?token={TOKEN}").headers["Set-Cookie"]
    assert re.fullmatch(r"feedback-[0-9a-f]{8}=[^;]+; HttpOnly; Path=/; SameSite=Lax", cookie)
    other = make_app(place.folder)
    assert other.config["SESSION_COOKIE_NAME"] != place.app.config["SESSION_COOKIE_NAME"]
    assert other.config["SECRET_KEY"] != place.app.config["SECRET_KEY"]


def addresses(app, method):
    """An address for each page that takes the method, but for the door and what is no secret."""
    parts = {"run": "spring", "n": 1}
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            if method in rule.methods and rule.endpoint not in ("static", "entry.enter", "entry.come_in"):
                given = {name: parts.get(name, "1") for name in rule.arguments}
                yield app.url_map.bind("localhost").build(rule.endpoint, given, method=method)


def test_strangers_see_no_page_and_send_no_form(place):
    stranger = Visitor(place.app, name="")
    for address in [*addresses(place.app, "GET"), "/runs/", "/no/such/page"]:
        answer = stranger.get(address)
        assert (address, answer.status_code, answer.location) == (address, 303, "/enter")
    for address in addresses(place.app, "POST"):
        assert (address, stranger.browser.post(address).status_code) == (address, 403)


def test_no_form_is_taken_without_its_token(place):
    found = list(addresses(place.app, "POST"))
    assert "/runs/spring/many" in found
    for address in found:
        answer = place.analyst.browser.post(address, data={"n": "1", "do": "confirm", "as_of": "0"})
        assert (address, answer.status_code) == (address, 400)
    assert codes(place.run, 1) == (("transport",), "machine")


def test_every_answer_carries_the_headers_of_safety(place):
    for address in ("/enter", "/runs/spring/", "/runs/spring/comments/1", "/no/such/page", "/static/app.css"):
        headers = place.analyst.get(address).headers
        assert {name: headers[name] for name in HEADERS} == HEADERS
        assert headers["Cache-Control"] == ("no-cache" if "static" in address else "no-store")


def test_pages_bring_no_script_or_style_of_their_own_and_nothing_from_elsewhere(place):
    for address in ("/enter", "/runs/spring/", "/runs/spring/comments/2"):
        page = place.analyst.get(address, follow_redirects=True).text
        assert re.findall(r"<style|<script(?! src=\"/static/)|\son\w+=|\sstyle=|javascript:|https?://", page) == []


def test_another_host_is_not_answered(place):
    assert place.analyst.get("/runs/spring/", headers={"Host": "evil.example"}).status_code == 400
    assert place.analyst.get("/runs/spring/", headers={"Host": "localhost:8000"}).status_code == 200


def test_more_than_the_largest_upload_is_refused_unread(place):
    place.app.config["MAX_CONTENT_LENGTH"] = 1000
    answer = place.analyst.browser.post("/runs/spring/many", data={"code": "x" * 2000})
    assert answer.status_code == 413


def test_a_password_lets_in_and_wrong_ones_slow_down(place):
    app = make_app(place.folder, password="correct horse", token=None)
    assert app.extensions[KEY].token is None
    assert "correct horse" not in str(vars(app.extensions[KEY]))
    visitor = Visitor(app, name="")
    statuses = [visitor.post("/enter", name="Ann", password=f"wrong {n}").status_code for n in range(4)]
    assert statuses == [403, 403, 403, 429]
    assert visitor.post("/enter", name="Ann", password="correct horse").status_code == 429
    app.extensions[KEY].guesses["127.0.0.1"] = (9, 0.0)  # a long time later
    assert visitor.post("/enter", name="Ann", password="correct horse").location == "/"
    assert app.extensions[KEY].guesses == {}


def test_guessing_many_at_once_is_no_way_round_the_wait(place):
    app = make_app(place.folder, password="correct horse", token=None)
    visitors = [Visitor(app, name="") for _ in range(12)]
    with ThreadPoolExecutor(len(visitors)) as pool:
        answers = list(pool.map(lambda one: one.post("/enter", name="Ann", password="wrong").status_code, visitors))
    assert 3 <= answers.count(403) <= 4  # the fourth only where the others took a second
    assert set(answers) == {403, 429}


def test_who_leaves_has_to_come_in_again(place):
    assert place.analyst.post("/leave", "/runs/spring/").location == "/enter"
    assert place.analyst.get("/runs/spring/").location == "/enter"


@pytest.mark.parametrize("name", ["..", ".", "%2e%2e", "..%2fruns", "autumn", "spring%00", "spring%2f..%2fspring"])
def test_no_name_leads_out_of_the_folder_of_runs(place, name):
    (place.folder / "manifest.json").write_text("{}")
    assert place.analyst.get(f"/runs/{name}/").status_code in (308, 404)
    assert place.analyst.get(f"/runs/{name}/", follow_redirects=True).status_code == 404


def test_an_app_for_one_run_shows_no_other(place):
    make_run(place.folder / "runs" / "autumn", some_rows()[:2])
    visitor = Visitor(make_app(place.folder, only="spring"))
    assert (visitor.get("/runs/spring/").status_code, visitor.get("/runs/autumn/").status_code) == (200, 404)


def test_a_run_that_cannot_be_opened_is_told_with_the_fix(place):
    (place.run / "comments.db").unlink()
    assert place.analyst.get("/runs/spring/").status_code == 400
    assert "code the export again" in place.analyst.page


def test_no_words_of_people_are_logged(place, caplog):
    with caplog.at_level(logging.DEBUG), serving(place.app) as link:
        with urllib.request.urlopen(link.replace("enter", "static/app.css")) as answer:
            assert (answer.status, len(answer.read()) > 1000) == (200, True)
        place.analyst.get("/runs/spring/?text=library")
        place.analyst.get("/runs/spring/comments/4")
        place.analyst.get("/runs/nowhere/?text=library")
    assert "library" not in caplog.text
    assert "GET" not in caplog.text


def test_others_cannot_reach_the_app_without_a_password(place):
    with pytest.raises(InputError) as error:
        listen(place.app, "0.0.0.0")
    assert "could read the comments" in str(error.value)


def test_a_port_that_is_taken_is_told(place):
    taken = listen(place.app)
    try:
        with pytest.raises(InputError, match="cannot be had"):
            listen(make_app(place.folder), port=taken.port)
        assert taken.link == f"http://127.0.0.1:{taken.port}/enter?token={TOKEN}"
    finally:
        taken.server.close()


# ---- the queue ------------------------------------------------------------------------------------------------------

QUERIES = {
    "": [1, 2, 3, 4, 5, 6, 7, 8, 9],
    "text=LIBRARY": [4, 5, 6],
    "text=r7-q1": [7],
    "text=<script>": [2],
    "code=topic:parks": [2, 4, 5, 6],
    "code=topic:none": [3],
    "code=tone:cross": [2],
    "doubt=near the line": [1],
    "state=doubtful": [1],
    "state=waiting": [1, 2, 3, 4, 5, 6, 7, 9],
    "state=decided": [8],
    "state=changed": [8],
    "question=Else?": [7, 8, 9],
    "group=Ward: Bow": [1, 3, 5, 7, 9],
    "column=Ward&group=Bow&text=rent": [7, 9],
    "sort=longest&question=Else?": [7, 8, 9],
    "sort=shortest&code=topic:parks": [4, 5, 6, 2],
    "sort=nonsense&page=-4&code=topic:housing": [7, 9],
    "text=nowhere": [],
}


@pytest.mark.parametrize("query", QUERIES)
def test_the_queue_holds_what_was_asked_for(place, query):
    decide(place.run, "a planner", 8, "topic", "transport")
    pairs = dict(pair.split("=", 1) for pair in query.split("&")) if query else {}
    assert place.analyst.get("/runs/spring/", query_string=pairs).status_code == 200
    assert numbers(place.analyst.page) == QUERIES[query]


def test_the_queue_tells_how_far_one_is(place):
    decide(place.run, "a planner", 8, "topic", "transport")
    page = re.sub(r"<[^>]+>|\s+", " ", place.analyst.get("/runs/spring/").text)
    page = re.sub(" +", " ", page)
    assert "1 of 9 decided" in page
    assert "All 9 Waiting 8 Waiting, with doubts 1 Decided 1 Changed 1" in page
    assert "too few to say what reading on would change" in page
    assert "near the line: topic" in page


def test_a_comment_full_of_markup_is_text(place):
    for address in ("/runs/spring/", "/runs/spring/comments/2", "/runs/spring/?text=<script>alert(1)"):
        page = place.analyst.get(address).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "49" not in page


@pytest.mark.parametrize(
    ("fields", "after", "said"),
    [
        (
            {"code": "topic:transport", "do": "set", "n": ["1", "2", "3"]},
            {1: (("transport",), "machine"), 2: (("parks", "transport"), "person"), 3: (("transport",), "person")},
            "2 comments decided; 1 left as they were.",
        ),
        (
            {"code": "topic:parks", "do": "clear", "n": ["1", "4", "5"]},
            {1: (("transport",), "machine"), 4: ((), "person"), 5: ((), "person"), 6: (("parks",), "machine")},
            "2 comments decided; 1 left as they were.",
        ),
        (
            {"do": "confirm", "code": "", "n": ["4", "3"]},
            {4: (("parks",), "person"), 3: ((), "person"), 5: (("parks",), "machine")},
            "2 comments decided; 0 left as they were.",
        ),
        (
            {"code": "topic:transport", "do": "set", "all": "yes"},
            {
                4: (("parks", "transport"), "person"),
                6: (("parks", "transport"), "person"),
                7: (("housing",), "machine"),
            },
            "3 comments decided; 0 left as they were.",
        ),
    ],
)
def test_a_code_is_set_or_cleared_in_many_at_once(place, fields, after, said):
    answer = place.analyst.post("/runs/spring/many?text=library", "/runs/spring/", **fields)
    assert (answer.status_code, answer.location) == (303, "/runs/spring/?text=library")
    assert {n: codes(place.run, n) for n in after} == after
    place.analyst.get("/runs/spring/")
    assert place.analyst.said() == [said]


@pytest.mark.parametrize("do", ["set", "confirm"])
def test_codes_of_another_model_than_the_page_showed_are_not_decided_unseen(place, do):
    fields = {"code": "topic:parks", "do": do, "n": ["1", "2"], "coded_by": "e" * 64}
    place.analyst.post("/runs/spring/many", "/runs/spring/", **fields)
    assert [codes(place.run, n)[1] for n in (1, 2)] == ["machine"] * 2
    place.analyst.get("/runs/spring/")
    assert place.analyst.said() == [
        "Nothing was changed: the run was coded again since you loaded the page. Look at its codes of now first."
    ]


def test_an_exclusive_code_takes_the_place_of_the_other(place):
    place.analyst.post("/runs/spring/many", "/runs/spring/", code="tone:pleased", do="set", n=["1", "2"])
    assert [codes(place.run, n, "tone") for n in (1, 2)] == [(("pleased",), "person")] * 2


def test_what_another_decided_since_the_page_was_loaded_is_told_and_stays(place):
    decide(place.run, "a planner", 4, "topic", "housing")
    fields = {"code": "topic:transport", "do": "set", "n": ["4", "5"], "as_of": "0"}
    place.analyst.post("/runs/spring/many", "/runs/spring/", **fields)
    assert [codes(place.run, n)[0] for n in (4, 5)] == [("housing",), ("parks", "transport")]
    place.analyst.get("/runs/spring/")
    assert place.analyst.said() == [
        "1 comment decided; 0 left as they were.",
        "Not changed, because somebody decided otherwise since you loaded the page: 4 (a planner). "
        "Look at them as they are now, and decide again.",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"code": "topic:nowhere", "do": "set"},
        {"code": "nowhere:parks", "do": "set"},
        {"code": "", "do": "set"},
        {"code": "topic:parks", "do": "drop"},
    ],
)
def test_a_code_that_is_none_is_refused(place, fields):
    assert place.analyst.post("/runs/spring/many", "/runs/spring/", n=["1"], **fields).status_code == 400
    assert codes(place.run, 1) == (("transport",), "machine")


def test_nothing_ticked_changes_nothing(place):
    place.analyst.post("/runs/spring/many", "/runs/spring/", code="topic:parks", do="set", n=["77", "0", "x"])
    place.analyst.get("/runs/spring/")
    assert place.analyst.said() == ["Nothing was ticked, so nothing was changed."]


def test_undoing_takes_back_the_last_act_and_shows_its_comment(place):
    place.analyst.post("/runs/spring/comments/7", "/runs/spring/comments/7", topic="parks")
    place.analyst.post("/runs/spring/many", "/runs/spring/", code="topic:parks", do="clear", n=["4", "5"])
    assert place.analyst.post("/runs/spring/undo", "/runs/spring/").location == "/runs/spring/"
    assert [codes(place.run, n) for n in (4, 5)] == [(("parks",), "machine")] * 2
    answer = place.analyst.post("/runs/spring/undo?text=rent", "/runs/spring/")
    assert answer.location == "/runs/spring/comments/7?text=rent"
    assert codes(place.run, 7) == (("housing",), "machine")
    place.analyst.post("/runs/spring/undo", "/runs/spring/")
    place.analyst.get("/runs/spring/")
    assert place.analyst.said()[-1] == "There is nothing of yours to take back."


def test_one_does_not_undo_what_another_did(place):
    decide(place.run, "a planner", 4, "topic", "housing")
    place.analyst.post("/runs/spring/undo", "/runs/spring/")
    assert codes(place.run, 4) == (("housing",), "person")


# ---- one comment ----------------------------------------------------------------------------------------------------


def test_a_comment_is_shown_with_all_that_is_known_of_it(place):
    decide(place.run, "a planner", 1, "topic", "parks")
    assert place.analyst.get("/runs/spring/comments/1").status_code == 200
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", place.analyst.page))
    for words in (
        "More buses (spoke for Transport) please",
        "near the line: topic A little more or less evidence would have changed a code.",
        "Getting about by bus, bicycle or on foot.",
        "Spoke for it here: buses",
        "<b>Benches</b> please" if "<b>" in page else "Benches",
        "Topic: Parks Tone: none Likeness 0.75 From south",
        "Topic: Transport Tone: not said Likeness 0.50 From north",
        "Ward Bow",
        "a planner topic: Parks",
        "1 of 9 decided",
    ):
        assert words in page
    assert '<mark data-codes="topic-transport">buses' in place.analyst.page


@pytest.mark.parametrize("change", ["gone", "another"])
def test_like_comments_are_not_guessed_at_without_their_model(place, change):
    manifest = place.folder / "models" / "engagement" / "manifest.json"
    if change == "gone":
        manifest.unlink()
    else:
        manifest.write_text(manifest.read_text().replace("d" * 64, "e" * 64))
    assert place.analyst.get("/runs/spring/comments/1").status_code == 200
    assert "is not here any more" in place.analyst.page
    assert "The bus was late" not in place.analyst.page


@pytest.mark.parametrize("n", ["0", "10", "99999999999999999999", "x"])
def test_there_is_no_comment_of_another_number(place, n):
    assert place.analyst.get(f"/runs/spring/comments/{n}").status_code == 404
    assert place.analyst.post(f"/runs/spring/comments/{n}", "/runs/spring/").status_code == 404


def test_saving_decides_all_facets_and_goes_on_to_the_next_that_waits(place):
    decide(place.run, "a planner", 2, "topic", "parks")
    fields = {"topic": ["transport", "housing"], "tone": "cross", "shown-topic": "transport", "note": " Twice told "}
    answer = place.analyst.post("/runs/spring/comments/1?state=waiting", "/runs/spring/comments/1", **fields)
    assert (answer.status_code, answer.location) == (303, "/runs/spring/next?after=1&state=waiting")
    assert place.analyst.get(answer.location).location == "/runs/spring/comments/3?state=waiting"
    with Review(place.run) as review:
        found = [
            (one.who, one.how, one.facet, one.codes, one.shown, one.note, one.model)
            for one in review.store.history("r1-q1")
        ]
    assert found == [
        ("An analyst", "screen", "topic", ("housing", "transport"), ("transport",), "Twice told", "engagement"),
        ("An analyst", "screen", "tone", ("cross",), (), "Twice told", "engagement"),
    ]


def test_after_the_last_that_waits_one_is_back_in_the_queue(place):
    answer = place.analyst.post("/runs/spring/comments/3?code=topic:none", "/runs/spring/comments/3", topic="parks")
    answer = place.analyst.get(answer.location)
    assert answer.location == "/runs/spring/?code=topic:none"
    place.analyst.get("/runs/spring/")
    assert place.analyst.said() == ["Comment 3 decided.", "No other comment of these waits to be read."]


@pytest.mark.parametrize(
    ("address", "to"),
    [
        ("next", "comments/1"),
        ("next?text=rent", "comments/7?text=rent"),
        ("next?after=1", "comments/2"),
        ("next?after=9", "comments/1"),
        ("next?after=8&sort=unsure", "comments/9?sort=unsure"),
        ("next?text=nowhere", "?text=nowhere"),
        ("comments/1/after", "comments/2"),
        ("comments/1/before", "comments/9"),
        ("comments/9/after?question=Else?", "comments/7?question=Else?"),
        ("comments/3/after?code=topic:none", "comments/3?code=topic:none"),
        ("next?after=99999999999999999999", "comments/1"),
        ("comments/99999999999999999999/before?sort=longest", "comments/1?sort=longest"),
    ],
)
def test_one_goes_on_and_back_in_what_was_asked_for(place, address, to):
    assert place.analyst.get(f"/runs/spring/{address}").location == f"/runs/spring/{to}"


def test_a_campaign_is_decided_at_once_but_for_what_others_said_of_it(place):
    decide(place.run, "a planner", 6, "topic", "housing")
    fields = {"topic": "transport", "shown-topic": "parks", "copies": "yes"}
    place.analyst.post("/runs/spring/comments/4", "/runs/spring/comments/4", **fields)
    assert [codes(place.run, n)[0] for n in (4, 5, 6)] == [("transport",), ("transport",), ("housing",)]


def test_copies_that_another_decided_meanwhile_are_told_and_stay(place):
    decide(place.run, "a planner", 5, "topic", "parks")  # as the page shows, but since it was loaded
    fields = {"topic": "transport", "shown-topic": "parks", "copies": "yes", "as_of": "0"}
    assert place.analyst.post("/runs/spring/comments/4", "/runs/spring/comments/4", **fields).status_code == 303
    assert [codes(place.run, n)[0] for n in (4, 5, 6)] == [("transport",), ("parks",), ("transport",)]
    place.analyst.get("/runs/spring/")
    assert place.analyst.said() == [
        "Comments with the same words that somebody else decided otherwise meanwhile stay so: 5.",
        "Comment 4 and 1 comment with the same words decided.",
    ]


def test_a_decision_names_the_model_whose_codes_the_page_showed_even_if_the_run_was_coded_again_since(place):
    place.analyst.get("/runs/spring/comments/4")
    with Review(place.run) as review:
        assert f'name="model" value="{review.store.meta("model")["name"]}"' in place.analyst.page
    fields = {"topic": "transport", "shown-topic": "parks", "model": "the model before"}
    place.analyst.post("/runs/spring/comments/4", "/runs/spring/comments/4", **fields)
    with Review(place.run) as review:
        assert [one.model for one in review.comment(4).history if one.facet == "topic"] == ["the model before"]


def test_two_who_decide_otherwise_are_told_and_choose(place):
    place.analyst.get("/runs/spring/comments/4")
    decide(place.run, "a planner", 4, "topic", "housing")
    fields = {"topic": "transport", "tone": "cross", "shown-topic": "parks", "as_of": "0"}
    answer = place.analyst.post("/runs/spring/comments/4", "/runs/spring/comments/4", **fields)
    assert answer.status_code == 409
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", place.analyst.page))
    assert "Topic Housing a planner Transport" in page
    assert re.search(r'id="topic-transport"[^>]* checked', place.analyst.page)
    assert not re.search(r'id="topic-housing"[^>]* checked', place.analyst.page)
    assert (codes(place.run, 4)[0], codes(place.run, 4, "tone")[0]) == (("housing",), ("cross",))
    del fields["as_of"]  # which is now that of the page with the conflict
    assert place.analyst.post("/runs/spring/comments/4", "/runs/spring/comments/4", **fields).status_code == 303
    assert codes(place.run, 4)[0] == ("transport",)


@pytest.mark.parametrize("fields", [{"topic": "nowhere"}, {"tone": ["cross", "pleased"]}])
def test_codes_that_the_codebook_does_not_allow_are_refused(place, fields):
    assert place.analyst.post("/runs/spring/comments/1", "/runs/spring/comments/1", **fields).status_code == 400
    assert codes(place.run, 1) == (("transport",), "machine")


def test_a_note_on_a_comment_already_decided_so_is_kept_once(place):
    said = []
    for note in ("", "Too late", "Too late", ""):
        place.analyst.get("/runs/spring/comments/1")
        place.analyst.post("/runs/spring/comments/1", "/runs/spring/", topic="parks", note=note)
        place.analyst.get("/runs/spring/")
        said += place.analyst.said()
    so = "Comment 1 was already decided so."
    assert said == ["Comment 1 decided.", f"{so} The note was kept.", so, so]
    page = place.analyst.get("/runs/spring/comments/1").text
    assert page.count("<q>Too late</q>") == 2  # one for each facet


BUS = ("t", "Transport", "The bus is late.", ("bus", "late"))
TEXTS = {
    "whole words in any case": (
        "The Bus is late.",
        [BUS],
        [("The ", ()), ("Bus", ("Transport",)), (" is ", ()), ("late", ("Transport",)), (".", ())],
    ),
    "not within words": ("A busy busker, late", [("t", "Transport", "", ("bus",))], [("A busy busker, late", ())]),
    "only in the part that decided": (
        "A bus. The bus is\n  late.",
        [BUS],
        [("A bus. The ", ()), ("bus", ("Transport",)), (" is\n  ", ()), ("late", ("Transport",)), (".", ())],
    ),
    "for two codes": (
        "bus fares",
        [("t", "Transport", "bus fares", ("bus",)), ("m", "Money", "bus fares", ("bus", "fares"))],
        [("bus", ("Transport", "Money")), (" ", ()), ("fares", ("Money",))],
    ),
    "signs are no patterns": (
        "Is it (50%)?",
        [("m", "Money", "Is it (50%)?", ("(50%)",))],
        [("Is it ", ()), ("(50%)", ("Money",)), ("?", ())],
    ),
    "nothing decided": ("Fine", [], [("Fine", ())]),
    "no text": ("", [], []),
}


@pytest.mark.parametrize("case", TEXTS)
def test_the_words_that_decided_are_marked(case):
    text, reasons, expected = TEXTS[case]
    pieces = marked(text, reasons)
    assert [(piece.text, piece.codes) for piece in pieces] == expected
    assert "".join(piece.text for piece in pieces) == text
    assert all(isinstance(piece, Piece) for piece in pieces)


def test_each_facet_has_a_key_of_its_own_that_does_nothing_else():
    assert facet_letters(["principle", "theme", "topic", "team"]) == {
        "principle": "p",
        "theme": "t",
        "topic": "o",
        "team": "e",
    }
    letters = facet_letters(["snack", "skunk", "ck", "1-2"])
    assert len(set(letters.values())) == 4
    assert not set("".join(letters.values())) & set("cdjknqsux0123456789")
