"""What comes with a set: README.md for people, croissant.json (ML Commons Croissant 1.0) for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from galaxies.ml.bundle import Bundle, sha256, write_steer
from galaxies.ml.measures import FLAGS, UNITS
from galaxies.ml.sets import catalogue
from galaxies.ml.sets.plan import SetPlan
from galaxies.ml.sets.shards import ENDINGS, shard_name

README, CROISSANT = "README.md", "croissant.json"
ENCODINGS = {
    "webp": "image/webp",
    "png": "image/png",
    "fits": "application/fits",
    "hdf5": "application/x-hdf5",
    "webdataset": "application/x-tar",
    "parquet": "application/x-parquet",
}
HOLDS = {
    "webp": "folders of WebP files (quality 95)",
    "png": "folders of PNG files, the exact pixels",
    "fits": "folders of FITS files: three planes (red, green, blue) of the exact pixels, with the recipe in the header",
    "hdf5": "HDF5 files in Galaxy10's format: `images` (N, side, side, 3), `ans` (N,), the family; exact pixels",
    "webdataset": "tar files for the package `webdataset`: <id>.webp (quality 95), <id>.cls (family), <id>.json",
    "parquet": "Parquet files as Hugging Face's `datasets` reads them: `image` (WebP, quality 95) and the catalogue",
}
COLUMNS = {
    "id": ("sc:Text", "name of the galaxy, made of its seed"),
    "file": ("sc:Text", "the file that holds it"),
    "row": ("sc:Integer", "its place in its shard, from 0"),
    "version": ("sc:Text", "model version"),
    "cluster": ("sc:Integer", "family that it was generated for"),
    "seed": ("sc:Integer", "of the latent vector"),
    "psi": ("sc:Float", "truncation"),
    "steer": ("sc:Text", "steps of steering"),
    "family": ("sc:Text", "name of the family"),
}
NOT_FOR = (
    "These galaxies are synthetic: a neural network generated them and nobody photographed them. They are no "
    "observations and must not be used as any: not for counts, distances, magnitudes or discoveries, and not as the "
    "held-out side of a test. Colours and brightness are display values, not fluxes; sizes have no scale."
)


def write_papers(bundle: Bundle, plan: SetPlan, folder: Path, *, tried: int) -> None:
    """Write README.md and croissant.json. tried: how many galaxies were painted for the set."""
    _write(folder / README, readme(bundle, plan, tried))
    _write(folder / CROISSANT, json.dumps(croissant(bundle, plan, folder), indent=1, ensure_ascii=False) + "\n")


def _write(place: Path, text: str) -> None:
    partial = place.with_name(f".{place.name}.partial")
    partial.write_text(text)
    partial.replace(place)


def readme(bundle: Bundle, plan: SetPlan, tried: int) -> str:
    """Return what the set is, how to make it again and what it must not be used for, in Markdown."""
    family = "each drawn by its share" if plan.cluster is None else f"{plan.cluster}, {_family(bundle, plan.cluster)}"
    chosen = [f"Steered: {write_steer(plan.steer)}."] if plan.steer else []
    if plan.where:
        chosen.append(f"Chosen by `{plan.where}`: {plan.count / tried:.1%} of {tried:,} painted galaxies fulfil it.")
    return f"""# {plan.count:,} synthetic galaxies

{NOT_FOR}

## What is here

{plan.count:,} galaxies of {plan.size} x {plan.size} px, as {HOLDS[plan.format]}; {len(plan.shards)} shard(s) of
{plan.shard:,}. `catalogue.csv` has a line for each: {", ".join(f"`{name}`" for name in catalogue.columns(plan))}.

## The recipe

Model {plan.version}, first seed {plan.seed}, variety (psi) {plan.psi:g}, family: {family}. {" ".join(chosen)}
{"Painted galaxy" if plan.where else "Galaxy"} i has seed {plan.seed} + i: first seed and count name the set.

