"""Conditions on measured values: `--where "axis_ratio<0.4 and half_light>30"`.

conditions = parse_where("axis_ratio<0.4 and half_light>30")        # raises ConditionError
fulfils({"axis_ratio": 0.3, "half_light": 41.0}, conditions)        # True
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from galaxies.ml.measures import UNITS

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
PART = re.compile(r"\s*([a-z_0-9]+)\s*(<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*", re.IGNORECASE)


class ConditionError(ValueError):
    """A condition cannot be read; the message says how it is written."""


@dataclass(frozen=True)
class Condition:
    """A measured value compared with a number."""

    name: str
    sign: str
    number: float


def parse_where(text: str) -> tuple[Condition, ...]:
    """Return the conditions of a text, () of an empty one. Raises: ConditionError."""
    if not text.strip():
        return ()
    return tuple(_condition(part) for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE))


def _condition(part: str) -> Condition:
    found = PART.fullmatch(part)
    if found is None:
        raise ConditionError(f"{part} is no condition: write it as axis_ratio<0.4 and half_light>30.")
    if found[1] not in UNITS:
        raise ConditionError(f"Galaxies have no measured {found[1]}: use one of {', '.join(UNITS)}.")
    return Condition(found[1], found[2], float(found[3]))


def fulfils(values: Mapping[str, Any], conditions: Sequence[Condition]) -> bool:
    """Tell whether measured values fulfil all conditions; one that could not be measured fulfils none."""
    return all(
        values[each.name] is not None and OPERATORS[each.sign](values[each.name], each.number) for each in conditions
    )
