"""The notebooks: each is committed without outputs and runs from the project's folder and from its own."""

import html
import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from bench_outputs import check_and_decide
from nbclient import NotebookClient

from pipeline.counting.published import Asked, published_tables
from pipeline.counting.tables import CORRECTED
from pipeline.publishing.report import HIDDEN, percent, ranked

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
GROUP = "Age group"
FILES = ["report.html", "report.docx", "tables.xlsx", "power-bi", "evidence"]
WORDINGS = ["Engagement deck and Cabinet report, May 2024", "Scrutiny report, 23 July 2024", "Proposal slides"]


def test_there_is_a_notebook():
    assert [path.name for path in NOTEBOOKS] == ["evaluation.ipynb", "tables.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_stripped(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count, cell.metadata) for cell in code] == [([], None, {})] * len(code)
    assert set(json.loads(path.read_text(encoding="utf-8"))["metadata"]) == {"kernelspec", "language_info"}


def outcome(name, folder):
    """Runs a notebook in a folder, where it must complain of nothing; gives what it printed, its pictures, its tables.

    A table is a list of rows, each a list of what its cells say.
    """
    folder.mkdir(parents=True, exist_ok=True)
    notebook = nbformat.read(FOLDER / name, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"] == []
    printed = "".join(output.text for output in outputs if output.output_type == "stream").splitlines()
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    tables = [output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    return printed, len(pictures), [rows(table) for table in tables]


def rows(table):
    found = re.findall(r"<tr[^>]*>(.*?)</tr>", table, re.DOTALL)
    return [[html.unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)] for row in found]


@pytest.mark.slow
@pytest.mark.parametrize("place", [".", "notebooks"])
def test_evaluation_runs_with_the_model_that_is_there(place, workplace):
    printed, pictures, tables = outcome("evaluation.ipynb", workplace / place)
    assert printed[0].startswith("models/engagement: 272 coded comments")
    assert printed[-1] == "272 of 272 comments are known to have been learned from"
    assert (pictures, len(tables)) == (6, 7)


@pytest.fixture
def passing(tmp_path, monkeypatch):
    """A folder of the test's own, in which also goes what the notebook leaves in a passing place."""
    (tmp_path / "passing").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "passing"))
    return tmp_path


def share(row):
    if row.share is None:
        return HIDDEN
    return f"{percent(row.share)} ({100 * row.low:.1f} to {percent(row.high)})"


def overall(tables, facet):
    """The table of a facet as the notebook must show it, without its head."""
    cells = ((row.name, row.comments, row.respondents, share(row), row.status) for row in ranked(tables.of(facet)))
    return [[HIDDEN if cell is None else str(cell) for cell in row] for row in cells]


def by_group(tables, facet):
    found = {}
    for row in tables.of(facet, GROUP):
        found.setdefault(row.name, [row.name]).append(HIDDEN if row.share is None else percent(row.share))
    return list(found.values())


@pytest.mark.slow
def test_tables_shows_what_is_published_of_the_run_that_is_there(passing, sample_run):
    run = shutil.copytree(sample_run, passing / "runs" / "sample")
    printed, pictures, (sums, *shown) = outcome("tables.ipynb", passing / "notebooks")
    assert printed[0] == "runs/sample: 252 comments by 144 respondents"
    assert sums[2:] == [
        ["rows of the export", "150", "responses + rejected", "150"],
        ["responses × questions", "300", "comments + left blank", "300"],
        ["comments", "276", "coded + without content + not in English", "276"],
    ]
    tables = published_tables(run, Asked((GROUP,)))
    assert [table[2:] for table in shown[:3]] == [overall(tables, facet) for facet in tables.headings]
    assert [table[2:] for table in shown[3:6]] == [by_group(tables, facet) for facet in tables.headings]
    assert HIDDEN in {cell for row in shown[3] for cell in row}
    (offers, wordings, differing) = shown[6:]
    assert offers[2:] == [["± 10 points", "93"]]  # without the model nobody knows how good it is
    assert (wordings[0][1:], len(wordings) - 2) == (WORDINGS, 7)
    assert [row[-3:-1] for row in differing[2:]] == [
        ["User-centric", "narrower"],
        ["Outward facing", "overlaps"],
        ["(gap)", "a gap"],
        ["Enabling / Innovative", "split"],
    ]
    assert pictures == 1
    assert {"Safe to say", "Too close to call", "Too few to say"} <= set(printed)
    assert [Path(line).name for line in printed[-5:]] == FILES
    assert [line for line in printed[-5:] if not Path(line).exists()] == []


@pytest.mark.slow
def test_tables_codes_the_sample_first_where_there_is_no_run_yet(passing, workplace):
    shutil.copytree(workplace / "models", passing / "models")
    printed, _, _ = outcome("tables.ipynb", passing)
    assert printed[0] == "runs/sample: 252 comments by 144 respondents"
    assert (passing / "runs" / "sample" / "manifest.json").is_file()


@pytest.mark.slow
def test_tables_shows_what_each_corrected_share_came_from(passing, sample_run):
    run = shutil.copytree(sample_run, passing / "runs" / "sample")
    check_and_decide(run, checked=120, decided=20)
    _, _, shown = outcome("tables.ipynb", passing)
    tables = published_tables(run, Asked((GROUP,)))
    corrected = [row for row in tables.rows if row.group is None and row.status == CORRECTED]
    told = [row[-len(shown[7][0]) + 1 :] for row in shown[7][2:]]
    assert len(corrected) > 10
    assert [cells[-1] for cells in told] == [share(row) for row in corrected]
    for cells in told:
        decided, _, given, _, _, others = cells[-9:-3]
        assert int(decided) + int(given) + int(others) == tables.base