```
{command(plan)}
```

The same command gives the same bytes. `set.json` holds all options; `weights` there is a checksum of the model.

## To learn from it

`manage.py train --images FOLDER --labels FOLDER/catalogue.csv --labels-id file --labels-class family` reads folders of
images; `manage.py train --images FOLDER/shard-00000.h5` reads HDF5, and so does astroNN.

## Credit

{bundle.manifest.get("credit", "")}
"""


def _family(bundle: Bundle, cluster: int) -> str:
    return bundle.families[cluster].name


def command(plan: SetPlan) -> str:
    """Return the command that makes the set."""
    options = [f"--count {plan.count}", "--out FOLDER", f"--format {plan.format}", f"--version {plan.version}"]
    options += [f"--seed {plan.seed}", f"--psi {plan.psi:g}", f"--size {plan.size}", f"--shard {plan.shard}"]
    options += [f"--cluster {plan.cluster}"] if plan.cluster is not None else []
    options += [f"--steer {write_steer(plan.steer)}"] if plan.steer else []
    options += [f'--where "{plan.where}"'] if plan.where else []
    options += ["--measure"] if plan.measure else []
    return f"python manage.py generate {' '.join(options)}"


def croissant(bundle: Bundle, plan: SetPlan, folder: Path) -> dict[str, Any]:
    """Return the set's description in Croissant 1.0: its files, and a record for each line of the catalogue."""
    name = f"nebulai-{plan.version}-{plan.seed}-{plan.count}"
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "version": "1.0.0",
        "description": f"{plan.count:,} synthetic galaxies of {plan.size} px by {plan.version}. {NOT_FOR}",
        "creator": {"@type": "sc:Organization", "name": "NebulAI"},
        "datePublished": str(bundle.manifest.get("created", ""))[:10] or "1970-01-01",
        "license": "https://opensource.org/license/mit",
        "url": "https://github.com/nebulai/nebulai",
        "citeAs": bundle.manifest.get("credit", ""),
        "distribution": _distribution(plan, folder),
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "galaxies",
                "name": "galaxies",
                "description": "A line of the catalogue for each galaxy.",
                "key": {"@id": "galaxies/id"},
                "field": [_field(column) for column in catalogue.columns(plan)],
            }
        ],
    }


def _distribution(plan: SetPlan, folder: Path) -> list[dict[str, Any]]:
    table = folder / catalogue.NAME
    found: list[dict[str, Any]] = [
        {
            "@type": "cr:FileObject",
            "@id": catalogue.NAME,
            "name": catalogue.NAME,
            "contentUrl": catalogue.NAME,
            "encodingFormat": "text/csv",
            "sha256": sha256(table),
        }
    ]
    if plan.format in ENDINGS:
        for number in plan.shards:
            name = shard_name(plan, number)
            about = {"encodingFormat": ENCODINGS[plan.format], "sha256": sha256(folder / name)}
            found.append({"@type": "cr:FileObject", "@id": name, "name": name, "contentUrl": name, **about})
        return found
    return [
        *found,
        {
            "@type": "cr:FileSet",
            "@id": "images",
            "name": "images",
            "includes": f"shard-*/*.{plan.format}",
            "encodingFormat": ENCODINGS[plan.format],
        },
    ]


def _field(column: str) -> dict[str, Any]:
    if column in COLUMNS:
        kind, meaning = COLUMNS[column]
    elif column in FLAGS:
        kind, meaning = "sc:Integer", "statmorph's: 0 good, 1 suspect, 2 bad, 4 nothing to measure"
    else:
        kind, meaning = "sc:Float", UNITS[column]
    return {
        "@type": "cr:Field",
        "@id": f"galaxies/{column}",
        "name": column,
        "description": meaning,
        "dataType": kind,
        "source": {"fileObject": {"@id": catalogue.NAME}, "extract": {"column": column}},
    }


# As the specification gives it: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
