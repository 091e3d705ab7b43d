"""The wheel works in any folder, with all that is shipped inside it."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run(*command, folder):
    """Runs a command that must succeed; gives what it printed."""
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The commands of a new environment that has the wheel, and borrows the libraries of this one."""
    made = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", made / "dist", folder=ROOT)
    (wheel,) = (made / "dist").iterdir()
    venv.create(made / "venv", with_pip=False)
    commands = made / "venv" / Path(sysconfig.get_path("scripts")).name
    offline = ["--no-deps", "--no-index", "--disable-pip-version-check", "--quiet"]
    run(sys.executable, "-m", "pip", "--python", commands / "python", "install", *offline, wheel, folder=made)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(run(commands / "python", "-c", ask, folder=made).strip())
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (own / "libraries.pth").write_text("\n".join(sorted(libraries)) + "\n", encoding="utf-8")
    return commands


@pytest.mark.slow
def test_the_wheel_codes_its_sample_in_an_empty_folder(installed, tmp_path):
    place = run(installed / "python", "-c", "import pipeline; print(pipeline.__file__)", folder=tmp_path)
    assert Path(place.strip()).is_relative_to(installed.parent)
    ask = "from pipeline.settings import shipped; print(shipped('corpus/sample_export.csv'))"
    sample = Path(run(installed / "python", "-c", ask, folder=tmp_path).strip())
    assert sample.is_relative_to(installed.parent)

    run(installed / "feedback", "classify", sample, "--out", "run", folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "run"]
    assert {"coded.csv", "rejects.csv", "manifest.json"} <= {path.name for path in (tmp_path / "run").iterdir()}
    assert json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))["coded"] == 252

    tables = json.loads(run(installed / "feedback", "tables", "run", "--json", folder=tmp_path))
    assert {row["facet"] for row in tables["rows"]} == {"principle", "theme", "stakeholder"}
    run(installed / "feedback", "tables", "run", "--out", "tables.xlsx", folder=tmp_path)
    assert (tmp_path / "tables.xlsx").stat().st_size > 5000
