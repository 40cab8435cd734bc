"""Progress of long commands in a terminal."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

from galaxies.ml.loop import Report


class PhaseBars:
    """One bar for each phase of a training: share of its budget, images, images/s, time left, losses."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._phase = ""

    def __call__(self, report: Report) -> None:
        """Show a training's report."""
        if report.phase != self._phase:
            self.close()
            self._phase = report.phase
            form = "{desc:<12} {percentage:3.0f}%|{bar:20}|{postfix}"
            self._bar = tqdm(total=1000, desc=report.phase, bar_format=form)
        self._bar.n = round(report.share * 1000)
        losses = " ".join(f"{name} {value:.3g}" for name, value in report.losses.items())
        left = tqdm.format_interval(report.eta_seconds)
        self._bar.set_postfix_str(f"{report.images:,} images, {report.images_per_second:.0f}/s, {left} left, {losses}")

    def close(self) -> None:
        """End the last bar's line."""
        if self._bar is not None:
            self._bar.close()


class CountBars:
    """One bar for each stage that counts things."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        if stage != self._stage:
            self.close()
            self._stage = stage
            self._bar = tqdm(total=total, desc=stage)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """End the last bar's line."""
        if self._bar is not None:
            self._bar.close()
