"""MS COCO, and anything in its layout."""
