"""Values as they were published in version 1: whatever changes, they must stay readable.

Lines are only ever added to those files.
"""

from pathlib import Path

VALUES: dict[str, list[str]] = {
    path.stem: path.read_text("utf-8").splitlines()
    for path in sorted((Path(__file__).parent / "records" / "version-1").glob("*.jsonl"))
}
