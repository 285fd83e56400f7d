"""Average precision by VOC's and by COCO's rule."""
