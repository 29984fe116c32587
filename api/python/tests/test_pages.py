"""Every page with a program in it does what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pages import blocks, program_name, run_page
from venue import ROOT

QUICK_STARTS = sorted((ROOT / "docs" / "api").glob("quickstart-*.md"))
PAGES = [*QUICK_STARTS, ROOT / "api" / "python" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_007_the_quick_starts_run_as_they_stand(page: Path, tmp_path: Path) -> None:
    run_page(page, tmp_path)


def test_python_007_the_programs_of_the_pages_have_types(tmp_path: Path) -> None:
    for page in PAGES:
        for block in blocks(page):
            if block.kind == "python":
                (tmp_path / program_name(block)).write_text(block.text)
    # Where the package is checked, so is what is written against it.
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary"]
    done = subprocess.run(
        [*command, *sorted(tmp_path.iterdir())], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_python_007_there_is_a_quick_start_for_everyone() -> None:
    assert {page.stem.removeprefix("quickstart-") for page in QUICK_STARTS} >= {
        "analyst",
        "hedger",
        "market-maker",
        "provider",
    }
    for page in PAGES:
        first = blocks(page)[0]
        assert first.kind == "sh"
        assert len(first.text.splitlines()) <= 3
