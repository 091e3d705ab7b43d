"""The notes below a table in plain words: how it was counted, what was set apart, and what it does not say."""

from collections.abc import Mapping, Sequence, Set

import pandas as pd

from pipeline.codebook import Codebook, Entry, Facet, Wording
from pipeline.counting.grouping import Group
from pipeline.counting.run_table import RunTable
from pipeline.texts.copies import CAMPAIGN

CORRECTED = (
    "A corrected share is an estimate of what people would have found, had they read every comment: the "
    "tool's count, mended by what people found in the check sample, which was drawn at random and coded without seeing "
    "the tool's codes. Its 95 % interval allows for the comments that people did not read, not for how differently "
    "people may read, nor for who chose not to answer. Comments and respondents are counted by the codes given and "
    "are not corrected."
)
COMBINED = "a person who ticked several choices is counted under the combination of them, and under that alone."
NOT_CHECKED = (
    "{} interval is Wilson's 95 % interval of a share. It allows for chance in who answered, not for errors of the "
    "tool, nor for who chose not to answer."
)


def notes_of(
    table: RunTable, groups: Sequence[Group], published: Wording | None, statuses: Set[str]
) -> tuple[str, ...]:
    """How it was counted, what was set apart, and what the reader must not take the numbers for.

    statuses: those of the rows of the tables.
    """
    base, frame, counts = groups[0].bases[""], table.frame, table.counts
    notes = [
        f"Base: {base:,} respondent{_s(base)} of {counts['responses']:,} who wrote something with content; "
        "a respondent may have several codes, so shares do not add up to 100 %.",
        _set_apart(counts),
        _who_coded(frame, checked="corrected" in statuses),
        *_about_campaigns(frame),
        *_about_intervals(statuses),
    ]
    if len(frame) != counts["coded"]:
        notes.append(f"coded.csv holds {len(frame):,} comments, its manifest says {counts['coded']:,}: it was changed.")
    notes += [_known(facet, frame, table.mentions[facet.id], base) for facet in table.book.facet if facet.exclusive]
    notes += [*_about_groups(groups[1:]), *_not_coded(table.whole, table.book)]
    return (*notes, *(_about_wording(published, table.whole.by_id[published.facet]) if published else ()))


def _about_intervals(statuses: Set[str]) -> list[str]:
    """What the interval of each status allows for."""
    if "corrected" not in statuses:
        return [NOT_CHECKED.format("The")]
    return [CORRECTED, *([NOT_CHECKED.format("Where the status is not checked, the")] if len(statuses) > 1 else [])]


def _who_coded(frame: pd.DataFrame, checked: bool) -> str:
    """Whose codes are counted."""
    people = int((frame["by_people"] > 0).sum())
    if checked:
        others = f"; people decided those of {people:,} of the {len(frame):,} comments" if people else ""
        return f"The codes were given by the tool{others}."
    if not people:
        return (
            "The codes were given by the tool and have not been checked by people; the shares are those of its codes."
        )
    return (
        f"People decided the codes of {people:,} of the {len(frame):,} comments; the others have those the tool gave "
        "them, which have not been checked."
    )


def _about_campaigns(frame: pd.DataFrame) -> list[str]:
    """How many comments belong to campaigns, and how they are counted."""
    sizes = frame.loc[frame["voice"] > 0, "voice"].value_counts()
    if sizes.empty:
        return []
    n, once = int(sizes.sum()), frame["voice"].nunique()
    return [
        f"Every submission is counted. {n:,} of the {len(frame):,} comments belong to {len(sizes):,} "
        f"campaign{_s(len(sizes))}, {CAMPAIGN} or more comments of the same or nearly the same words; with each "
        f"campaign counted once there would be {once:,} comment{_s(once)}."
    ]


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _set_apart(counts: Mapping[str, int]) -> str:
    return (
        f"{counts['coded']:,} comment{_s(counts['coded'])} coded. Set apart and not in the tables: "
        f"{counts['no_content']:,} without content (such as “n/a”), {counts['not_english']:,} not in English, "
        f"{counts['rejected']:,} row{_s(counts['rejected'])} of the export rejected; "
        f"{counts['blank']:,} answer{_s(counts['blank'])} left blank."
    )


def _known(facet: Facet, frame: pd.DataFrame, mentions: pd.DataFrame, base: int) -> str:
    """For how many respondents the code of an exclusive facet is given, inferred or not known."""
    people = mentions.assign(response=frame["response"].to_numpy()[mentions["row"]])
    coded = people[people["code"] != ""]
    any_, given = coded["response"].nunique(), coded[coded["given"]]["response"].nunique()
    return (
        f"{facet.name}: inferred by the tool for {any_ - given:,} respondent{_s(any_ - given)}, "
        f"given in the export for {given:,}, not known for {base - any_:,}."
    )


def _about_groups(groups: Sequence[Group]) -> list[str]:
    """What the base is in the tables by group, and who is counted under several values."""
    if not groups:
        return []
    columns = ", ".join(str(group.column) for group in groups)
    notes = [f"By {columns}: the base is the respondents who wrote something with content under that value."]
    notes += [f"By {group.column}: {COMBINED}" for group in groups if group.combines]
    for group in groups:
        people = group.members.drop_duplicates(["response", "value"])["response"].value_counts()
        if n := int((people > 1).sum()):
            notes.append(f"By {group.column}: {n:,} respondent{_s(n)} counted under more than one value.")
    return notes


def _not_coded(whole: Codebook, coded: Codebook) -> list[str]:
    left = [facet.name for facet in whole.facet if facet.id not in coded.by_id]
    return [f"{name}: not coded in this run, so there is no table of it." for name in left]


def _about_wording(published: Wording, facet: Facet) -> list[str]:
    """A note for each name that does not mean the same as the code that was counted."""
    notes = [f"Names of {facet.name} as in: {published.name}. What was counted are the codes of the codebook."]
    for code in facet.code:
        entry = published.by_code[code.id]
        if entry.relation != "same":
            notes.append(f"{_relation(entry, code.name)}: {entry.note}" if entry.note else _relation(entry, code.name))
    return notes


def _relation(entry: Entry, counted: str) -> str:
    return {
        "narrower": f"{entry.name} (narrower than {counted}, which was counted)",
        "overlaps": f"{entry.name} (overlaps with {counted}, which was counted)",
        "split": f"{entry.name} (counted as one code, {counted}: cannot be told apart without coding again)",
        "none": f"{counted} (no counterpart in this wording)",
    }[entry.relation]
