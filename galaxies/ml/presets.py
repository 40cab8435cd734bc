"""What decides a training besides its images: three presets, and how a time limit is split over phases.

settings = with_resolution(PRESETS["standard"], 128)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import gcd

from galaxies.ml.features.clusters import ClusterSettings
from galaxies.ml.features.encoder import ContrastiveSettings, EncoderConfig, ViewSettings
from galaxies.ml.gan.adversarial import AdversarialSettings
from galaxies.ml.gan.refinement import RefinementSettings
from galaxies.ml.gan.super_resolution import SuperResolutionSettings
from galaxies.ml.gan.warm_start import WarmStartSettings
from galaxies.ml.loop import ADVERSARIAL, FIRST_PHASES, REFINEMENT, STAGE, Budget, TrainingError
from galaxies.ml.networks.styled_stage import StyledStageConfig


@dataclass(frozen=True)
class Shares:
    """Each phase's share of a training's time; together 1."""

    encoder: float = 0.1
    feature_network: float = 0.05
    warm_start: float = 0.1
    adversarial: float = 0.35
    refinement: float = 0.07
    super_resolution: float = 0.33


@dataclass(frozen=True)
class Settings:
    """Every number that shapes a training besides its images. A bundle's manifest holds all of it.

    Budgets are in images; minutes, if given, are split by shares. encoder: what families are cut by and generated
    images compared by; feature_network: what the discriminator sees through, another network altogether.
    w_mean_samples: latents that the mean of w is taken over; kid_samples: what the KID is measured on while training.
    """

    preset: str
    resolution: int
    encoder: EncoderConfig
    feature_network: EncoderConfig
    channels: tuple[int, ...]
    adversarial: AdversarialSettings
    encoder_images: int
    feature_network_images: int
    warm_start_images: int
    adversarial_images: int
    refinement_images: int
    stage_images: int
    warm_start: WarmStartSettings = field(default_factory=WarmStartSettings)
    contrastive: ContrastiveSettings = field(default_factory=ContrastiveSettings)
    feature_network_contrastive: ContrastiveSettings = field(
        default_factory=lambda: ContrastiveSettings(ViewSettings(disc=None))
    )
    clusters: ClusterSettings = field(default_factory=ClusterSettings)
    refinement: RefinementSettings = field(default_factory=RefinementSettings)
    super_resolution: SuperResolutionSettings = field(default_factory=SuperResolutionSettings)
    shares: Shares = field(default_factory=Shares)
    w_mean_samples: int = 4096
    kid_samples: int = 1024
    k: int | None = None
    seed: int = 0
    minutes: float | None = None
    weighed_by: str = ""  # the preference model that weighs the real images, in words; empty: all count alike
    started_from: str = ""  # the version whose weights it begins with; empty: from scratch
    start_at: str = ADVERSARIAL  # the first phase in which that version learns on, one of FIRST_PHASES
    keep_stage: bool = False  # its stage stays as it is

    @property
    def base(self) -> int:
        """Return the side of what the GAN itself generates; a stage leads from there to `resolution`."""
        return int(4 * 2 ** (len(self.channels) - 1))

    @property
    def stage(self) -> StyledStageConfig | None:
        """Return the config of the super-resolution stage; None where the GAN generates at `resolution` itself."""
        factor = self.resolution // self.base
        return StyledStageConfig(self.resolution, factor, code=6) if factor > 1 else None

    @property
    def trains_stage(self) -> bool:
        return self.stage is not None and not self.keep_stage

    def budget(self, images: int, share: float) -> Budget:
        """Return the budget of a phase. Phases that are there have the time of those that are not."""
        return Budget(images, self.minutes * share / self._share_of_phases() if self.minutes else None)

    def _share_of_phases(self) -> float:
        shares = self.shares
        if not self.started_from:
            return 1.0
        kept = shares.super_resolution if self.keep_stage else 0.0
        return {
            ADVERSARIAL: 1.0 - shares.encoder - shares.warm_start,
            REFINEMENT: shares.refinement + shares.super_resolution,
            STAGE: shares.super_resolution,
        }[self.start_at] - kept


LARGEST = 1024  # px: the memory of anything larger is nobody's
_FEATURE_NETWORK = EncoderConfig(channels=(32, 64, 128, 192))
_CHANNELS = (192, 128, 96, 64, 24)
PRESETS = {
    "tiny": Settings(
        preset="tiny",
        resolution=32,
        encoder=EncoderConfig(16, (16, 24), 16, 64, zooms=(1, 2)),
        feature_network=EncoderConfig(16, (12, 16), 16, 64),
        channels=(16, 16, 8),
        warm_start=WarmStartSettings(channels=(8, 16), batch=16),
        adversarial=AdversarialSettings(discriminator=(8, 16), batch=16, head_start=4, ema_images=100, lazy=4),
        encoder_images=1_280,
        feature_network_images=640,
        warm_start_images=640,
        adversarial_images=640,
        refinement_images=320,
        super_resolution=SuperResolutionSettings(crop=8, head_start=4),
        stage_images=320,
    ),
    "small": Settings(
        preset="small",
        resolution=128,
        encoder=EncoderConfig(zooms=(1, 2)),
        feature_network=_FEATURE_NETWORK,
        channels=_CHANNELS,
        adversarial=AdversarialSettings(),
        encoder_images=100_000,
        feature_network_images=60_000,
        warm_start_images=50_000,
        adversarial_images=280_000,
        refinement_images=100_000,
        stage_images=100_000,
    ),
    "standard": Settings(
        preset="standard",
        resolution=256,
        encoder=EncoderConfig(zooms=(1, 2)),
        feature_network=_FEATURE_NETWORK,
        channels=_CHANNELS,
        adversarial=AdversarialSettings(),
        encoder_images=100_000,
        feature_network_images=60_000,
        warm_start_images=50_000,
        adversarial_images=2_000_000,
        refinement_images=200_000,
        stage_images=200_000,
    ),
}


def with_resolution(settings: Settings, resolution: int) -> Settings:
    """Return the same settings for another side.

    Raises: TrainingError unless it is the base side times a power of two, LARGEST at most.
    """
    changed = replace(settings, resolution=resolution)
    if resolution > LARGEST or resolution not in [settings.base * 2**i for i in range(LARGEST.bit_length())]:
        sides = ", ".join(str(settings.base * 2**i) for i in range(4))
        raise TrainingError(f"Preset {settings.preset} cannot generate {resolution} px: choose one of {sides}.")
    return changed


def check_shares(settings: Settings, workers: int) -> None:
    """Raise TrainingError if so many workers cannot have equal shares of every batch of what is trained."""
    batches = [settings.adversarial.batch, settings.refinement.batch]
    if settings.trains_stage:
        batches.append(settings.super_resolution.batch // 2)  # half of it is of another kind than the other
    most = gcd(*batches[FIRST_PHASES.index(settings.start_at) :])
    if most % workers:
        possible = ", ".join(str(n) for n in range(1, most + 1) if most % n == 0)
        raise TrainingError(
            f"A batch of preset {settings.preset} cannot be divided among {workers} workers: give one of {possible}."
        )
