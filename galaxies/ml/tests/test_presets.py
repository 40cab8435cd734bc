import ast
from dataclasses import asdict
from pathlib import Path

import pytest

from galaxies.ml import gan
from galaxies.ml.gan.adversarial import AdversarialSettings
from galaxies.ml.loop import TrainingError
from galaxies.ml.networks.styled_stage import StyledStageConfig
from galaxies.ml.presets import PRESETS, with_resolution

# What is sampled at once, and what keeps ratios finite
KEPT = {"BATCH", "LEAST"}


def test_presets_lead_from_the_base_to_their_resolution() -> None:
    assert PRESETS["standard"].base == 64
    assert PRESETS["standard"].stage == StyledStageConfig(256, factor=4, code=6)
    assert PRESETS["tiny"].stage == StyledStageConfig(32, factor=2, code=6)
    assert with_resolution(PRESETS["standard"], 64).stage is None
    assert AdversarialSettings().batch > 1


def test_a_resolution_that_no_stage_reaches_is_refused() -> None:
    with pytest.raises(TrainingError, match="cannot generate 100 px: choose one of 64, 128, 256, 512"):
        with_resolution(PRESETS["small"], 100)
    with pytest.raises(TrainingError, match="cannot generate 9223372036854775808 px"):
        with_resolution(PRESETS["small"], 2**63)


def test_shares_of_the_time_are_all_of_it() -> None:
    shares = PRESETS["standard"].shares
    assert sum(asdict(shares).values()) == pytest.approx(1)


def test_no_number_that_shapes_training_hides_from_the_manifest() -> None:
    """Settings are recorded, constants of modules are not."""
    found = set()
    for path in Path(str(gan.__path__[0])).glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and _is_number(node.value):
                found |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    assert found <= KEPT


def _is_number(value: ast.expr) -> bool:
    """Whether it is a number or some of them."""
    if isinstance(value, ast.Tuple):
        return any(map(_is_number, value.elts))
    if isinstance(value, ast.UnaryOp):
        return _is_number(value.operand)
    return isinstance(value, ast.Constant) and isinstance(value.value, int | float)
