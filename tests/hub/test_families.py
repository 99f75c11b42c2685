"""The table of model families: each has a tiny model, on which models, tokens and exports are tested."""

from disc_lite.hub.families import FAMILIES, PROJECTIONS, projections_of
from tests.tiny_models import MODELS


def test_every_family_has_a_tiny_model() -> None:
    assert set(FAMILIES) == set(MODELS)


def test_a_family_that_is_not_in_the_table_has_the_usual_layers() -> None:
    assert projections_of("granite") == PROJECTIONS == projections_of("llama")
