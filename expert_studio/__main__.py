"""One door: the worker of a training run, the command line, or the window.

python -m expert_studio                     the window
python -m expert_studio --worker train RUN  a training run, without Qt
python -m expert_studio --worker queue RUNS the line of training runs that wait, without Qt
python -m expert_studio --worker build BASE the official experts for a base, without Qt
python -m expert_studio --worker dataset    work on a dataset for the window, without Qt
python -m expert_studio --cli VERB ...      expert-cli
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Runs one of them; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:2] == ["--worker", "train"]:
        from expert_studio.core.training import worker

        return worker.main(Path(given[2]))
    if given[:2] == ["--worker", "queue"]:
        from expert_studio.core.training import queue

        return queue.keep(Path(given[2]))
    if given[:2] == ["--worker", "dataset"]:
        from expert_studio.commands import dataset_worker

        return dataset_worker.main()
    if given[:2] == ["--worker", "build"]:
        from expert_studio import cli

        return cli.main(["build-experts", "--base", given[2], "--here", "--json"])
    if given[:1] == ["--cli"]:
        from expert_studio import cli

        return cli.main(given[1:])
    gc.disable()  # importing makes no cycles; from the first paint on `cycle_collector` looks
    from expert_studio import app

    return app.main(given)


if __name__ == "__main__":
    sys.exit(main())
