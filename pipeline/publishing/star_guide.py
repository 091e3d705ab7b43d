"""The README of a star for Power BI: what each table is, how they hang together, measures, what may be published."""

from collections.abc import Iterable, Mapping, Sequence

from pipeline.publishing.star import PUBLIC, TABLES, Field, links_within

PERSONAL = (
    "**Not for publication.** `responses`, `comments` and `comment_code` hold what people wrote and said of "
    "themselves: personal data, and counts as small as one. Whoever opens a report built on them can see both. "
    f"Publish only what is drawn from {', '.join(f'`{name}`' for name in PUBLIC)}; the public version of this folder "
    "holds nothing else."
)
FOR_ALL = "This folder is made to be published: it holds no comments and no responses."
SUPPRESSED = (
    "Counts below {smallest} are suppressed in `frequencies`, and others from which they could be worked back. "
    "Suppressed figures are blank and their status says so; print them as `[c]`."
)
NOT_SUPPRESSED = (
    "**No counts are suppressed**, because the settings say so: look for small ones before you publish any."
)
COUNTED: Mapping[str, str] = {
    "Respondents with a code": "DISTINCTCOUNT ( comment_code[response_key] )",
    "Comments with a code": "DISTINCTCOUNT ( comment_code[comment_key] )",
    "Comments with a code, campaigns once": "DISTINCTCOUNT ( comment_code[voice_key] )",
    "Base": "DISTINCTCOUNT ( comments[response_key] )",
    "Counted share": "DIVIDE ( [Respondents with a code], [Base] )",
}
PUBLISHED = ("respondents", "base", "comments_once", "counted_share", "share", "low", "high", "status")
IN_WORDS = {
    "comments_once": "comments, campaigns once",
    "share": "share",
    "low": "lower end",
    "high": "upper end",
}
FIGURE = (
    'SWITCH (\n    [Published status],\n    BLANK (), BLANK (),\n    "suppressed", "[c]",\n'
    '    FORMAT ( [Published share], "0.0%" ) & " (" & FORMAT ( [Published lower end], "0.0%" )\n'
    '        & " to " & FORMAT ( [Published upper end], "0.0%" ) & ")"\n)'
)


def guide(
    title: str,
    tables: Sequence[str],
    fields: Mapping[str, Sequence[Field]],
    attributes: Mapping[str, str],
    about_dates: str,
    smallest: int,
) -> str:
    """The README as Markdown. fields: columns of each table; attributes: header of the export → column of responses.

    smallest: counts below it are suppressed.
    """
    public = set(tables) <= set(PUBLIC)
    parts = [
        f"# {title}: tables for Power BI",
        FOR_ALL if public else PERSONAL,
        SUPPRESSED.format(smallest=smallest) if smallest > 1 else NOT_SUPPRESSED,
        "Each table is there twice, as Parquet and as CSV; both hold the same. Take Parquet where you can: it keeps "
        "the types of the columns.",
        *_opening(tables),
        "## Tables",
        "A key is a whole number and never blank.",
        *(_table(name, fields[name]) for name in tables),
        *(_about_attributes(attributes) if "responses" in tables else []),
        *(["## Dates", about_dates] if "dates" in tables else []),
        *_about_links(tables),
        *_about_measures(public),
        *_about_keys(),
    ]
    return "\n\n".join(parts) + "\n"


def _opening(tables: Sequence[str]) -> list[str]:
    steps = [
        "## Opening it",
        "1. In Power BI Desktop choose *Get data*, then *Parquet*, and load each `.parquet` file. Load *Text/CSV* "
        "instead where Parquet is not to be had, and set the type of every key to *Whole number*.\n"
        "2. Set the relationships below in the model view. Power BI finds most of them by itself.\n"
        "3. Paste the measures below with *New measure*.",
    ]
    if "dates" in tables:
        steps.append(
            "To mark `dates` as a date table, filter its row “(not given)” out first: Power BI wants no blank day "
            "there. Responses without a day then stand under Power BI's own blank."
        )
    return steps


def _table(name: str, fields: Sequence[Field]) -> str:
    lines = [f"### {name}", "", "| column | type | what it holds |", "|---|---|---|"]
    lines += [f"| {one.name} | {one.kind} | {one.meaning} |" for one in fields]
    return "\n".join(lines)


def _about_attributes(attributes: Mapping[str, str]) -> list[str]:
    if not attributes:
        return []
    lines = ["| column of responses | header in the export |", "|---|---|"]
    lines += [f"| {column} | {' '.join(header.split()).replace('|', ' ')} |" for header, column in attributes.items()]
    return ["### What respondents said of themselves", "\n".join(lines)]


def _about_links(tables: Iterable[str]) -> list[str]:
    lines = ["| from (many) | to (one) |", "|---|---|"]
    lines += [f"| {link.many} | {link.one} |" for link in links_within(tables)]
    return ["## Relationships", "All are many to one, with a single filter direction, and active.", "\n".join(lines)]


def _about_measures(public: bool) -> list[str]:
    """Measures that count what the report shows, and those that read the published figures."""
    said = ["## Measures"]
    if not public:
        said += [
            "These count what any column of `responses`, `questions` or `dates` is filtered by, without suppression "
            "and without correction. They agree with the tables of the run, and are for your own eyes.",
            _dax(COUNTED),
        ]
    said += [
        "These read the published figures. They are blank unless one code is chosen, and stand for all respondents "
        "unless one of `groups` is. The share is corrected with the check sample where the status says so; quote "
        "it with its interval.",
        _dax({_published_name(column): _published(column) for column in PUBLISHED} | {"Published figure": FIGURE}),
    ]
    return said


def _published_name(column: str) -> str:
    return f"Published {IN_WORDS.get(column, column.replace('_', ' '))}"


def _published(column: str) -> str:
    """The figure of the one code and group that are chosen, or of all respondents where no group is."""
    return (
        "IF (\n    HASONEVALUE ( frequencies[code_key] ),\n    IF (\n        ISCROSSFILTERED ( groups ),\n"
        f"        IF ( HASONEVALUE ( frequencies[group_key] ), MAX ( frequencies[{column}] ) ),\n"
        f"        CALCULATE ( MAX ( frequencies[{column}] ), groups[overall] = TRUE () )\n    )\n)"
    )


def _dax(measures: Mapping[str, str]) -> str:
    return "```dax\n" + "\n\n".join(f"{name} =\n{words}" for name, words in measures.items()) + "\n```"


def _about_keys() -> list[str]:
    return [
        "## Keys",
        "Keys are whole numbers of 64 bits made of the ids alone, so a comment, code, group or question has the same "
        "key each time this is written, also after coding again: refresh the report and its relationships hold. A key "
        "does not make anonymous: whoever knows an id can work out its key. Keys are unique within a run; do not put "
        "two runs into one table.",
        "Excel keeps only fifteen digits of a number, so never join these keys there: use the ids.",
        "In the CSV files a text that Excel would run as a formula has an apostrophe before it; the Parquet files hold "
        "it as it was written.",
    ]


def fields_with(attributes: Mapping[str, str]) -> dict[str, tuple[Field, ...]]:
    """The columns of each table, those of `responses` with the attributes, named as in the star."""
    more = tuple(Field(column, "text", "what they said; “(not given)” for nothing") for column in attributes.values())
    return {**TABLES, "responses": TABLES["responses"] + more}
