"""What decides a training besides its images: three presets, and how a time limit is split over phases.

settings = with_resolution(PRESETS["standard"], 128)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from galaxies.ml.features.encoder import EncoderConfig
from galaxies.ml.gan.adversarial import AdversarialSettings
from galaxies.ml.loop import Budget, TrainingError

SHARES = {"encoder": 0.15, "eyes": 0.05, "warm": 0.1, "adversarial": 0.5, "stages": 0.2}


@dataclass(frozen=True)
class Settings:
    """All that decides a training besides its images. Budgets in images; minutes, if given, are split by SHARES.

    encoder: what cuts the families and judges; eyes: what the discriminator sees through, another network altogether.
    """

    preset: str
    resolution: int
    encoder: EncoderConfig
    eyes: EncoderConfig
    channels: tuple[int, ...]
    adversarial: AdversarialSettings
    encoder_images: int
    eyes_images: int
    warm_images: int
    adversarial_images: int
    stage_images: int
    k: int | None = None
    seed: int = 0
    minutes: float | None = None
    weighed_by: str = ""  # the preference model that weighs the real images, in words; empty: all count alike
    started_from: str = ""  # the version whose weights it begins with; empty: from scratch

    @property
    def base(self) -> int:
        """The side of what the GAN itself paints; x2 stages lead from there to `resolution`."""
        return int(4 * 2 ** (len(self.channels) - 1))

    @property
    def stage_sides(self) -> list[int]:
        sides: list[int] = []
        while (sides[-1] if sides else self.base) < self.resolution:
            sides.append(2 * (sides[-1] if sides else self.base))
        return sides

    def budget(self, images: int, share: float) -> Budget:
        """Of a phase. Without encoder and warm start, the other phases have their time."""
        whole = 1.0 - SHARES["encoder"] - SHARES["warm"] if self.started_from else 1.0
        return Budget(images, self.minutes * share / whole if self.minutes else None)


_TINY_GAN = AdversarialSettings(discriminator=(8, 16), batch=16, head_start=4, ema_images=100, lazy=4)
_EYES = EncoderConfig(channels=(32, 64, 128, 192))
_CHANNELS = (192, 128, 96, 64, 24)
PRESETS = {
    "tiny": Settings(
        "tiny", 32, EncoderConfig(16, (16, 24), 16, 64, zooms=(1, 2)), EncoderConfig(16, (12, 16), 16, 64), (16, 16, 8),
        _TINY_GAN, 1_280, 640, 640, 640, 320,
    ),
    "small": Settings(
        "small", 128, EncoderConfig(zooms=(1, 2)), _EYES, _CHANNELS, AdversarialSettings(),
        100_000, 60_000, 50_000, 280_000, 60_000,
    ),
    "standard": Settings(
        "standard", 256, EncoderConfig(zooms=(1, 2)), _EYES, _CHANNELS, AdversarialSettings(),
        100_000, 60_000, 50_000, 2_000_000, 60_000,
    ),
}  # fmt: skip


def with_resolution(settings: Settings, resolution: int) -> Settings:
    """The same settings for another side.

    Raises: TrainingError unless it is the base side times a power of two.
    """
    changed = replace(settings, resolution=resolution)
    if changed.base * 2 ** len(changed.stage_sides) != resolution:
        sides = ", ".join(str(settings.base * 2**i) for i in range(4))
        raise TrainingError(f"Preset {settings.preset} cannot paint {resolution} px: choose one of {sides}.")
    return changed
