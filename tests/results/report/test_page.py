"""The page as a parser sees it, without a browser."""

import base64
import gzip
import json
import shutil
from html.parser import HTMLParser

import pytest

import results
from results import layout
from results.errors import RunError
from results.report import report_html, write_report
from results.report.page import SECTIONS
from results.tables import write_run_tables


class Page(HTMLParser):
    """Elements by tag, with their attributes and texts."""

    VOID = ("meta", "link", "input", "br")

    def __init__(self, html):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), []))
        if tag not in self.VOID:
            self._open.append(self.elements[-1])

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        for _, _, texts in self._open:
            texts.append(data)

    def texts(self, tag, **attributes):
        fitting = [(a, t) for name, a, t in self.elements if name == tag and attributes.items() <= a.items()]
        return ["".join(texts).strip() for _, texts in fitting]

    def data(self):
        (attributes, texts), *_ = [(a, t) for name, a, t in self.elements if a.get("id") == "data"]
        text = "".join(texts)
        return json.loads(gzip.decompress(base64.b64decode(text)) if "data-packed" in attributes else text)


@pytest.fixture(scope="module")
def page(run_folder):
    return Page(report_html(results.open_run(run_folder)))


def test_the_summary_says_what_came_out(page):
    (summary,) = page.texts("p", **{"class": "summary"})
    assert "The search scored 7 candidates on voc data." in summary
    assert "has 3 of them, from 100 bit-operations per image at 0.300 map50 to 1 k at 0.700." in summary
    assert "Its knee is bb00000000: 0.660 at 400, 40 % of the cost of the front's dearest member." in summary


def test_every_section_has_a_title_a_link_and_content_or_a_line(page):
    titles = [title for _, title, _ in SECTIONS]
    assert page.texts("h2") == titles
    assert set(titles) <= set(page.texts("a"))
    missing = page.texts("p", **{"class": "missing"})
    assert any("No detections are kept" in one for one in missing)
    assert any("too few for a model of the accuracy" in one for one in missing)


def test_the_limits_name_subset_seed_and_what_was_not_measured(page, run_folder):
    limits = " ".join(page.texts("ul", **{"class": "limits"}))
    assert "on a class-balanced part of 500 images of val" in limits
    assert "with seed 3" in limits
    assert f"bitfront fidelity {run_folder}" in limits
    assert f"bitfront compare {run_folder} --rivals" in limits


def test_nothing_is_loaded_from_anywhere(page):
    places = [a.get("src") or a.get("href") or "" for _, a, _ in page.elements]
    assert {one for one in places if one} - {"data:,"} == {one for one in places if one.startswith("#")}
    (policy,) = [a["content"] for _, a, _ in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy


def test_the_data_are_those_of_the_run(page):
    front = page.data()["sections"]["front"]
    assert front["axes"]["x"], front["axes"]["y"] == ("bit_ops", "map50")
    assert front["candidates"]["ids"][0] == "aa00000000"


def test_hostile_names_make_no_element(page, hostile_folder):
    """The same scripts and no image: every name is a text."""
    hostile = Page(report_html(results.open_run(hostile_folder)))
    scripts = [a for tag, a, _ in hostile.elements if tag == "script"]
    assert len(scripts) == 3
    assert [tag for tag, _, _ in hostile.elements if tag == "img"] == []
    assert hostile.texts("script", type=None) == page.texts("script", type=None)
    assert hostile.texts("h1")[0].startswith("</script><script>alert(1)</script>")


def test_the_same_run_gives_the_same_page(run_folder):
    run = results.open_run(run_folder)
    assert report_html(run) == report_html(run)


def test_it_is_written_into_the_run_or_elsewhere(run_folder, tmp_path):
    folder = shutil.copytree(run_folder, tmp_path / "copied")
    assert write_report(folder) == folder / layout.REPORT
    assert write_report(folder, tmp_path / "other.html").read_text("utf-8").startswith("<!doctype html>")


def test_a_run_without_a_complete_trial_has_a_page(tmp_path, records):
    failed = [trial | {"state": "failed", "reason": f"diverged at step {n}"} for n, trial in enumerate(records)]
    write_run_tables(tmp_path, failed, x="bit_ops", y="map50")
    page = Page(report_html(results.open_run(tmp_path)))
    (summary,) = page.texts("p", **{"class": "summary"})
    assert "has no complete trial: all 7 so far failed" in summary
    assert page.texts("td")[-2:] == ["7", "diverged at step 0"]


def test_a_search_that_was_stopped_says_so(tmp_path, records):
    write_run_tables(tmp_path, records, x="bit_ops", y="map50", planned=50, ended=False)
    page = Page(report_html(results.open_run(tmp_path)))
    assert page.texts("p", **{"class": "state"}) == [
        "The search was stopped: 7 of 50 candidates are scored. More may follow."
    ]


@pytest.mark.parametrize("name", [layout.SECONDS, layout.ENVIRONMENT, layout.TRAINING_LOG, layout.CONFIG])
def test_a_damaged_file_costs_one_section(run_folder, tmp_path, name):
    folder = shutil.copytree(run_folder, tmp_path / "damaged")
    (folder / name).write_bytes(b'{"\xff')
    page = Page(report_html(results.open_run(folder)))
    assert len(page.texts("h2")) == len(SECTIONS)
    assert page.data()["sections"]["front"]


def test_a_nan_among_detections_costs_their_section(hostile_folder, tmp_path):
    folder = shutil.copytree(hostile_folder, tmp_path / "run")
    file = folder / layout.DETECTIONS / layout.DETECTIONS_RECORD
    file.write_text(file.read_text().replace("0.9", "NaN"))
    data = Page(report_html(results.open_run(folder))).data()
    assert "detections" not in data["sections"]
    assert "classes-marks" in data["figures"]


def test_a_folder_without_a_run_has_none(tmp_path):
    with pytest.raises(RunError, match="holds no run"):
        write_report(tmp_path)
