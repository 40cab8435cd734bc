"""From a finished training to a folder in the models' store; the counterpart of `bundle.load_bundle`.

path = write_bundle(trained, Path("models_store/sdss-256"), Provenance(data, asdict(settings), run, credit="..."))
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.metrics import adjusted_mutual_info_score

from galaxies.ml.arrays import Features, Labels
from galaxies.ml.bundle.bundle import Bundle
from galaxies.ml.bundle.files import FORMAT, MANIFEST, BundleError, sha256
from galaxies.ml.bundle.inference import weights_of
from galaxies.ml.bundle.sheets import COLUMNS, PSI, write_sheet
from galaxies.ml.data.dataset import CROP, RESIZE_FILTER
from galaxies.ml.data.records import Dataset
from galaxies.ml.data.split import BY_PIXELS, HELD_OUT
from galaxies.ml.features.clusters import Clusters
from galaxies.ml.features.encoder import Encoder
from galaxies.ml.features.family_names import describe
from galaxies.ml.loop import Run, read_header
from galaxies.ml.networks.generator import Generator
from galaxies.ml.networks.styled_stage import StyledStage
from galaxies.ml.networks.super_resolution import Stage

EXEMPLARS = 4
CANDIDATES = 64


@dataclass(frozen=True)
class TrainedModel:
    """All parts of a finished model, before they become a bundle.

    features (N, d) and labels (N,) are those of all images, held-out ones too.
    """

    encoder: Encoder
    features: Features
    clusters: Clusters
    labels: Labels
    generator: Generator
    stages: Sequence[Stage | StyledStage]


@dataclass(frozen=True)
class Provenance:
    """How a model was made. settings: all numbers that shaped its training, galaxies.ml.presets.Settings as a dict."""

    data: Dataset
    settings: Mapping[str, Any]
    run: Run
    credit: str


def write_bundle(trained: TrainedModel, path: Path, provenance: Provenance) -> Path:
    """Write the folder `path`, whole or not at all, and return it. Its name is the version.

    Raises: BundleError if it is there already or cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    if path.exists():
        raise BundleError(f"{path} is there already: choose another version name.")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / "exemplars").mkdir(parents=True)
        _write_weights(partial, trained)
        np.savez_compressed(
            partial / "features.npz",
            features=trained.features.astype(np.float16),
            held_out=provenance.data.held_out,
            clusters=trained.labels.astype(np.uint8),
        )
        if (provenance.run.folder / "log.csv").exists():
            shutil.copyfile(provenance.run.folder / "log.csv", partial / "training.csv")
        manifest = _manifest(trained, provenance, path.name)
        _write_samples(Bundle(partial, manifest), manifest)
        (partial / "MODEL_CARD.md").write_text(model_card(manifest))
        seal(partial, manifest)
        partial.rename(path)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise BundleError(
            f"{path} cannot be written ({error.strerror}): make room and run again with --resume."
        ) from error
    return path


