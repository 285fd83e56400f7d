"""Detectors under one contract, in one visible table."""

from spaces.detectors.contract import (
    Assignment,
    Detections,
    Detector,
    DetectorOutput,
    Responses,
    RoIResponses,
    Target,
    collect_traces,
    counted_proposals,
    is_two_stage,
    keeping,
    openable,
    searchable_units,
    traced,
)
from spaces.detectors.openable import Openable
from spaces.detectors.table import DEFAULT_HEADS, DETECTORS, DetectorSpec, build_detector

__all__ = [
    "DEFAULT_HEADS",
    "DETECTORS",
    "Assignment",
    "Detections",
    "Detector",
    "DetectorOutput",
    "DetectorSpec",
    "Openable",
    "Responses",
    "RoIResponses",
    "Target",
    "build_detector",
    "collect_traces",
    "counted_proposals",
    "is_two_stage",
    "keeping",
    "openable",
    "searchable_units",
    "traced",
]
