"""A report in a real Chromium, opened as a file: one browser for all tests, skipped where there is none."""

import shlex

import pytest
from report_pages import launched, opened

import results
from results.report import report_html


@pytest.fixture(scope="module")
def browser():
    with launched() as one:
        yield one


@pytest.fixture(scope="module")
def files(run_folder, hostile_folder, tmp_path_factory):
    """The pages of both runs, alone in a folder, under names that a URL has to quote."""
    folder = tmp_path_factory.mktemp("pages")
    files = {"plain": folder / "it's a copy #1.html", "hostile": folder / "<script>alert(4)<%2Fscript>.html"}
    for name, run in (("plain", run_folder), ("hostile", hostile_folder)):
        files[name].write_text(report_html(results.open_run(run)), "utf-8")
    return files


@pytest.fixture(scope="module")
def page(browser, files):
    with opened(browser, files["plain"], 1280) as one:
        yield one


def texts(page, selector):
    return [one.strip() for one in page.locator(selector).all_inner_texts()]


def test_the_table_has_the_front_and_its_knee(page):
    assert texts(page, "#front-table button") == ["ab00000000", "bb00000000", "aa00000000"]
    assert "Candidate bb00000000" in texts(page, "#candidate-detail h3")


def test_another_cost_has_another_front(page):
    page.select_option("#front-x", "memory_bits")
    assert texts(page, "#front-table button") == ["aa00000000"]
    page.select_option("#front-x", "bit_ops")
    assert texts(page, "#front-table button") == ["ab00000000", "bb00000000", "aa00000000"]


def test_hover_shows_the_candidate_and_a_click_its_layers_json_and_command(page):
    """The dearest point of the front is the real network."""
    page.evaluate("document.getElementById('front-plot').scrollIntoView()")
    place = page.evaluate(
        """() => { const plot = document.getElementById('front-plot'), { xaxis, yaxis } = plot._fullLayout;
            const box = plot.getBoundingClientRect();
            return [box.x + xaxis._offset + xaxis.c2p(1000), box.y + yaxis._offset + yaxis.c2p(0.7)]; }"""
    )
    page.mouse.move(place[0] - 3, place[1])
    page.mouse.move(*place)
    page.wait_for_selector("#front-plot .hoverlayer .hovertext")
    assert "aa00000000" in " ".join(page.locator("#front-plot .hoverlayer").all_text_contents())
    page.mouse.click(*place)
    page.wait_for_selector("#candidate-detail h3:has-text('aa00000000')")
    assert "block.0" in texts(page, "#candidate-detail td")
    command, json = texts(page, "#candidate-detail pre")
    assert command.endswith("/plain --candidate aa00000000")
    assert json == '{\n  "layer/stem": "real",\n  "layer/block.0": "real",\n  "teacher/hint": "none"\n}'


def test_the_keyboard_reaches_a_candidate(page):
    page.locator("#front-table button").first.focus()
    page.keyboard.press("Enter")
    assert "Candidate ab00000000" in texts(page, "#candidate-detail h3")
    page.fill("#candidate-find", "dd")
    page.keyboard.press("Enter")
    assert "Candidate dd00000000" in texts(page, "#candidate-detail h3")


def test_a_failed_candidate_says_why(page):
    page.fill("#candidate-find", "ee00000000")
    page.keyboard.press("Enter")
    assert texts(page, "#candidate-detail .missing") == ["It failed: diverged: loss is nan"]


def test_the_command_can_be_copied(page):
    page.locator("#front-table button").first.click()
    page.locator("#candidate-detail button").first.click()
    page.wait_for_selector("#candidate-detail button:has-text('Copied')")


def test_the_map_shows_the_front_and_then_all(page):
    def columns():
        return page.evaluate("document.getElementById('layers-plot').data[0].x.length")

    assert texts(page, "#layers-legend li") == ["real", "bireal"]
    assert columns() == 3
    page.check("#layers-all")
    assert columns() == 6
    page.uncheck("#layers-all")


def test_no_width_scrolls_sideways(page):
    for width in (400, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (400, True)])
def test_what_was_clicked_is_described_in_view(browser, files, width, dark):
    """The command and the title of the layers lie between the sections' names and the lower edge."""
    with opened(browser, files["plain"], width, dark=dark) as page:
        assert page.evaluate("window.scrollY") == 0  # the first one shown, which nobody chose, moves nothing
        for click in (page.locator("#front-table button").last.click, page.locator("#front-table button").first.click):
            click()
            edge = page.evaluate("document.querySelector('nav').getBoundingClientRect().bottom")
            for part in ("#candidate-detail pre >> nth=0", "#candidate-detail h3:has-text('Layers')"):
                box = page.locator(part).bounding_box()
                assert edge <= box["y"]
                assert box["y"] + box["height"] <= 900


def test_the_sections_names_fit_a_wide_page(page):
    assert page.evaluate("(nav => nav.scrollWidth === nav.clientWidth)(document.querySelector('nav'))")


def test_hostile_names_do_nothing(browser, files, hostile_folder):
    """No console error, no dialog, no request, which `opened` checks at its end, and no wider page."""
    with opened(browser, files["hostile"], 400, dark=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 400
        assert page.locator("main img").count() == 0
        assert page.locator(".seen rect").count() == 2 * 3  # an object and two detections, each drawn twice
        page.locator("#detections-least").fill("0.5")
        assert page.locator(".seen rect").count() == 2 * 2
        page.locator("#front-table button").last.click()
        command = page.locator("#candidate-detail pre").first.text_content()
        last = results.open_run(hostile_folder).front()["id"].iloc[-1]
        assert command == f"bitfront retrain {shlex.quote(str(hostile_folder))} --candidate {shlex.quote(last)}"
        page.set_viewport_size({"width": 1280, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == 1280


def test_figures_follow_the_colour_scheme(page):
    def ink():
        return page.evaluate("document.getElementById('front-plot').layout.font.color")

    light = ink()
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("light => document.getElementById('front-plot').layout.font.color !== light", arg=light)
    page.emulate_media(color_scheme="light")
