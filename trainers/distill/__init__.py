"""Distillation terms, in one visible table."""

from trainers.distill.distiller import Distiller
from trainers.distill.terms import TERMS, Term

__all__ = ["TERMS", "Distiller", "Term"]
