"""The range of weights of a searched term where the config gives none: each term has its own default."""

from collections.abc import Mapping

from search.config.schema import Term
from trainers.distill import TERMS


def with_default_weights(terms: Mapping[str, Term]) -> dict[str, Term]:
    """The terms of `space.terms` with their own ranges; names that are no terms stay as they are."""
    return {
        name: term
        if "weight" in term.model_fields_set or name not in TERMS
        else term.model_copy(update={"weight": TERMS[name].weights})
        for name, term in terms.items()
    }
