"""Every page with every default scope in a real browser, over one release of MLflow: scripts/web-pages."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from harness.mlflow_server import MlflowServer
from harness.stack import Stack

from . import pages, sweep, world


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release", help="the release of MLflow that $MLFLOW_PYTHON has")
    parser.add_argument("--pictures", type=Path, required=True, help="a folder for a picture of each page")
    parser.add_argument("--only", help="only pages whose title holds this; what was seen is printed, not kept")
    parser.add_argument("--resume", action="store_true", help="leave out the scopes that a run before has finished")
    arguments = parser.parse_args()
    titles = [title for title in pages.PAGES if (arguments.only or "") in title]
    arguments.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="web-pages-") as folder:
        workdir = Path(folder)
        with (
            MlflowServer(workdir) as server,
            Stack(workdir / "stack", keys=pages.KEYS, mlflow=server.address) as stack,
        ):
            objects = world.make(stack, workdir)
            seen = sweep.sweep(stack, objects, titles, workdir, arguments.pictures, arguments.resume)
    if arguments.only:
        print(json.dumps(seen, indent=1))
        return
    pages.write(arguments.release, seen)
    if faults := sweep.faults(seen):
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
