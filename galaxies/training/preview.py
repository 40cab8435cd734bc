"""A look at images before a training: what would be read, what would be skipped, and how long it would take.

found = look(Options(images="galaxies/", preset="small"))
print(found.text())
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from galaxies.ml.data.dataset import MINIMUM
from galaxies.ml.data.records import NAMED, Dataset, by_reason, listed
from galaxies.training.folders import images_of
from galaxies.training.record import EXPECTED, in_one_sentence
from galaxies.training.request import Options, checked, settings_of

HELD_OUT_NEEDED = 200  # for a measurement


@dataclass(frozen=True)
class Preview:
    """facts: names and sentences; skipped: reason, count, first ten names; error: why nothing can be trained on it."""

    facts: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, int, tuple[str, ...]], ...] = ()
    error: str = ""

    def text(self) -> str:
        """Return all of it as lines for a terminal."""
        lines = [f"{name + ':':12} {sentence}" for name, sentence in self.facts]
        for reason, count, names in self.skipped:
            lines.append(f"Skipped, {count:,}: {reason}")
            lines += [f"  {name}" for name in names]
            if count > len(names):
                lines.append(f"  and {count - len(names):,} more")
        return "\n".join(lines)


def look(options: Options, progress: Callable[[int, int], None] | None = None) -> Preview:
    """Read the images as a training would, which then finds them in the cache, and start nothing.

    Raises: DatasetError, TrainingError or BundleError, in one sentence, if nothing could be read at all.
    """
    from galaxies.ml.duration import expected_seconds, measured_speed

    options = checked(options)
    settings = settings_of(options)
    data = images_of(options, settings.resolution, progress, minimum=0)
    seconds = expected_seconds(settings, measured_speed())
    facts = (*facts_of(data), ("Time", f"about {_duration(seconds)} with preset {options.preset} on this machine"))
    skipped = tuple((reason, len(names), tuple(names[:NAMED])) for reason, names in by_reason(data.skipped))
    few = len(data.images) < MINIMUM
    error = f"Only {len(data.images)} usable images: at least {MINIMUM} are needed." if few else ""
    return Preview(facts, skipped, error)


def facts_of(data: Dataset) -> tuple[tuple[str, str], ...]:
    """Return what is to be said of images that were read."""
    count, held_out = len(data.images), int(data.held_out.sum())
    few = "" if held_out >= HELD_OUT_NEEDED else f", fewer than the {HELD_OUT_NEEDED} that a measurement needs"
    sizes = Counter(f"{width} x {height}" for width, height in data.sizes)
    common = ", ".join(f"{size} px ({times:,})" for size, times in sizes.most_common(3))
    others = f" and {len(sizes) - 3} other sizes" if len(sizes) > 3 else ""
    classes = Counter(label for label in data.labels if label)
    named = listed((f"{name} {times:,}" for name, times in classes.most_common()), NAMED)
    labels = f"{classes.total():,} of {count:,} images: {named}" if classes else "none"
    return (
        ("Images", f"{count:,} read from {data.source}, {len(data.skipped):,} skipped"),
        ("Sizes", f"{common}{others}" if sizes else f"{data.resolution} x {data.resolution} px"),
        ("Labels", " ".join([labels + ("." if data.notes else ""), *data.notes])),
        ("Duplicates", f"{data.duplicates:,}, told by their pixels"),
        ("Split", f"{len(data.train):,} to train on, {held_out:,} held out{few}"),
    )


def answer(options: Options) -> dict[str, Any]:
    """Return what `look` finds as JSON has it, or the sentence that says why it finds nothing."""
    try:
        return as_dict(look(options))
    except (*EXPECTED, OSError) as error:
        return as_dict(Preview((), (), in_one_sentence(error)))


def as_dict(found: Preview) -> dict[str, Any]:
    """Return it as JSON has it, for a page."""
    return {
        "facts": [list(fact) for fact in found.facts],
        "skipped": [{"reason": reason, "count": count, "names": list(names)} for reason, count, names in found.skipped],
        "error": found.error,
    }


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
