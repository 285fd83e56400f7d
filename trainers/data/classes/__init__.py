"""Pictures by class: a folder a class, as classifiers are trained on them."""
