"""The range of weights of a searched term where the config gives none: each term has its own default."""

from search.config.schema import Config
from trainers.distill import TERMS


def with_default_weights(config: Config) -> Config:
    """The config with the terms' own ranges in `space.terms`; those of names that are no terms stay as they are."""
    if not config.space.terms:
        return config
    terms = {
        name: term
        if "weight" in term.model_fields_set or name not in TERMS
        else term.model_copy(update={"weight": TERMS[name].weights})
        for name, term in config.space.terms.items()
    }
    return config.model_copy(update={"space": config.space.model_copy(update={"terms": terms})})
