"""What is in the making when somebody ends it or kills it: what is removed, what is put back, what is never touched."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import OutputError
from pipeline.files.whole_file import passing_file, passing_folder, put_away, whole_file, write_whole
from pipeline.learning.model_store import check_place, whole_folder
from pipeline.reporting import _beside

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows cannot be asked whether a process is alive")

# A command that makes a folder, in the main thread or beside it as the pages do, and says so and waits.
MAKES = """
import sys, threading, time
from pathlib import Path
from pipeline.cli.groups import main
from pipeline.cli.manners import command
from pipeline.learning.model_store import whole_folder

def make(out):
    with whole_folder(out) as made:
        (made / "half.csv").write_text("half", encoding="utf-8")
        print("ready", flush=True)
        time.sleep(60)

@command(main, "make")
def make_command():
    if "beside" in sys.argv[2:]:
        threading.Thread(target=make, args=(Path(sys.argv[1]),), daemon=True).start()
        time.sleep(60)
    make(Path(sys.argv[1]))

main(["make"])
"""


def making(out, *how):
    """A process that has made half of a folder."""
    command = [sys.executable, "-c", MAKES, str(out), *how]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def ended(process, number):
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def dead(tmp_path):
    """Gives a path the passing name that a process gave it which is no more."""
    script = (
        "import sys, pathlib; from pipeline.files.whole_file import *; print(passing_file(pathlib.Path(sys.argv[1])))"
    )

    def name(path):
        done = subprocess.run([sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True)
        return Path(done.stdout.strip())

    return name


@pytest.mark.parametrize("how", [(), ("beside",)])
def test_asked_to_end_a_command_cleans_up_says_so_in_a_line_and_ends_as_the_system_expects(tmp_path, how):
    process = making(tmp_path / "run", *how)
    assert names(tmp_path)[0].startswith(".run.")
    assert ended(process, signal.SIGTERM) == (143, "", "Stopped. Nothing was left half-written.\n")
    assert names(tmp_path) == []


def test_asked_to_end_the_app_ends_as_the_system_expects(tmp_path):
    command = [sys.executable, "-m", "pipeline.cli", "serve", str(tmp_path), "--no-browser", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr.readline().startswith("Open http://127.0.0.1:")
    assert process.stderr.readline().startswith("It works once")
    assert ended(process, signal.SIGTERM) == (143, "", "Ended.\n")


def test_what_a_killed_process_left_goes_when_the_same_is_made_again(tmp_path):
    process = making(tmp_path / "run")
    assert ended(process, signal.SIGKILL)[0] == -signal.SIGKILL
    (left,) = names(tmp_path)
    with whole_folder(tmp_path / "another"):
        pass
    assert names(tmp_path) == [left, "another"]  # made for another name
    with whole_folder(tmp_path / "run") as made:
        (made / "whole.csv").touch()
    assert names(tmp_path) == ["another", "run"]
    assert names(tmp_path / "run") == ["whole.csv"]


def test_what_a_living_process_makes_is_let_be(tmp_path):
    process = making(tmp_path / "run")
    before = names(tmp_path)
    with whole_folder(tmp_path / "run"):
        pass
    assert names(tmp_path) == [*before, "run"]
    ended(process, signal.SIGTERM)
    assert names(tmp_path) == ["run"]


def test_only_what_bears_a_passing_name_of_the_same_is_removed(tmp_path, dead):
    gone = dead(tmp_path / "log.csv")
    kept = [
        *(".log.csv", ".log.csv.part", ".log.csv.old", "log.csv.part", gone.name[1:], f"{gone.name}.mine"),
        *(f"{gone.name}x", gone.name.replace("log", "LOG"), gone.name.replace(".log.csv", ".log")),
    ]
    for name in [gone.name, *kept]:
        (tmp_path / name).write_text("said", encoding="utf-8")
    link = dead(tmp_path / "log.csv")
    link.symlink_to(tmp_path / kept[0])
    with whole_file(tmp_path / "log.csv") as file:
        file.write("new")
    assert names(tmp_path) == sorted([*kept, link.name, "log.csv"])
    write_whole(b"newer", tmp_path / "log.csv")
    assert names(tmp_path) == sorted([*kept, link.name, "log.csv"])


def test_what_another_computer_makes_is_let_be_for_a_day(tmp_path, dead):
    name = dead(tmp_path / "run").name
    elsewhere = tmp_path / name.replace(name.split(".")[2].split("-")[0], "0" * 8)
    elsewhere.mkdir()
    put_away(passing_folder(tmp_path / "run"))
    assert names(tmp_path) == [elsewhere.name]
    os.utime(elsewhere, (time.time() - 10**6,) * 2)
    put_away(passing_folder(tmp_path / "run"))
    assert names(tmp_path) == []


def test_what_was_about_to_be_replaced_when_the_process_was_killed_is_put_back(tmp_path, dead):
    left = dead(tmp_path / "run")
    left.mkdir()
    old = left.with_name(f"{left.name}.old")
    old.mkdir()
    (old / "coded.csv").touch()
    with pytest.raises(OutputError, match="is there already"):
        check_place(tmp_path / "run")
    assert names(tmp_path) == ["run"]
    assert names(tmp_path / "run") == ["coded.csv"]


def test_the_files_of_a_report_that_were_about_to_be_replaced_are_put_back(tmp_path, dead):
    left = dead(tmp_path / "making")
    (left / "old").mkdir(parents=True)
    (left / "old" / "report.html").write_text("old", encoding="utf-8")
    (left / "old" / "tables.xlsx").write_text("old", encoding="utf-8")
    (tmp_path / "tables.xlsx").write_text("new", encoding="utf-8")
    with _beside(tmp_path) as made:
        (made / "report.docx").write_text("new", encoding="utf-8")
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {
        "report.docx": "new",
        "report.html": "old",
        "tables.xlsx": "new",
    }


def test_a_name_as_long_as_can_be_has_a_passing_name(tmp_path):
    path = tmp_path / ("ä" * 125 + ".csv")
    write_whole(b"said", path)
    assert names(tmp_path) == [path.name]
    assert passing_file(path).parent == tmp_path
