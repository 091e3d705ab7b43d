import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.errors import OutputError
from pipeline.files.replacing import MAKING, READY, finish_replacing, replacing

FILES = ("a.csv", "b.db", "c.toml", "manifest.json")
OLD, NEW = {name: f"old {name}" for name in FILES}, {name: f"new {name}" for name in FILES}

KILLED_AFTER = """
import os, sys
from pathlib import Path
from pipeline.files.replacing import finish_replacing
real, left = os.replace, [int(sys.argv[2])]
def replace(*paths):
    if not left[0]:
        os.kill(os.getpid(), 9)
    left[0] -= 1
    real(*paths)
os.replace = replace
finish_replacing(Path(sys.argv[1]))
"""


@pytest.fixture
def folder(tmp_path):
    for name, text in {**OLD, "kept.txt": "kept"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def fill(made):
    for name, text in NEW.items():
        (made / name).write_text(text, encoding="utf-8")


def held(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()) if path.is_file()}


def make_ready(folder):
    (folder / READY).mkdir()
    fill(folder / READY)


def test_all_files_are_replaced_and_nothing_else_is_left(folder):
    with replacing(folder) as made:
        fill(made)
        assert held(folder) == {**OLD, "kept.txt": "kept"}
    assert held(folder) == {**NEW, "kept.txt": "kept"}
    assert len(list(folder.iterdir())) == 5


def test_after_an_error_everything_is_as_it_was(folder):
    def fail():
        with replacing(folder) as made:
            fill(made)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert held(folder) == {**OLD, "kept.txt": "kept"}
    assert len(list(folder.iterdir())) == 5


@pytest.mark.parametrize("moves", range(5))
def test_killed_between_any_two_moves_the_next_to_open_it_finishes(folder, moves):
    make_ready(folder)
    command = [sys.executable, "-c", KILLED_AFTER, str(folder), str(moves)]
    killed = subprocess.run(command, check=False, capture_output=True)
    assert killed.returncode == (-9 if moves < 4 else 0), killed.stderr
    names = list(FILES)
    assert held(folder) == {**OLD, **{name: NEW[name] for name in names[:moves]}, "kept.txt": "kept"}
    assert finish_replacing(folder) is (moves < 4)
    assert held(folder) == {**NEW, "kept.txt": "kept"}
    assert not (folder / READY).exists()
    assert not finish_replacing(folder)


def test_killed_before_all_is_written_nothing_changes_and_the_remains_go_in_time(folder):
    fresh, old = folder / f"{MAKING}now", folder / f"{MAKING}then"
    for made in (fresh, old):
        made.mkdir()
        fill(made)
    os.utime(old, (time.time() - 10**6,) * 2)
    assert not finish_replacing(folder)
    assert held(folder) == {**OLD, "kept.txt": "kept"}
    with replacing(folder) as made:
        fill(made)
    assert (fresh.exists(), old.exists()) == (True, False)


def test_several_may_finish_at_once(folder):
    for _ in range(20):
        make_ready(folder)
        with ThreadPoolExecutor(4) as pool:
            assert True in list(pool.map(finish_replacing, [folder] * 4))
        assert held(folder) == {**NEW, "kept.txt": "kept"}
        assert not (folder / READY).exists()


def in_the_way(folder, name):
    """Has a file be one that cannot be replaced, as one that is open cannot on Windows."""
    (folder / name).unlink()
    (folder / name).mkdir()


def test_where_the_first_file_cannot_be_replaced_all_stay(folder):
    in_the_way(folder, "a.csv")
    with pytest.raises(OutputError) as error, replacing(folder) as made:
        fill(made)
    assert str(error.value) == (
        f"{folder}: has files that somebody has open. Fix: close the review and whatever shows them, and try again"
    )
    assert not (folder / READY).exists()
    assert held(folder) == {**{name: OLD[name] for name in FILES[1:]}, "kept.txt": "kept"}


def test_where_a_later_file_cannot_be_replaced_the_rest_waits_for_it(folder):
    in_the_way(folder, "c.toml")
    with pytest.raises(OutputError, match="is half replaced by a newer version"), replacing(folder) as made:
        fill(made)
    (folder / "c.toml").rmdir()
    assert finish_replacing(folder)
    assert held(folder) == {**NEW, "kept.txt": "kept"}
