"""Members of a front against rivals, worked out by hand, and what a run folder and a picture hold of them."""

import math

import pandas as pd
import pytest

from results.errors import RunError
from results.frame import trials_frame
from results.front import front_flags
from results.plots import front_figure
from results.rivals import Rivals, drawn_rivals, read_rivals, write_rivals


def rows_of(*rows):
    names = ("role", "name", "id", "bit_ops", "trained_seed_0", "trained_seed_1")
    frame = pd.DataFrame(rows, columns=names)
    frame["trained"] = frame[["trained_seed_0", "trained_seed_1"]].mean(axis=1)
    return frame


@pytest.fixture
def found():
    """Member a leads by 4 points; b equals "real" at a third of its cost; c is worse than what costs less."""
    frame = rows_of(
        ("member", "a", "a", 100.0, 0.30, 0.34),
        ("rival", "all sign", "s", 100.0, 0.27, 0.29),
        ("member", "c", "c", 150.0, 0.20, 0.20),
        ("member", "b", "b", 200.0, 0.50, 0.50),
        ("rival", "all int4", "i", 300.0, 0.52, 0.52),
        ("rival", "all real", "r", 600.0, 0.50, 0.505),
    )
    return Rivals(frame, {"x": "bit_ops", "y": "map50", "seeds": [0, 1]})


def test_members_stand_beside_rivals_of_equal_or_higher_cost(found):
    pairs = found.pairs().set_index(["member", "rival"])
    assert pairs.loc[("a", "all sign"), "cost_ratio"] == 1.0
    assert pairs.loc[("a", "all sign"), "points"] == pytest.approx(4.0)
    assert pairs.loc[("a", "all sign"), "points_half"] == pytest.approx(12.7062 * 1.0)  # of 3 and 5: sd / sqrt(2) is 1
    assert ("b", "all sign") not in pairs.index
    assert len(pairs) == 3 + 2 + 2


def test_a_place_is_a_lead_or_an_equal_at_half_the_cost_that_no_rival_beats(found):
    places = found.places().set_index("member")
    assert places.loc["b", "lead"] == pytest.approx(-2.0)
    assert places["equal_at_half"].to_dict() == {"a": "", "c": "", "b": "all real"}
    assert places["beaten_by"].to_dict() == {"a": "", "c": "all sign", "b": ""}
    assert places["place"].to_dict() == {"a": False, "c": False, "b": True}
    alone = Rivals(found.trained[found.trained["bit_ops"].le(100.0)], found.settings).places()
    assert alone["lead"].tolist() == pytest.approx([4.0])
    assert alone["place"].tolist() == [True]


NAN = math.nan


@pytest.mark.parametrize(("other", "equal_at_half"), [((150.0, 0.20, 0.20), ""), ((200.0, 0.30, 0.30), "all int4")])
@pytest.mark.parametrize("cost", [50.0, 100.0, 150.0])
def test_no_place_while_a_rival_is_unmeasured(other, equal_at_half, cost):
    """Neither for a lead of 10 points over another rival, nor for equalling one of twice the cost."""
    rows = [("member", "a", "a", 100.0, 0.30, 0.30), ("rival", "all int4", "i", *other)]
    for seeds, measured in (((0.20, NAN), True), ((NAN, NAN), False)):
        found = Rivals(rows_of(*rows, ("rival", "all sign", "s", cost, *seeds)), {"x": "bit_ops", "y": "map50"})
        [place] = found.places().to_dict("records")
        assert (place["equal_at_half"], place["beaten_by"]) == (equal_at_half, "")
        assert place["place"] == measured
        assert math.isnan(place["lead"]) == (not measured and cost >= 100.0)


@pytest.mark.parametrize(
    ("member", "rival", "beaten"),
    [
        ((0.30, NAN), (0.20, 0.45), ""),  # 10 points ahead with the seed of both
        ((0.30, NAN), (0.35, 0.05), "all sign"),  # 5 points behind with it
        ((0.30, NAN), (0.30, 0.05), "all sign"),
        ((0.30, 0.40), (0.40, 0.20), ""),
        ((0.30, NAN), (NAN, 0.45), ""),
    ],
)
def test_a_rival_beats_a_member_with_the_seeds_of_both(member, rival, beaten):
    rows = rows_of(("member", "a", "a", 100.0, *member), ("rival", "all sign", "s", 50.0, *rival))
    assert Rivals(rows, {"x": "bit_ops", "y": "map50"}).places()["beaten_by"].tolist() == [beaten]


