import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline

# Each module imports only modules before it. A new module gets its place here, and in the README.
ORDER = [
    *("errors", "settings", "codebook", "whole_file", "replacing", "comment_store", "review_store", "raw_table"),
    *("delimited", "workbooks", "parquet", "layouts", "sources", "exports", "columns", "codebook_edits", "names"),
    *("personal", "responses", "cleaning", "language", "mapping", "corpus", "deck", "refi_qda", "label_studio"),
    *(
        "encoder",
        "features",
        "likeness",
        "classifier",
        "evaluation",
        "training",
        "quality",
        "picture",
        "agreement",
        "card",
    ),
    *("learned", "model_store", "doubts", "reading", "copies", "judging", "coding", "review", "checking"),
    *("uncoded", "material", "comparison", "rivals", "mistakes", "people", "shares", "trust", "run_table"),
    *("grouping", "table_notes", "estimates", "working_back", "phrases", "significance", "document"),
    *("word_chart", "word_look", "dates", "star", "star_guide", "star_source", "tables", "known_sums"),
    *("disclosure", "findings", "claims", "population", "weighting", "change", "quotes", "published"),
    *("transparency", "methods", "report", "spreadsheet", "frequency_sheets", "correction_sheet"),
    *("finding_sheets", "workbook", "bars", "facet_story", "story", "page", "word", "power_bi", "evidence"),
    *("reporting", "workflow", "retraining", "recoding", "exchange", "sheet", "feedback_log", "sheet_reading"),
    *("feedback_log_reading", "workbook_columns", "same_format", "giving_back", "web.words", "web.place"),
    *("web.kept", "web.queue", "web.comments", "web.entry", "web.jobs", "web.home", "web.check", "web.codebooks"),
    *("web.uncoded", "web.learn", "web.quality", "web.report", "web", "web.serve", "cli.groups", "cli.manners"),
    *("cli.books", "cli.coding", "cli.learning", "cli.reviewing", "cli.reports", "cli.exporting", "cli"),
    *("cli.__main__",),
]
FOLDER = Path(pipeline.__file__).parent
MODULES = {
    ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(FOLDER.rglob("*.py"))
}
HEAVY = [
    "numpy",
    "scipy",
    "sklearn",
    "pandas",
    "spacy",
    "skops",
    "onnxruntime",
    "tokenizers",
    "pypdf",
    "pptx",
    "lingua",
    "docx",
    "xlsxwriter",
    "jinja2",
]


def imported_by(path):
    """The modules of the package that a file imports anywhere in it, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides the order"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        found |= {name.removeprefix("pipeline.") for name in names if name.startswith("pipeline.")}
    return (found & set(MODULES)) - {name for name, module in MODULES.items() if module == path}


def test_every_module_has_its_place_in_the_order():
    assert set(MODULES) - {"__init__"} == set(ORDER)


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_only_modules_before_it(module):
    before = set(ORDER[: ORDER.index(module)])
    assert imported_by(MODULES[module]) - before == set()


def test_the_package_itself_imports_nothing():
    assert imported_by(MODULES["__init__"]) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["classify", "--help"], ["codebook", "check", "-h"]])
def test_help_waits_for_no_heavy_library(arguments):
    script = (
        "import json, sys\n"
        "from pipeline.cli import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        f"print(json.dumps(sorted(set({HEAVY}) & set(sys.modules))), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    assert json.loads(done.stderr) == []
