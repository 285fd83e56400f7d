"""Average precision by VOC's, COCO's and VisDrone's rule.

`figures` lists the figures of each rule and gives details: by class, with curves, and by the size of objects.
`voc.voc_ap`, `coco.coco_ap` and `visdrone.visdrone_ap` measure;
`coco_reference.pycocotools_ap` is the reference with which tests compare `coco_ap`.
"""
