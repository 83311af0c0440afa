# SPDX-FileCopyrightText: The Pumphouse authors
# SPDX-License-Identifier: Apache-2.0
"""Copy the browser libraries that package-lock.json pins into the package, with a manifest of their hashes.

Run by `make vendor` when a version changes. The copies are committed, so nobody needs npm to run Pumphouse.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "src/pumphouse/core/web/static/vendor"

# npm package -> (its file, our name). A licence text goes along with each library.
FILES = {
    "htmx.org": [("dist/htmx.min.js", "htmx.min.js"), ("LICENSE", "htmx.LICENSE.txt")],
    "uplot": [
        ("dist/uPlot.iife.min.js", "uPlot.iife.min.js"),
        ("dist/uPlot.min.css", "uPlot.min.css"),
        ("LICENSE", "uPlot.LICENSE.txt"),
    ],
}


def main() -> None:
    subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=ROOT, check=True)
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    entries = []
    for package, files in FILES.items():
        source = ROOT / "node_modules" / package
        about = json.loads((source / "package.json").read_text(encoding="utf-8"))
        for theirs, ours in files:
            content = (source / theirs).read_bytes()
            (TARGET / ours).write_bytes(content)
            entries.append(
                {
                    "name": package,
                    "version": about["version"],
                    "licence": about["license"],
                    "file": ours,
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
            )
    text = json.dumps({"files": entries}, indent=2)
    (TARGET / "manifest.json").write_text(text + "\n", encoding="utf-8")
    print(f"{len(entries)} files in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
