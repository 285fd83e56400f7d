"""PASCAL VOC, and anything in its layout."""
