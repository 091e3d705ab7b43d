"""The groups of commands: `feedback` itself, and those with words of their own below it."""

import io
import sys

import click

from pipeline import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="feedback")
def main() -> None:
    """Codes the free-text answers of a public consultation and prints tables that can be defended.

    \b
    Start with:  feedback classify export.csv --out runs/survey
    then:        feedback tables runs/survey
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console or file in an old code page cannot hold every sign


@main.group()
def codebook() -> None:
    """Make and check a codebook: the facets and codes, with their definitions and examples."""


@main.group()
def corpus() -> None:
    """Coded comments to learn from."""


@main.group()
def models() -> None:
    """The trained models, and which one is current."""


@main.group("label-studio")
def label_studio() -> None:
    """Hand comments to Label Studio, and take decisions back."""
