"""The sampler that knows the costs and models accuracy as a sum over knobs."""
