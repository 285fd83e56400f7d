"""Data sets, the generated shapes, transforms and batches.

The way of the data: `formats` (which reader: `voc`, `coco`, `visdrone`; files to samples), `decoded.decode` (samples to
one array of resized images), `batches.batches` (that array to what a detector takes). `shapes.write_shapes` makes a
data set in VOC layout, `check.check_split` reads one to find its defects.
"""
