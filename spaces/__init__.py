"""Search space, binary layers, backbones, detectors, supernet and cost."""
