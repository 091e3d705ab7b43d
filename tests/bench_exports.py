"""Measures how fast 100,000 responses are read in each format, beside pandas' own reader, and the memory it takes.

Each is measured in a process of its own, in processor seconds: `read_export` and all its rows, and the pandas function
with every cell as text. pandas keeps a table where we hand out rows, so its time with the rows handed out, the second
figure, is the fair one. Memory is the most a process held beyond what it held before; for CSV and Parquet at 100,000
responses and at twice as many, which must be nearly the same: they are read as a stream.
"""

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

RESPONSES = 100_000
RUNS = 3
SAID = (
    "Please mend the lift in our block, it has been out for weeks and my mother cannot get down the stairs, ",
    "More trees along the high street would be lovely to see, and somewhere to sit down under them, ",
    "Answer the phone when residents ring about their repairs; I waited forty minutes, “twice”, ",
)
HEADER = [
    "ID",
    "Start time",
    "Completion time",
    "Email",
    "Name",
    "Ward",
    "Age",
    "Which do you use?",
    "Why?",
    "What else?",
]
Line = tuple[str, str, str]  # what, measured, target

OURS = """
from pathlib import Path
from pipeline.exports.responses import read_export
def read(path):
    return sum(1 for _ in read_export(Path(path)).rows())
"""
PANDAS = """
import pandas as pd
def read(path):
    ending = path.rsplit(".", 1)[-1]
    if ending in ("csv", "tsv", "zip"):
        return pd.read_csv(path, sep="\\t" if ending == "tsv" else ",", dtype=str, keep_default_na=False)
    if ending == "parquet":
        return pd.read_parquet(path).astype(str)
    return pd.read_excel(path, engine="calamine", dtype=str, keep_default_na=False)
"""
HANDED_OUT = (
    PANDAS.replace("def read(", "def table(")
    + """
def read(path):
    return sum(1 for _ in table(path).itertuples(index=False, name=None))
"""
)
MEASURE = """
import json, resource, sys, time
read(sys.argv[2])  # libraries are loaded once, by a small file
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
read(sys.argv[1])
took = time.process_time() - start
print(json.dumps([took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]))
"""


def response(n: int) -> list[str]:
    """A response as Microsoft Forms writes it, with two comments of about 200 characters."""
    one, two = SAID[n % 3] * 2 + str(n), (SAID[(n + 1) % 3] * 2 + str(n)) * (n % 2)
    return [str(n), "9/8/25 9:28:00", "9/8/25 9:33:00", f"a{n}@b.org", "", "Bow", "45-54", "Park;Library;", one, two]


def write_csv(path: Path, responses: int, delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(HEADER)
        writer.writerows(map(response, range(1, responses + 1)))


def write_zip(path: Path, responses: int) -> None:
    import zipfile

    write_csv(path.with_suffix(".inside.csv"), responses)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path.with_suffix(".inside.csv"), "export.csv")


def write_xlsx(path: Path, responses: int) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(path, {"constant_memory": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet()
        for n, row in enumerate([HEADER, *map(response, range(1, responses + 1))]):
            sheet.write_row(n, 0, row)


def write_parquet(path: Path, responses: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in HEADER])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(1, responses + 1, 20_000):
            rows = [response(n) for n in range(start, min(start + 20_000, responses + 1))]
            writer.write_table(pa.table(dict(zip(HEADER, zip(*rows, strict=True), strict=True)), schema=schema))


WRITERS = {
    "csv": write_csv,
    "tsv": lambda path, responses: write_csv(path, responses, "\t"),
    "zip": write_zip,
    "xlsx": write_xlsx,
    "parquet": write_parquet,
}


def measure(reader: str, path: Path, small: Path) -> tuple[float, float]:
    """Processor seconds and megabytes that reading a file takes, in a process of its own; the best of RUNS."""
    script = reader + MEASURE
    runs = []
    for _ in range(RUNS):
        command = [sys.executable, "-c", script, str(path), str(small)]
        runs.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    return min(took for took, _ in runs), min(held for _, held in runs) / 1024


def rows(responses: int = RESPONSES) -> Iterator[Line]:
    """A line for each format; Parquet only where its library is installed."""
    with tempfile.TemporaryDirectory() as folder:
        for ending, write in WRITERS.items():
            small, path, large = (Path(folder) / f"{name}.{ending}" for name in ("small", "export", "large"))
            try:
                write(small, 100)
            except ImportError:
                yield f"{ending}, {responses:,} responses read", "not measured: pyarrow is not installed", ""
                continue
            write(path, responses)
            ours, held = measure(OURS, path, small)
            pandas, handed = (measure(reader, path, small)[0] for reader in (PANDAS, HANDED_OUT))
            said = f"{ours:.2f} s; pandas {pandas:.2f} s, {handed:.2f} s with its rows handed out; "
            said += f"ratio {ours / pandas:.2f}, {ours / handed:.2f}"
            yield f"{ending.upper()}, {responses:,} responses read", said, "ratio 1.0 at most"
            if ending in ("csv", "parquet"):
                write(large, 2 * responses)
                _, twice = measure(OURS, large, small)
                said = f"{held:.0f} MB; at twice as many {twice:.0f} MB"
                yield f"{ending.upper()}, memory beyond that of a small file", said, "flat"


def main() -> None:
    print("| what | measured | target |", "|---|---|---|", sep="\n")
    for line in rows(*map(int, sys.argv[1:])):
        print(f"| {' | '.join(line)} |", flush=True)


if __name__ == "__main__":
    main()
