"""Which physical object each picture shows: the unit that must not lie on two sides of a split."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline_defs.common.job import JobError
from pipeline_defs.detection.similarity import SIDE, Details, connect, group_by_similarity

GIVEN = "given"
FILE_NAME_RULE = "file name rule"
VISUAL_SIMILARITY = "visual similarity"


@dataclass(frozen=True)
class Subject:
    """What grouping needs to know of a picture; `known_group` is empty where nobody said it."""

    uri: str
    sha256: str
    known_group: str


@dataclass(frozen=True)
class Grouping:
    """A group key for each picture, by which way it was found, and what a person should know of it."""

    keys: tuple[str, ...]
    way: str
    notes: tuple[str, ...]


def group_pictures(subjects: Sequence[Subject], *, rule: str, details: Callable[[], Details]) -> Grouping:
    """Group by what is given for every picture, else by the file-name rule, else by similarity.

    `details` is called only if pixels have to decide; it returns (n, SIDE, SIDE) in the order of `subjects`.
    """
    given = [subject.known_group for subject in subjects]
    if subjects and all(given):
        return Grouping(tuple(given), GIVEN, ())
    partly = f"{sum(map(bool, given))} of {len(given)} pictures say which object they show"
    if rule:
        keys = tuple(
            known or name_key(subject.uri, rule) for known, subject in zip(given, subjects, strict=True)
        )
        return Grouping(keys, FILE_NAME_RULE, (partly,) if any(given) else ())
    return _by_similarity(subjects, details(), (partly,) if any(given) else ())


def name_key(uri: str, rule: str) -> str:
    """Apply the rule to the file's name: its groups joined, or the whole match; else the name itself."""
    name = uri.rsplit("/", 1)[-1]
    match = compile_rule(rule).search(name)
    if match is None:
        return name
    parts = [part for part in match.groups() if part is not None]
    return "-".join(parts) if parts else match.group(0)


def compile_rule(rule: str) -> re.Pattern[str]:
    """Compile the rule; raises JobError for what is no regular expression."""
    try:
        return re.compile(rule)
    except re.error as error:
        raise JobError(f"group rule {rule!r}: not a regular expression: {error}") from error


def _by_similarity(subjects: Sequence[Subject], details: Details, notes: tuple[str, ...]) -> Grouping:
    """Tie what looks alike and what is said to be the same object."""
    similar = group_by_similarity(details)
    keys = _keys(subjects, _tie_known(subjects, similar.numbers))
    if similar.doubtful:
        notes = (
            *notes,
            f"the pictures look so alike that similarity cannot tell the objects apart (tied from "
            f"{similar.tie:.2f}, largest group {similar.largest_share:.0%}): the test split may show "
            f"objects of the training split; give a group for each picture or a file-name rule",
        )
    return Grouping(keys, VISUAL_SIMILARITY, notes)


def _tie_known(subjects: Sequence[Subject], numbers: Sequence[int]) -> list[int]:
    first_of: dict[tuple[str, object], int] = {}
    pairs = []
    for index, (subject, number) in enumerate(zip(subjects, numbers, strict=True)):
        pairs.append((index, first_of.setdefault(("look", number), index)))
        if subject.known_group:
            pairs.append((index, first_of.setdefault(("known", subject.known_group), index)))
    return connect(len(subjects), pairs)


def _keys(subjects: Sequence[Subject], numbers: Sequence[int]) -> tuple[str, ...]:
    """Name each group after what is known of it, else after its smallest hash."""
    members: dict[int, list[Subject]] = {}
    for number, subject in zip(numbers, subjects, strict=True):
        members.setdefault(number, []).append(subject)
    names = {}
    for number, pictures in members.items():
        known = [picture.known_group for picture in pictures if picture.known_group]
        names[number] = min(known) if known else f"look-{_short_hash(min(p.sha256 for p in pictures))}"
    return tuple(names[number] for number in numbers)


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def stack_details(details: Sequence[Details]) -> Details:
    """Stack single details into (n, SIDE, SIDE), also for none."""
    return np.stack(details) if details else np.zeros((0, SIDE, SIDE), dtype=np.float32)
