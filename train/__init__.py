"""Everything that makes a model folder: fit, evaluate, atlas, prior."""
