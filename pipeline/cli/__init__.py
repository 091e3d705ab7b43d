"""The command line: it parses, calls the functions behind, and prints. Heavy imports wait until they are needed."""

from pipeline.cli import books, coding, exporting, learning, reports, reviewing
from pipeline.cli.groups import main

__all__ = ["books", "coding", "exporting", "learning", "main", "reports", "reviewing"]
