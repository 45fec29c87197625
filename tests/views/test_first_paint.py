"""The window is on screen before torch is even begun; transformers never comes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CHILD = """
import gc, sys, time
began = time.perf_counter()
gc.disable()  # as __main__ does
from pathlib import Path
from PySide6.QtWidgets import QApplication
from expert_studio.app import Studio, load_engine_on_first_use
from expert_studio.core.settings import Folders

seen = {}

def watched(request, on_progress):
    seen["painted first"] = studio.window.was_painted
    seen["torch at factory"] = "torch" in sys.modules
    return load_engine_on_first_use(request, on_progress)

application = QApplication([])
studio = Studio(application, Folders(Path(sys.argv[1])), watched, bundled_experts=Path(sys.argv[1]))
painted = []
took = lambda: (time.perf_counter() - began, time.process_time())
studio.window.painted.connect(lambda: painted.extend(took()))
studio.model_thread.base_ready.connect(lambda base: application.quit())
studio.model_thread.base_failed.connect(lambda error: application.quit())
studio.open()
application.exec()
seen["base"] = studio.loaded_base() is not None
seen["transformers"] = "transformers" in sys.modules
studio.close()
print("painted after %.0f ms, %.0f of them at work" % tuple(1000 * s for s in painted))
print(seen)
"""


def test_painted_before_torch(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
    )
    assert ended.returncode == 0, ended.stderr
    print(ended.stdout)
    expected = {
        "painted first": True,
        "torch at factory": False,
        "base": True,
        "transformers": False,
    }
    assert str(expected) in ended.stdout
