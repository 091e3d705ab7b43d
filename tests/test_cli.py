import inspect
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pipeline import __version__
from pipeline.cli import main

FEEDBACK = Path(sys.executable).with_name("feedback")


def walk(group, name="feedback"):
    for word, command in group.commands.items():
        full = f"{name} {word}"
        yield from walk(command, full) if isinstance(command, click.Group) else [(full, command)]


COMMANDS = dict(walk(main))


# ---- the live table of commands --------------------------------------------------------------------------------------


def test_the_promised_commands_are_there():
    promised = {"classify", "train", "evaluate", "tables", "codebook init", "codebook check", "corpus import"}
    assert {f"feedback {name}" for name in (*promised, "models list", "models use")} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_that_is_a_call_of_it(name):
    text = COMMANDS[name].help
    assert text
    assert re.search(rf"^Example:  {name}( .+)?$", inspect.cleandoc(text), flags=re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help_and_a_dashed_name(name):
    options = [param for param in COMMANDS[name].params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert [opt for option in options for opt in option.opts if "_" in opt] == []


@pytest.mark.parametrize("name", ["feedback", "feedback codebook", "feedback corpus", "feedback models", *COMMANDS])
def test_help_is_shown_for_both_spellings(feedback, name):
    words = name.split()[1:]
    short, long = feedback(*words, "-h"), feedback(*words, "--help")
    assert (short.exit_code, short.stderr) == (0, "")
    assert short.stdout == long.stdout
    assert "Usage: " in short.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["classify"],
        ["classify", "export.csv"],
        ["classify", "export.csv", "--out", "run", "--colour", "red"],
        ["clasify", "export.csv", "--out", "run"],
        ["tables"],
        ["train"],
        ["evaluate"],
        ["codebook"],
        ["codebook", "init", "coded.csv"],
        ["corpus", "import", "deck.txt"],
        ["models", "use"],
        [],
    ],
)
def test_wrong_usage_ends_with_status_2(feedback, arguments, tmp_path):
    result = feedback(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage: " in result.stderr
    assert list(tmp_path.iterdir()) == []


# ---- the installed command -------------------------------------------------------------------------------------------


def test_the_installed_command_tells_its_version():
    done = subprocess.run([FEEDBACK, "--version"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"feedback, version {__version__}\n", "")


def test_the_installed_command_tells_an_error_in_one_line_and_ends_with_status_1(tmp_path):
    command = [FEEDBACK, "classify", "export.csv", "--out", "run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "Error: export.csv: there is no such file. Fix: check the name and folder\n",
    )
