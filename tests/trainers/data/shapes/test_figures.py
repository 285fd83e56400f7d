import numpy as np
import pytest

from trainers.data.shapes.figures import FIGURES, FRAGMENTS, blob, fill, place, stroke, surface

SQUARE = FIGURES["square"]


def test_a_placed_figure_has_the_asked_extent_round_its_centre():
    placed = place(SQUARE, angle=0.3, aspect=1.5, extent=20, centre=(30, 40))
    low, high = placed.min(axis=0), placed.max(axis=0)
    assert (high - low).max() == pytest.approx(20)
    assert ((low + high) / 2).tolist() == pytest.approx([30, 40])


def test_a_filled_square_on_whole_pixels_covers_exactly_them():
    patch = fill(place(SQUARE, 0, 1, 10, (15, 20)), size=40)
    rows, columns = np.flatnonzero(patch.mask(40).any(axis=1)), np.flatnonzero(patch.mask(40).any(axis=0))
    assert (columns[0], columns[-1] + 1, rows[0], rows[-1] + 1) == (10, 20, 15, 25)


def test_coverage_of_an_edge_between_pixels_is_a_share():
    patch = fill(place(SQUARE, 0, 1, 10, (15.5, 20)), size=40)  # 10.5 to 20.5
    row = np.zeros(40)
    row[patch.window[1]] = patch.covered[patch.covered.shape[0] // 2]
    assert row[10] == pytest.approx(0.5, abs=0.26)
    assert row[15] == 1
    assert row[9] == 0


def test_an_outline_leaves_the_middle_empty_and_keeps_the_extent():
    placed = place(SQUARE, 0, 1, 20, (20, 20))
    whole, rim = fill(placed, 40).mask(40), fill(placed, 40, outline=0.3).mask(40)
    assert not rim[20, 20]
    np.testing.assert_array_equal(whole.any(axis=0), rim.any(axis=0))
    np.testing.assert_array_equal(whole.any(axis=1), rim.any(axis=1))


def test_what_lies_outside_the_image_covers_nothing():
    patch = fill(place(SQUARE, 0, 1, 10, (-30, 20)), size=40)
    assert patch.covered.sum() == 0
    assert patch.mask(40).shape == (40, 40)


def test_a_stroke_is_as_wide_as_asked():
    patch = stroke(np.array([[5.0, 20.0], [35.0, 20.0]]), size=40, width=4)
    column = np.zeros(40)
    column[patch.window[0]] = patch.covered[:, patch.covered.shape[1] // 2]
    assert column.sum() == pytest.approx(4, abs=0.5)


def test_all_figures_and_fragments_are_closed_outlines_of_distinct_points():
    for points in [*FIGURES.values(), *FRAGMENTS, blob(np.random.default_rng(0))]:
        assert points.shape[1] == 2
        assert len(np.unique(points.round(6), axis=0)) == len(points) >= 3


@pytest.mark.parametrize("seed", range(20))
def test_a_surface_has_its_size_and_stays_near_its_colour(seed):
    colour = np.array([100, 150, 200], dtype=np.float32)
    pixels = surface(np.random.default_rng(seed), 9, 13, colour, contrast=20)
    assert (pixels.shape, pixels.dtype) == ((9, 13, 3), np.float32)
    assert np.abs(pixels - colour).max() < 20 * 3.5
