"""Codebooks, and coded comments to learn from."""

from pathlib import Path

import click

from pipeline.cli.groups import codebook, corpus
from pipeline.cli.manners import PATH, command
from pipeline.counting.phrases import counted
from pipeline.errors import OutputError


@command(codebook, "check")
@click.argument("book", type=PATH)
def codebook_check_command(book: Path) -> None:
    """Check a codebook BOOK.toml: an error is named with its place; remarks say what to look at.

    \b
    Example:  feedback codebook check corpus/codebook.toml
    """
    from pipeline.codebook import load_codebook, remarks

    loaded = load_codebook(book)
    for facet in loaded.facet:
        examples = sum(len(code.examples) for code in facet.code)
        kind = "one code a comment" if facet.exclusive else "several codes or none"
        click.echo(f"{facet.id}: {counted(len(facet.code), 'code')}, {counted(examples, 'example')}, {kind}")
    for wording in loaded.wording:
        click.echo(f"wording {wording.id}: {wording.name}")
    for remark in remarks(loaded):
        click.echo(f"remark: {remark}")
    click.echo("The codebook is sound.", err=True)


@command(codebook, "init")
@click.argument("file", type=PATH)
@click.option("--facet", "facets", multiple=True, help="A column of codes; may be given several times.")
@click.option("--out", required=True, type=PATH, help="The codebook to make.")
def codebook_init_command(file: Path, facets: tuple[str, ...], out: Path) -> None:
    """Make a codebook from a FILE of coded comments.

    \b
    Example:  feedback codebook init coded.xlsx --facet Theme --out book.toml
    """
    from pipeline.workflow import init_codebook

    book = init_codebook(file, facets, out)
    for facet in book.facet:
        kind = "one code a comment" if facet.exclusive else "several codes or none"
        click.echo(f"{facet.id}: {counted(len(facet.code), 'code')}, {kind}", err=True)
    click.echo(f"Written: {out}. Add a definition and examples to each code.", err=True)


@command(codebook, "export")
@click.argument("book", type=PATH)
@click.option("--out", required=True, type=PATH, help="The REFI-QDA file to write, .qdc.")
def codebook_export_command(book: Path, out: Path) -> None:
    """Write a codebook BOOK.toml as REFI-QDA (.qdc), which NVivo, MAXQDA, ATLAS.ti and others read.

    \b
    Example:  feedback codebook export corpus/codebook.toml --out codebook.qdc
    """
    from pipeline.codebook import load_codebook
    from pipeline.codebooks.refi_qda import write_qdc

    write_qdc(load_codebook(book), _new(out))
    click.echo(f"Written: {out}", err=True)


@command(codebook, "import")
@click.argument("file", type=PATH)
@click.option("--out", required=True, type=PATH, help="The codebook to make, .toml.")
def codebook_import_command(file: Path, out: Path) -> None:
    """Make a codebook of a REFI-QDA FILE.qdc, as other programs for coding write it.

    \b
    Example:  feedback codebook import nvivo.qdc --out book.toml
    """
    from pipeline.codebook import dump_codebook
    from pipeline.codebooks.refi_qda import read_qdc
    from pipeline.files.whole_file import whole_file

    read = read_qdc(file)
    with whole_file(_new(out)) as made:
        made.write(dump_codebook(read.codebook))
    for note in read.notes:
        click.echo(f"Note: {note}", err=True)
    for facet in read.codebook.facet:
        click.echo(f"{facet.id}: {counted(len(facet.code), 'code')}", err=True)
    click.echo(f"Written: {out}", err=True)


def _new(path: Path) -> Path:
    """A path where nothing is yet. Raises OutputError."""
    if path.exists():
        raise OutputError("is there already", where=path, fix="choose another name with --out")
    return path


@command(corpus, "import")
@click.argument("deck", type=PATH)
@click.option("--out", required=True, type=PATH, help="The file of coded comments to make.")
@click.option("--codebook", "codebook_path", type=PATH, help="Codebook; by default the shipped one.")
def corpus_import_command(deck: Path, out: Path, codebook_path: Path | None) -> None:
    """Turn an engagement DECK (.txt, .md, .pptx or .pdf) into coded comments; say what could not be placed.

    \b
    Example:  feedback corpus import deck.pptx --out corpus/private/deck.csv
    """
    from pipeline.workflow import import_deck

    imported = import_deck(deck, out, codebook_path)
    for session, points in imported.sessions.items():
        click.echo(f"{session}: {counted(points, 'point')}", err=True)
    for unplaced in imported.unplaced:
        click.echo(f"Not placed, {deck.name}:{unplaced.line}: {unplaced.reason}: {unplaced.text[:60]}", err=True)
    click.echo(f"{counted(sum(imported.sessions.values()), 'point')} written to {out}", err=True)
