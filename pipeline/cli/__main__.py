"""`python -m pipeline.cli` is `feedback`."""

from pipeline.cli import main

main(prog_name="feedback")
