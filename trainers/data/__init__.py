"""Data sets, the generated shapes, transforms and batches.

Data pass through three steps: a reader of `formats` (in `voc`, `coco`, `visdrone`) turns files into samples,
`decoding.decode` turns samples into one array of resized images, and `batches.batches` turns this array into batches
for a detector. `shapes.writer.write_shapes` makes a data set in VOC layout; `check.check_split` finds the defects of a
data set.
"""