def test_any_number_of_seeds_has_an_interval(tmp_path):
    seeds = {f"trained_seed_{seed}": [0.5 + 0.01 * (seed % 2), 0.46] for seed in range(12)}
    known = {"role": ["member", "rival"], "name": ["a", "all sign"], "id": ["a", "s"], "bit_ops": 100.0}
    found = Rivals(pd.DataFrame({**known, "trained": [0.505, 0.46], **seeds}), {"x": "bit_ops", "y": "map50"})
    write_rivals(tmp_path, found)
    [pair] = read_rivals(tmp_path).pairs().to_dict("records")
    assert pair["points"] == pytest.approx(4.5)
    assert pair["points_half"] == pytest.approx(2.200985 * (0.25 / 11) ** 0.5, abs=1e-5)  # 6 of 4 and 6 of 5 points


def test_a_rival_that_is_a_member_is_no_rival_of_it():
    frame = rows_of(("member", "a", "a", 100.0, 0.3, 0.3), ("rival", "all sign", "a", 100.0, 0.3, 0.3))
    found = Rivals(frame, {"x": "bit_ops", "y": "map50"})
    assert found.pairs().empty
    place = found.places().iloc[0]
    assert math.isnan(place["lead"])
    assert (place["same_as"], place["beaten_by"], place["place"]) == ("all sign", "", False)


def test_a_member_that_is_a_rival_has_no_place_of_its_own():
    real = ("rival", "all real", "r", 600.0, 0.3, 0.3)
    member = ("member", "a", "a", 100.0, 0.3, 0.3)
    other, same = (("rival", "all sign", name, 100.0, 0.2, 0.2) for name in ("s", "a"))
    for rival, place in ((other, True), (same, False)):
        found = Rivals(rows_of(member, rival, real), {"x": "bit_ops", "y": "map50"}).places().iloc[0]
        assert found["equal_at_half"] == "all real"
        assert found["place"] == place


def test_what_is_written_is_read_again(found, tmp_path):
    assert drawn_rivals(tmp_path, "map50") is None
    with pytest.raises(RunError, match=r"has no rivals\.json\. Make it with: bitfront compare .* --rivals"):
        read_rivals(tmp_path)
    write_rivals(tmp_path, found)
    pd.testing.assert_frame_equal(read_rivals(tmp_path).trained, found.trained)
    assert drawn_rivals(tmp_path, "ap") is None
    assert len(drawn_rivals(tmp_path, "map50")) == 6
    (tmp_path / "rivals.json").write_text("[]")
    with pytest.raises(RunError, match=r"rivals\.json can't be read \("):
        read_rivals(tmp_path)


def test_trained_members_and_rivals_have_markers_of_their_own_and_rivals_numbers(found, records):
    trials = trials_frame(records, x="bit_ops", y="map50")
    trials["front"] = front_flags(trials, "bit_ops", "map50")
    figure = front_figure(trials, "bit_ops", "map50", trained=found.trained)
    (axes,) = figure.axes
    drawn = {one.get_label(): len(one.get_offsets()) for one in axes.collections}
    assert drawn["member of the front, trained (test images)"] == 3
    assert drawn["made by hand, trained (test images)"] == 3
    numbers = {text.get_text(): (text.xy[0], text.xy[1]) for text in axes.texts}
    assert {one: numbers[one] for one in "123"} == {"1": (100.0, 0.28), "2": (300.0, 0.52), "3": (600.0, 0.5025)}
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()][-3:] == ["all sign", "all int4", "all real"]
    assert axes.get_legend() is None
    assert legend.get_window_extent().y1 < axes.get_tightbbox().y0


@pytest.mark.parametrize(
    "name",
    [
        "all sign",
        "last 13 of 17 blocks react+input_norm, rest int8",
        "stem and heads int8, rest " + 2 * "bireal+learned_scale+prelu",
    ],
)
def test_no_name_is_cut_at_the_edges_of_the_picture(found, records, name):
    trials = trials_frame(records, x="bit_ops", y="map50")
    trials["front"] = front_flags(trials, "bit_ops", "map50")
    trained = found.trained.assign(name=name)
    figure = front_figure(trials, "bit_ops", "map50", trained=trained)
    figure.draw_without_rendering()
    [legend] = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert box.y0 >= 0


def test_a_reference_that_is_a_rival_is_named_once(found, records):
    trials = trials_frame(records, x="bit_ops", y="map50")
    trials["front"] = front_flags(trials, "bit_ops", "map50")
    first, second = trials["id"].iloc[:2]
    trained = found.trained.replace({"id": {"r": first}})
    figure = front_figure(trials, "bit_ops", "map50", {first: "all real", second: "all bireal"}, trained=trained)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "all bireal" in texts
    assert "all real" not in texts
