"""kill -9 at random points of install, update and uninstall: all or nothing of every version."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from expert_studio.core.experts import install
from expert_studio.core.experts.library import Library
from tests.core.experts.hostile import files_of, tree
from tests.expert_factory import expert_file

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no kill -9")

# The child kills itself at the n-th thing it does to a file, counted by audit events; one that
# stands for each: told apart by what the system is asked, not by time.
CHILD = """
import os, signal, sys
from pathlib import Path
from expert_studio.core.experts import install, library, removal
left, task, root, file = int(sys.argv[1]), *sys.argv[2:]
shelf = library.Library(Path(root))
done = 0
def count(event, args):
    global done
    if event.split('.')[0] in ('open', 'os', 'shutil', 'fcntl'):
        done += 1
        if done == left: os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
if task == 'uninstall':
    removal.remove('json-parser', shelf, cascade=True)
else:
    install.install(Path(file), shelf)
if task == 'update':
    shelf.activate('json-parser', '1.1.0')
print(done)
"""
TASKS = ("install", "update", "uninstall")


def _child(task: str, at: int, shelf: Library, file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CHILD, str(at), task, str(shelf.root), str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _killed_at(moments: int, seed: int, tmp_path: Path) -> None:
    old = expert_file(tmp_path / "old", version="1.0.0")
    new = expert_file(tmp_path / "new", version="1.1.0", seed=1)
    before = tmp_path / "before"
    install.install(old, Library(before))
    chance = random.Random(seed)
    steps = {}
    for task in TASKS:
        run = _child(task, 0, _prepared(tmp_path, before, task), new)
        steps[task] = int(run.stdout)
    killed = 0
    for i in range(moments):
        task = TASKS[i % len(TASKS)]
        shelf = _prepared(tmp_path, before, task)
        run = _child(task, chance.randint(1, steps[task]), shelf, new)
        assert run.returncode in (0, -signal.SIGKILL), run.stderr
        killed += run.returncode != 0
        _check(task, shelf, old, new)
    assert killed >= moments * 3 // 4


def _prepared(tmp_path: Path, before: Path, task: str) -> Library:
    root = tmp_path / "library"
    shutil.rmtree(root, ignore_errors=True)
    if task != "install":
        shutil.copytree(before, root)
    return Library(root)


def _check(task: str, shelf: Library, old: Path, new: Path) -> None:
    fresh = Library(shelf.root)
    assert fresh.problems() == ()
    found = {expert.version: expert for expert in fresh.versions("json-parser")}
    allowed = {
        "install": [set(), {"1.1.0"}],
        "update": [{"1.0.0"}, {"1.0.0", "1.1.0"}],
        "uninstall": [{"1.0.0"}, set()],
    }[task]
    assert set(found) in allowed
    for version, file in (("1.0.0", old), ("1.1.0", new)):
        if version in found:
            there = {k: v for k, v in tree(found[version].folder).items() if k != "installed.json"}
            assert there == files_of(file)
    # and the next one finds its way, with nothing left lying about
    assert install.install(new, fresh).expert.version == "1.1.0"
    assert list((shelf.root / ".staging").iterdir()) == []


def test_killed_at_a_few_points(tmp_path: Path) -> None:
    _killed_at(5, 8, tmp_path)


@pytest.mark.long
def test_killed_at_two_hundred_points(tmp_path: Path) -> None:
    _killed_at(200, 88, tmp_path)
