"""Pictures that aren't files: images of Pillow and tensors give what their files give."""

import numpy as np
import pytest
import torch
from odd_pictures import object_box, scene
from PIL import Image
from red_finder import red_finder
from torchvision.transforms.functional import pil_to_tensor, to_tensor


def boxes_in(picture):
    (prediction,) = red_finder().predict([picture])
    return prediction.boxes


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "CMYK", "LA"])
def test_an_image_of_pillow_may_have_any_mode_of_8_bits(mode):
    torch.testing.assert_close(boxes_in(scene(mode=mode)), torch.tensor([object_box(200, 120)]))


@pytest.mark.parametrize("cast", [torch.float16, torch.float32, torch.float64, None])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_tensor_is_taken_as_the_picture_that_it_holds(cast, mode):
    image = scene(mode=mode)
    tensor = pil_to_tensor(image) if cast is None else to_tensor(image).to(cast)
    torch.testing.assert_close(boxes_in(tensor), torch.tensor([object_box(200, 120)]))


def test_file_image_and_tensor_reach_the_network_alike(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (70, 150, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    image.save(tmp_path / "a.png")
    finder = red_finder()
    list(finder.predict([tmp_path / "a.png", str(tmp_path / "a.png"), image, pil_to_tensor(image), to_tensor(image)]))
    (seen,) = finder.network.batches
    assert len(seen) == 5
    assert all(torch.equal(seen[0], other) for other in seen[1:])


def test_several_pictures_may_be_one_tensor():
    found = list(red_finder().predict(torch.stack([pil_to_tensor(scene())] * 3)))
    assert [prediction.index for prediction in found] == [0, 1, 2]


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.zeros(4, 5, 6), r"picture 1 has the shape \(4, 5, 6\), must be \(3, H, W\) or \(1, H, W\)"),
        (torch.zeros(5, 6), r"picture 1 has the shape \(5, 6\)"),
        (torch.zeros(3, 0, 6), r"picture 1 has the shape \(3, 0, 6\)"),
        (torch.full((3, 5, 6), 255.0), r"picture 1 has floats outside 0\.\.1\. Give those in 0\.\.1, or uint8"),
        (torch.full((3, 5, 6), float("nan")), r"picture 1 has floats outside 0\.\.1"),
        (torch.zeros(3, 5, 6, dtype=torch.int64), r"picture 1 has the type torch\.int64, must be uint8, or a float"),
    ],
)
def test_other_tensors_are_refused_with_what_came_in(tensor, message):
    with pytest.raises(ValueError, match=message):
        list(red_finder().predict([scene(), tensor]))


def test_arrays_and_single_pictures_are_refused_with_a_way_out():
    with pytest.raises(TypeError, match="picture 0 is a ndarray, must be a path, an image of Pillow or a tensor"):
        list(red_finder().predict([np.zeros((3, 5, 6))]))
    for single in ("a.jpg", scene(), torch.zeros(3, 5, 6)):
        with pytest.raises(TypeError, match="images is a single picture, must be several: put it into a list"):
            red_finder().predict(single)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (Image.new("I;16", (4, 4)), "Pillow's mode I;16, allowed are 8 bits a channel or fewer"),
        (Image.new("F", (4, 4)), "Pillow's mode F"),
        (Image.new("RGB", (0, 4)), "the image has no pixels"),
    ],
)
def test_an_image_of_pillow_that_can_not_be_read_is_a_data_error(image, reason):
    errors = []
    assert list(red_finder().predict([image], on_unreadable=errors.append)) == []
    assert (errors[0].where, reason in errors[0].reason) == ("picture 0", True)
