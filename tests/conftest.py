"""What several test files share: the command line, and one model and one run of the sample export per session."""

import contextlib

import pytest
from click.testing import CliRunner
from hypothesis import settings

from pipeline.cli import main
from pipeline.settings import shipped

settings.register_profile("steady", deadline=None)  # a busy computer is not a failure
settings.load_profile("steady")


def call(*args, folder):
    """Calls `feedback` with the arguments in a folder, as a user would; gives click's result."""
    with contextlib.chdir(folder):
        return CliRunner().invoke(main, [str(arg) for arg in args])


def call_well(*args, folder):
    """Calls `feedback`, which must succeed and say nothing."""
    result = call(*args, folder=folder)
    assert (result.exit_code, result.output) == (0, ""), result.output


@pytest.fixture
def feedback(tmp_path):
    """Calls `feedback` in the test's own folder, or in another."""
    return lambda *args, folder=tmp_path: call(*args, folder=folder)


@pytest.fixture(scope="session")
def sample():
    """The shipped sample export."""
    return shipped("corpus/sample_export.csv")


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    """A folder with a model in `models/engagement`, trained once, on the smaller shipped corpus to save time."""
    folder = tmp_path_factory.mktemp("workplace")
    corpus = shipped("corpus/engagement.csv")
    call_well("train", "--corpus", corpus, "--out", "models/engagement", "--quiet", folder=folder)
    return folder


@pytest.fixture(scope="session")
def sample_run(workplace, sample):
    """The run folder of the sample export, with scores."""
    call_well("classify", sample, "--out", "runs/sample", "--scores", "--quiet", folder=workplace)
    return workplace / "runs" / "sample"
