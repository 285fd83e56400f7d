"""Average precision by VOC's, COCO's and VisDrone's rule.

`figures` knows which columns each rule gives. `voc.voc_ap`, `coco.coco_ap` and `visdrone.visdrone_ap` measure;
`coco_reference.pycocotools_ap` is the referee that the tests hold `coco_ap` against.
"""
