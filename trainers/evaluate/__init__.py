"""Average precision by VOC's and by COCO's rule.

`voc.voc_ap` gives the VOC columns, `coco.coco_ap` the COCO columns; `coco_reference.pycocotools_ap` is the referee that
the tests hold `coco_ap` against.
"""
