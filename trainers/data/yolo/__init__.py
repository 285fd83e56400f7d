"""YOLO's format: a text file of labels for each image, and a YAML that names the classes and the image sets."""
