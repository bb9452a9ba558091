"""What `make` says before it does anything."""

import subprocess

from assetgen_dagster.settings import PROJECT_ROOT


def test_without_a_browser_make_ui_test_says_what_to_install() -> None:
    command = ["make", "--silent", "ui-test", "CHROMIUM="]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    [sentence] = done.stdout.splitlines()
    assert "install it" in sentence
    assert "CHROMIUM=" in sentence
