from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.settings import Settings, load_settings


@pytest.fixture
def file(tmp_path):
    return tmp_path / "feedback.toml"


def test_without_a_file_the_settings_are_the_defaults(file):
    assert load_settings(file) == Settings()


def test_what_is_set_replaces_the_default_in_its_own_type(file):
    file.write_text('models = "elsewhere"\nseed = 1\nexample_weight = 2\njobs = 1\n', encoding="utf-8-sig")
    assert load_settings(file) == Settings(models=Path("elsewhere"), seed=1, example_weight=2.0, jobs=1)


def test_the_number_of_processes_is_as_set_or_one_per_core():
    assert Settings(jobs=3).processes == 3
    assert Settings().processes >= 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("sed = 1", "{}: unknown setting 'sed'. Fix: use 'seed'"),
        ("seed = 'x'", "{}: seed cannot be 'x'. Fix: give a value like 1"),
        ("seed = true", "{}: seed cannot be True. Fix: give a value like 1"),
        ("models = 3", '{}: models cannot be 3. Fix: give a value like "models"'),
        ("jobs = -1", "feedback.toml: jobs cannot be negative. Fix: use 0 for one process per core"),
        ("example_weight = 0", "feedback.toml: example_weight must be above 0. Fix: set it to 1.0"),
        ("seed =", "{}: is not valid TOML: Invalid value (at end of document). Fix: correct that line"),
    ],
)
def test_a_wrong_setting_is_told_with_its_remedy(file, content, message):
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_settings(file)
    assert str(error.value) == message.format(file)
