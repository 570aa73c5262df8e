"""What a student sees in JupyterLab while Spark works, and afterwards, in the light and in the dark theme."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from browser_fixtures import SCREENSHOTS, jupyterlab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.spark, pytest.mark.timeout(600)]

BAR = ".jp-OutputArea-output [role=progressbar][aria-valuenow]"

CELLS = (
    """%load_ext coursekit
import time
from coursekit import GiB, SparkCluster
cluster = SparkCluster(workers=2, memory=GiB, name="seen")
sc = cluster.session("seen").sparkContext
sc.parallelize(range(4), 4).map(lambda row: row).count()""",
    """def slow(row):
    time.sleep(0.5)
    return row % 3, row

sc.parallelize(range(40), 20).map(slow).reduceByKey(lambda a, b: a + b, 6).count()""",
    """def uneven(row):
    time.sleep(6 if row == 5 else 0.2)

sc.setJobDescription("<b>rows</b> of one partition")
sc.parallelize(range(8), 8).foreach(uneven)""",
    "cluster.close()",
)


@pytest.fixture(params=["light", "dark"])
def lab(request: pytest.FixtureRequest, browser: Browser, tmp_path: Path) -> Iterator[tuple[Page, str]]:
    """A page with the notebook open in a JupyterLab of one theme."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    with jupyterlab(browser, tmp_path, theme=request.param.capitalize(), notebook=notebook) as page:
        yield page, request.param


def test_jobs_show_bars_while_they_run_and_one_quiet_line_afterwards(lab):
    page, theme = lab
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.get_by_text("Run All Cells", exact=True).click()

    cells = page.locator(".jp-Notebook .jp-CodeCell")
    bar = cells.nth(1).locator(BAR)
    bar.wait_for(timeout=180_000)
    page.wait_for_function(
        "bars => [...document.querySelectorAll(bars)].some(bar => Number(bar.getAttribute('aria-valuenow')) >= 4)",
        arg=BAR,
    )
    assert cells.nth(2).locator(BAR).count() == 0, "a cell that waits shows nothing"
    page.screenshot(path=SCREENSHOTS / f"progress-{theme}-1-running.png")

    cells.nth(2).locator(BAR).wait_for()
    assert cells.nth(1).locator(BAR).count() == 0, "the bar of a cell that has ended is gone"
    cells.nth(2).get_by_text("<b>rows</b> of one partition").first.wait_for()
    page.screenshot(path=SCREENSHOTS / f"progress-{theme}-2-next-cell.png")

    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    cells.nth(2).get_by_text("the median").wait_for()
    cells.nth(1).locator("summary").click()
    cells.nth(1).get_by_text("stage 1", exact=False).first.wait_for()
    page.screenshot(path=SCREENSHOTS / f"progress-{theme}-3-ended.png")
    lines = [cells.nth(number).locator("summary").all_inner_texts() for number in (1, 2, 3)]
    assert [len(line) for line in lines] == [1, 1, 0]
    assert "1 job, 26 tasks" in lines[0][0]
    assert "on 2 executors" in lines[0][0]
