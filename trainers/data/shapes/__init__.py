"""A generated data set in VOC layout, for machines without one."""
