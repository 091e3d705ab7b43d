import bench_outputs
import pytest
from bench_outputs import write_run

from pipeline.counting.published import Asked, published_tables
from pipeline.counting.tables import SUPPRESSED
from pipeline.errors import InputError


def test_small_counts_are_suppressed_and_the_notes_say_so(tmp_path):
    run = write_run(tmp_path / "run", 120, 100)
    tables = published_tables(run, Asked(("Sex",)))
    assert any(row.status == SUPPRESSED for row in tables.rows)
    assert "[c] stands in place of a count from 1 to 4" in tables.notes[-1]
    shown = published_tables(run, Asked(("Sex",), smallest=0))
    assert not any(row.status == SUPPRESSED for row in shown.rows)


def test_a_column_of_too_many_small_counts_is_refused_with_what_to_do(tmp_path, monkeypatch):
    streets = {**bench_outputs.ATTRIBUTES, "Street": [f"Street {n}" for n in range(300)]}
    monkeypatch.setattr(bench_outputs, "ATTRIBUTES", streets)
    run = write_run(tmp_path / "run", 2000, 1800)
    with pytest.raises(InputError) as error:
        published_tables(run, Asked(("Street",)))
    assert "counts by 'Street' are below 5 and cannot be shown" in error.value.what
    assert error.value.fix == "put its values together in the export, such as streets into wards, and code it again"
    assert len(published_tables(run, Asked(("Street",), smallest=0)).groups) == 1
