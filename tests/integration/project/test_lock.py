import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assetgen_dagster.project.file_lock import FileLock, ProjectBusyError, is_locked, lock_project
from assetgen_emulators.gemini import GeminiEmulator
from tests.helpers.harness import Core

HOLDER = """
import sys, time
from pathlib import Path
from assetgen_dagster.project.file_lock import lock_project
lock = lock_project(Path(sys.argv[1]), run_id="the_other_run")
print("locked", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_a_second_run_on_a_project_is_told_which_run_has_it(path: Path) -> None:
    with lock_project(path, run_id="first"), pytest.raises(ProjectBusyError, match=r"Run first "):
        lock_project(path, run_id="second")


def test_the_lock_is_free_again_after_release(path: Path) -> None:
    lock_project(path, run_id="first").release()
    assert not is_locked(path)
    lock_project(path, run_id="second").release()


def test_who_looks_does_not_take_another_who_looks_for_a_run(path: Path) -> None:
    lock_project(path, run_id="first").release()
    with path.open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)  # in the middle of its look
        assert not is_locked(path)


def test_a_killed_process_gives_its_lock_up(path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    with pytest.raises(ProjectBusyError, match="the_other_run"):
        lock_project(path, run_id="ours")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    lock_project(path, run_id="ours").release()


def test_a_child_that_inherits_a_lock_holds_it_after_its_parent_let_go(path: Path) -> None:
    lock = FileLock(path)
    lock.try_acquire()
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[lock.fd])
    lock.release()
    assert is_locked(path)
    child.communicate()
    assert not is_locked(path)


def test_the_projects_lock_is_not_inherited_by_scripts(path: Path) -> None:
    with lock_project(path, run_id="first") as lock:
        assert not os.get_inheritable(lock.fd)


def test_drawing_a_project_that_is_being_drawn_pays_nothing(core: Core, gemini: GeminiEmulator) -> None:
    with lock_project(core.paths.lock, run_id="first"), pytest.raises(ProjectBusyError):
        core.draw()
    assert gemini.journal() == []
