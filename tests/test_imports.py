import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline

# Each module imports only modules before it, and so does each part. A new module gets its place here, a new part in the
# README too. The dot is the package itself.
PLACES = {
    "errors": ".",
    "settings": ".",
    "codebook": ".",
    "files": ". whole_file replacing raw_table delimited workbooks parquet sources",
    "exports": ". layouts exports columns responses mapping",
    "texts": ". names personal cleaning language copies",
    "codebooks": ". codebook_edits refi_description refi_qda label_studio",
    "learning": (
        ". corpus deck_items deck encoder features likeness classifier evaluation training quality picture card "
        "learned model_store"
    ),
    "stores": ". comment_store review_records review_tables review_store",
    "coding": ". doubts reading judging coding recoding",
    "reviewing": (
        ". agreement checks_needed verdicts review checking uncoded exchange sheet feedback_log "
        "sheet_reading feedback_log_reading"
    ),
    "correcting": ". material comparison rivals mistakes",
    "counting": (
        ". people shares trust run_table grouping table_notes estimates working_back phrases significance "
        "tables known_sums disclosure findings claims population weighting change quotes published"
    ),
    "publishing": (
        ". document word_chart word_look dates star star_guide star_source transparency methods report "
        "spreadsheet frequency_sheets correction_sheet finding_sheets workbook bars facet_story story page "
        "word power_bi evidence workbook_columns same_format giving_back"
    ),
    "workflow": ".",
    "retraining": ".",
    "reporting": ".",
    "web": (
        "words place populations kept queue comments entry jobs home check codebooks uncoded learn quality report . "
        "serve"
    ),
    "cli": "groups manners books coding learning reviewing reports exporting . __main__",
}
ORDER = [part if name == "." else f"{part}.{name}" for part, names in PLACES.items() for name in names.split()]
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


def test_the_readme_names_the_parts_in_their_order():
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("| part | holds |") :].split("\n\n")[0].splitlines()[2:]
    assert [name for row in table for name in re.findall(r"`(\w+)/?`", row.split("|")[1])] == list(PLACES)


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
