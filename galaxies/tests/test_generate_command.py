import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from galaxies.ml.bundle import (
    parse_steer,
)
from galaxies.ml.bundle.directions import VALUES
from galaxies.models import ModelVersion
from galaxies.registry.registration import register_store
from galaxies.tests.factories import give_directions, make_galaxy

pytestmark = pytest.mark.django_db


def generate(out: Path, **options: Any) -> None:
    call_command("generate", out=out, workers=1, **options)


def test_a_set_by_the_active_model_and_its_end_in_a_sentence(
    version: ModelVersion, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(tmp_path / "set", count=5, format="png", seed=7)
    assert "holds 5 galaxies, seeds from 7 on" in capsys.readouterr().out
    assert len(list((tmp_path / "set" / "shard-00000").glob("*.png"))) == 5
    before = (tmp_path / "set" / "catalogue.csv").read_bytes()
    call_command("generate", out=tmp_path / "set", resume=True)
    assert (tmp_path / "set" / "catalogue.csv").read_bytes() == before
    with pytest.raises(CommandError, match="of another seed"):
        generate(tmp_path / "set", resume=True, seed=8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count of 1 or more"),
        ({}, "Say how many"),
        ({"count": 5, "version": "gone"}, "no model version gone"),
        ({"count": 5, "steer": "size"}, "is no step"),
        ({"count": 5, "steer": "size=1"}, "no direction “size”"),
        ({"count": 5, "format": "bmp"}, "no format bmp"),
        ({"count": 5, "size": 9}, "no images of 9 px: choose its own 32"),
        ({"resume": True}, "no set that could be resumed"),
    ],
)
def test_what_makes_no_set_is_one_sentence_and_leaves_nothing(
    version: ModelVersion, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        generate(tmp_path / "set", **options)
    assert not (tmp_path / "set").exists()


def test_a_folder_that_is_not_utf_8_is_refused(version: ModelVersion, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="not UTF-8: choose another folder"):
        generate(tmp_path / os.fsdecode(b"set-\xff"), count=1)
    assert not list(tmp_path.glob("set*"))


@pytest.mark.slow
def test_a_full_disk_ends_in_a_sentence_and_the_same_command_goes_on(version: ModelVersion, tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from galaxies.ml.bundle import load_bundle
from galaxies.ml.sets import SetPlan, generate_set
if __name__ == "__main__":
    import resource, signal
    bundle = load_bundle(sys.argv[1])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        generate_set(bundle, SetPlan.of(bundle, count=40, shard=8, format="webdataset"), Path(sys.argv[2]), workers=1)
    except OSError as error:
        print(error.strerror)
"""
    out = tmp_path / "set"
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script, str(version.path), str(out)],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "File too large" in run.stdout, run.stderr[-2000:]
    assert not list(out.glob(".shard*"))
    generate(out, count=40, shard=8, format="webdataset")
    assert len(list(out.glob("shard-*.tar"))) == 5


def test_a_model_that_galaxies_were_made_by_may_gain_directions(version: ModelVersion) -> None:
    make_galaxy(model_version=version)
    give_directions(version.path)
    assert "Registered" in register_store()[0]
    version.refresh_from_db()
    assert set(version.steering) == set(VALUES)
    assert version.steering["size"] == {
        "mean": 1.0, "deviation": 2.0, "r2": 0.5, "slope": 0.9, "rank_correlation": None
    }  # fmt: skip


def test_directions_are_found_once(version: ModelVersion) -> None:
    give_directions(version.path)
    with pytest.raises(CommandError, match="has directions already"):
        call_command("find_directions")
    with pytest.raises(CommandError, match="1 or more"):
        call_command("find_directions", samples=0)
    with pytest.raises(CommandError, match=r"from 1 and .* to 1000000"):
        call_command("find_directions", samples=2**63)


def test_a_steered_set_is_another_one(version: ModelVersion, tmp_path: Path) -> None:
    give_directions(version.path)
    generate(tmp_path / "plain", count=3, format="png")
    generate(tmp_path / "steered", count=3, format="png", steer="size=+1,colour=-0.5")
    first, second = (next((tmp_path / name / "shard-00000").iterdir()).read_bytes() for name in ("plain", "steered"))
    assert first != second
    assert "colour=-0.5,size=+1" in (tmp_path / "steered" / "catalogue.csv").read_text()
    assert parse_steer("colour=-0.5,size=+1") == {"size": 1.0, "colour": -0.5}
