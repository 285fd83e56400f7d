"""What can be built: search space, binary layers, backbones, detectors, supernet and cost."""
