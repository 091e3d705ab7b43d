"""A problem with the input is told in one line with its fix, ends with status 1, and leaves nothing behind."""

import pytest

# What stands in the folder where `feedback` is called.
FILES = {
    "export.csv": "id,Ward,What should change?\n1,Bow,Mend the lift in our block\n2,Bow,More trees in our street\n",
    "empty.csv": "",
    "header.csv": "id,text\n",
    "quote.csv": 'id,text\n1,"Mend the lift in our block please\n',
    "closed.csv": "id,Ward\n1,Bow\n2,Bow\n",
    "book.toml": "nam = 'x'\n",
    "half.toml": "questions = [",
    "typo.toml": "question = ['What should change?']\n",
    "type.toml": "questions = 'What should change?'\n",
    "coded.csv": "text,theme\nMend the lift,hosing\n",
    "moods.csv": "text,mood\nMend the lift,angry\n",
    "deck.txt": "no deck\n",
    "mine/notes.txt": "my own file\n",
    "run/manifest.json": "{}\n",
    "run/decisions.db": "people's work\n",
}
NEW = ["--out", "new"]
CLASSIFY = ["classify", "export.csv", *NEW]
RUN_FIX = "make one with feedback classify EXPORT --out RUN"

# What was called, and the line on standard error.
BAD_INPUT = {
    "export missing": (["classify", "no.csv", *NEW], "no.csv: there is no such file. Fix: check the name and folder"),
    "export empty": (["classify", "empty.csv", *NEW], "empty.csv: is empty. Fix: export it again"),
    "export is a folder": (["classify", "mine", *NEW], "mine: is a folder, not an export. Fix: name the file in it"),
    "export of a header only": (
        ["classify", "header.csv", *NEW],
        "header.csv: has a header but no responses. Fix: export it again, with the answers",
    ),
    "export with an open quotation mark": (
        ["classify", "quote.csv", *NEW],
        "quote.csv, row 2: a quotation mark is opened and never closed. Fix: close it, or delete it",
    ),
    "export without free text": (
        ["classify", "closed.csv", *NEW],
        "closed.csv: no column looks like free text. Fix: name one with --question 'Ward'",
    ),
    "question unknown": (
        [*CLASSIFY, "--question", "What shuld change?"],
        "export.csv: there is no column 'What shuld change?'. Fix: did you mean 'What should change?'?",
    ),
    "id unknown": ([*CLASSIFY, "--id", "idd"], "export.csv: there is no column 'idd'. Fix: did you mean 'id'?"),
    "run folder there": (
        ["classify", "export.csv", "--out", "run"],
        "run: is there already. Fix: choose another name, or add --replace",
    ),
    "run folder to replace is none": (
        ["classify", "export.csv", "--out", "mine", "--replace"],
        "mine: is there and is not a run. Fix: choose another name with --out",
    ),
    "run folder to replace holds decisions": (
        ["classify", "export.csv", "--out", "run", "--replace"],
        "run: holds people's decisions. "
        "Fix: choose another name with --out, or code it again and keep them: feedback recode run",
    ),
    "mapping missing": ([*CLASSIFY, "--mapping", "no.toml"], "no.toml: there is no such mapping. Fix: check the path"),
    "mapping broken": (
        [*CLASSIFY, "--mapping", "half.toml"],
        'half.toml: is no mapping (Invalid value (at end of document)). Fix: write questions = ["…"]',
    ),
    "mapping with an unknown key": (
        [*CLASSIFY, "--mapping", "typo.toml"],
        "typo.toml: unknown key 'question'. Fix: use 'questions' and 'response_id'",
    ),
    "mapping with a text for a list": (
        [*CLASSIFY, "--mapping", "type.toml"],
        'type.toml: a key has the wrong type. Fix: write questions = ["…"], response_id = "…"',
    ),
    "model missing": (
        [*CLASSIFY, "--model", "no"],
        "no: is not a model folder. Fix: make one: feedback train --out no",
    ),
    "codebook with a typo": (
        [*CLASSIFY, "--codebook", "book.toml"],
        "book.toml, the codebook: unknown key 'nam'. Fix: did you mean 'name'?",
    ),
    "codebook to check missing": (
        ["codebook", "check", "no.toml"],
        "no.toml: there is no such codebook. Fix: check the path",
    ),
    "codebook to check with a typo": (
        ["codebook", "check", "book.toml"],
        "book.toml, the codebook: unknown key 'nam'. Fix: did you mean 'name'?",
    ),
    "codebook of a column unknown": (
        ["codebook", "init", "moods.csv", "--facet", "moood", *NEW],
        "moods.csv: there is no column 'moood'. Fix: did you mean 'mood'?",
    ),
    "codebook of no column of codes": (
        ["codebook", "init", "moods.csv", *NEW],
        "moods.csv: has no column called labels, label, codes, code. Fix: name it with --facet COLUMN",
    ),
    "codebook there": (
        ["codebook", "init", "moods.csv", "--facet", "mood", "--out", "book.toml"],
        "book.toml: is there already. Fix: choose another name with --out",
    ),
    "codebook in no folder": (
        ["codebook", "init", "moods.csv", "--facet", "mood", "--out", "no/book.toml"],
        "no/book.toml: cannot be written (No such file or directory). Fix: choose another place",
    ),
    "corpus with an unknown code": (
        ["train", "--corpus", "coded.csv", *NEW],
        "coded.csv, row 2: 'hosing' is no code of facet 'theme'. "
        "Fix: did you mean 'housing'? Else add it to the codebook",
    ),
    "corpus without codes": (
        ["evaluate", "moods.csv", "--hold-out", "session"],
        "moods.csv: has no column of codes. Fix: add a column called 'principle' or 'theme' or 'stakeholder'",
    ),
    "model folder there": (
        ["train", "--out", "mine"],
        "mine: is there and is not a model. Fix: choose another folder with --out",
    ),
    "model unknown": (["models", "use", "no"], "models: there is no model 'no'. Fix: use one of: none yet"),
    "deck missing": (["corpus", "import", "no.txt", *NEW], "no.txt: there is no such file. Fix: check the path"),
    "deck without a feedback slide": (
        ["corpus", "import", "deck.txt", *NEW],
        "deck.txt: no slide title begins with 'Feedback:'. "
        "Fix: begin the title of each feedback slide with 'Feedback:'",
    ),
    "run missing": (["tables", "no"], f"no: is no run folder: coded.csv is missing. Fix: {RUN_FIX}"),
    "run without its files": (["tables", "mine"], f"mine: is no run folder: coded.csv is missing. Fix: {RUN_FIX}"),
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def tree(folder):
    return {str(path.relative_to(folder)): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def told(result):
    """What was said in one line on standard error by a command that failed as it should."""
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result.output
    assert "Fix: " in result.stderr
    return result.stderr.removeprefix("Error: ").removesuffix("\n")


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_told_in_one_line_and_leaves_nothing_behind(feedback, folder, name):
    arguments, message = BAD_INPUT[name]
    before = tree(folder)
    assert told(feedback(*arguments)) == message
    assert tree(folder) == before


def test_a_place_below_a_file_is_told_and_leaves_nothing_behind(feedback, folder, workplace):
    before = tree(folder)
    result = feedback("classify", "export.csv", "--out", "empty.csv/new", "--model", workplace / "models/engagement")
    assert told(result) == "empty.csv/new: cannot be made (empty.csv is a file). Fix: choose another folder"
    assert tree(folder) == before


def test_a_codebook_below_a_file_is_told(feedback, folder):
    result = feedback("codebook", "init", "moods.csv", "--facet", "mood", "--out", "empty.csv/book.toml")
    assert told(result) == "empty.csv/book.toml: cannot be written (Not a directory). Fix: choose another place"


def test_a_model_of_another_codebook_is_refused(feedback, folder, workplace):
    feedback("codebook", "init", "moods.csv", "--facet", "mood", "--out", "moods.toml")
    before = tree(folder)
    model = workplace / "models/engagement"
    assert told(feedback(*CLASSIFY, "--codebook", "moods.toml", "--model", model)) == (
        f"{model}: was trained with another codebook than the one given. "
        "Fix: train again with this codebook: feedback train --codebook FILE --out DIR"
    )
    assert tree(folder) == before


def test_a_model_that_was_changed_is_refused(feedback, folder, workplace):
    model = folder / "models" / "changed"
    model.mkdir(parents=True)
    for path in (workplace / "models" / "engagement").iterdir():
        (model / path.name).write_bytes(path.read_bytes())
    (model / "codebook.toml").write_text(
        "name = 'Other'\n[[facet]]\nid = 'a'\nname = 'A'\ncode = [{id = 'b', name = 'B'}]\n"
    )
    before = tree(folder)
    assert told(feedback(*CLASSIFY)) == "models/changed: was changed after it was made. Fix: train it again"
    assert tree(folder) == before


def test_an_unknown_column_to_count_by_is_told_with_the_nearest(feedback, sample_run):
    message = told(feedback("tables", sample_run, "--by", "Wrad"))
    assert message.startswith(
        f"{sample_run / 'coded.csv'}: there is no column 'Wrad' to count by. Fix: did you mean 'Ward'? "
    )


def test_a_kind_of_table_that_is_none_is_told(feedback, sample_run, tmp_path):
    assert told(feedback("tables", sample_run, "--out", "tables.docx")) == (
        "tables.docx: '.docx' is not a kind of table. Fix: use .xlsx, .csv, .json"
    )
    assert list(tmp_path.iterdir()) == []
