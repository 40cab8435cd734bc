import pytest
from django.db import IntegrityError
from django.db.models import ProtectedError

from galaxies.models import new_public_id
from galaxies.recipe import MAX_SEED
from galaxies.tests.factories import make_galaxy, make_version

pytestmark = pytest.mark.django_db


def test_only_one_version_is_active() -> None:
    make_version("one", is_active=True)
    make_version("two")
    with pytest.raises(IntegrityError):
        make_version("three", is_active=True)


def test_a_version_with_galaxies_cannot_be_deleted() -> None:
    galaxy = make_galaxy()
    with pytest.raises(ProtectedError):
        galaxy.model_version.delete()


def test_the_largest_seed_is_kept_exactly() -> None:
    galaxy = make_galaxy(seed=MAX_SEED)
    galaxy.refresh_from_db()
    assert galaxy.seed == 2**63 - 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": -1},
        {"psi": 0.29},
        {"psi": 1.21},
        {"mix": 0.5},
        {"seed2": 3, "mix": 0.5},
        {"cluster2": 0, "seed2": 3, "mix": 1.5},
        {"cluster2": 0, "seed2": -3, "mix": 0.5},
    ],
)
def test_a_recipe_that_cannot_be_sampled_is_not_stored(wrong: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        make_galaxy(**wrong)


def test_ids_do_not_repeat_and_have_no_ambiguous_characters() -> None:
    ids = {new_public_id() for _ in range(2000)}
    assert len(ids) == 2000
    assert {len(each) for each in ids} == {11}
    assert not set("".join(ids)) & set("0O1Il")
