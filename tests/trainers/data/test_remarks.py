from pathlib import Path

from trainers.data.remarks import CLIPPED, NO_HEIGHT, Remark, merged


def test_remarks_of_a_kind_are_one_with_the_sum_of_their_counts_and_the_first_file():
    of_boxes = Remark(CLIPPED, 2, Path("a.xml")), Remark(CLIPPED, 3, Path("b.xml"))
    of_heights = Remark(NO_HEIGHT, 1, Path("c.txt"))
    assert merged([of_boxes[0], of_heights, of_boxes[1]]) == (Remark(CLIPPED, 5, Path("a.xml")), of_heights)


def test_a_remark_says_how_often_what_and_where_first():
    assert str(Remark("boxes were clipped", 4, Path("a.xml"))) == "boxes were clipped: 4, the first: a.xml"
