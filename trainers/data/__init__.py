"""Data sets, the generated shapes, transforms and batches.

Data pass through three steps: a reader of `formats` (in `voc`, `coco`, `visdrone`) turns files into samples,
`decoding.decode` turns samples into images that `resizing.Resizing` has brought to their size, and `batches.batches`
turns these into batches for a detector. `shapes.writer.write_shapes` makes a data set in VOC layout;
`check.check_split` finds the defects of a data set.
"""