def seal(path: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest with the checksum of every other file in the folder."""
    files = sorted(f for f in path.rglob("*") if f.is_file() and f.name != MANIFEST)
    manifest["files"] = {f.relative_to(path).as_posix(): sha256(f) for f in files}
    partial = path / f".{MANIFEST}.partial"
    partial.write_text(json.dumps(manifest, indent=1) + "\n")
    partial.replace(path / MANIFEST)


def _write_weights(path: Path, trained: TrainedModel) -> None:
    np.savez_compressed(path / "generator.npz", **weights_of(trained.generator))
    np.savez_compressed(path / "encoder.npz", **weights_of(trained.encoder))
    for stage in trained.stages:
        np.savez_compressed(path / f"stage_{stage.config.resolution}.npz", **weights_of(stage))
    clusters = trained.clusters
    np.savez_compressed(path / "clusters.npz", centroids=clusters.centroids, mean=clusters.mean, axes=clusters.axes)


def _write_samples(bundle: Bundle, manifest: dict[str, Any]) -> None:
    """Write exemplars and sample sheet, and name the exemplars in the manifest."""
    for family in manifest["families"]:
        family["exemplars"] = _write_exemplars(bundle, family["id"])
    rows = [bundle.sample([c] * COLUMNS, [1000 * c + i for i in range(COLUMNS)], PSI) for c in range(bundle.n_clusters)]
    write_sheet(bundle.path / "sample_sheet.webp", np.stack(rows))


def _manifest(trained: TrainedModel, provenance: Provenance, version: str) -> dict[str, Any]:
    data = provenance.data
    train = data.train
    classes = [data.labels[i] for i in train]
    families = describe(data.images[train], trained.labels[train], classes)
    return {
        "format": FORMAT,
        "version": version,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "n_clusters": len(families),
        "resolution": provenance.settings["resolution"],
        "generator": asdict(trained.generator.config),
        "stages": [asdict(stage.config) for stage in trained.stages],
        "encoder": asdict(trained.encoder.config),
        "families": [{**family.as_dict(), "exemplars": []} for family in families],
        "clustering": _clustering(trained, data),
        "data": {
            "source": data.source,
            "fingerprint": data.fingerprint,
            "train": len(train),
            "held_out": int(data.held_out.sum()),
            "held_out_share": HELD_OUT,
            "resize_filter": RESIZE_FILTER,
            "crop": CROP,
            "split": BY_PIXELS,
            **data.reading,
        },
        "training": {"settings": dict(provenance.settings), "phases": _phases(provenance.run, trained)},
        "credit": provenance.credit,
    }


def _clustering(trained: TrainedModel, data: Dataset) -> dict[str, Any]:
    """Return how every k did, and how the chosen cut agrees with the classes of the held-out images that have one."""
    known = [i for i in np.flatnonzero(data.held_out) if data.labels[i]]
    result: dict[str, Any] = {
        "choices": [asdict(choice) for choice in trained.clusters.choices],
        "labelled": len(known),
    }
    if known:
        classes = [data.labels[i] for i in known]
        result["adjusted_mutual_information"] = float(adjusted_mutual_info_score(classes, trained.labels[known]))
    return result


def _phases(run: Run, trained: TrainedModel) -> dict[str, Any]:
    names = [
        "encoder",
        "feature_network",
        "warm_start",
        *(f"stage_{s.config.resolution}" for s in trained.stages),
        "adversarial",
        "refinement",
    ]
    # A training that goes on from a finished model has no encoder and no warm start of its own.
    headers = {name: read_header(run.checkpoint(name)) for name in names if run.checkpoint(name).exists()}
    phases = {n: {"images": h["steps"] * h["batch"], "seconds": round(h["seconds"])} for n, h in headers.items()}
    if (best := run.checkpoint("best")).exists():
        phases["adversarial"]["kept"] = read_header(best)["images"]
    return phases


def _write_exemplars(bundle: Bundle, cluster: int) -> list[str]:
    """Four generated images that the encoder finds most like the family, each file named by its seed."""
    seeds = list(range(CANDIDATES))
    images = bundle.sample([cluster] * CANDIDATES, seeds, PSI)
    distances = bundle.clusters.distances(bundle.features(images))[:, cluster]
    names = []
    for seed in np.argsort(distances, kind="stable")[: 4 * EXEMPLARS : 4]:
        name = f"exemplars/{cluster}-{seed}.webp"
        Image.fromarray(images[seed]).save(bundle.path / name, quality=90)
        names.append(name)
    return names


def _kept(phase: dict[str, Any]) -> str:
    kept = phase.get("kept", phase["images"])
    return "" if kept == phase["images"] else f" (kept: the state after {kept:,})"


def model_card(manifest: dict[str, Any]) -> str:
    """Return what the model is, learned from and cannot do, in Markdown."""
    data, phases = manifest["data"], manifest["training"]["phases"]
    seen = {
        name: f"{phase['images']:,} in {phase['seconds'] / 60:.0f} min{_kept(phase)}" for name, phase in phases.items()
    }
    weighed = manifest["training"]["settings"].get("weighed_by")
    learned = f" Images that people would rather like were shown more often, by {weighed}." if weighed else ""
    begun = manifest["training"]["settings"].get("started_from")
    learned += f" It began with the weights of {begun}, whose card says what these had seen." if begun else ""
    families = "\n".join(
        f"| {f['id']} | {f['name']} | {f['share']:.1%} | {f['sentence']} |" for f in manifest["families"]
    )
    return f"""# {manifest["version"]}

Generates galaxies of {manifest["resolution"]} x {manifest["resolution"]} px that nobody has photographed, in
{manifest["n_clusters"]} families found by K-Means over learned features.

Learned from {data["train"]:,} images; {data["held_out"]:,} more were held out and no network ever trained on them.
Images seen by each phase: {", ".join(f"{name.replace('_', ' ')} {text}" for name, text in seen.items())}.{learned}

| Family | Name | Share | Real members |
|---|---|---|---|
{families}

It knows no physics: colours and brightness are display values, not fluxes; sizes have no scale; what it generates is
no observation and must not be used as one.

Credit: {manifest["credit"]}
"""
