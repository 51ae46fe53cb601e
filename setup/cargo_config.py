#!/usr/bin/env python3
"""Tells cargo where the fetched libraries are, so that plain `cargo test` works after the first `make`.

    python3 setup/cargo_config.py .cargo/config.toml LIBTORCH=/path ...

Cargo puts [env] into builds and tests unless the user's own environment has the variable. A file that another program wrote
is left alone.
"""

import json
import os
import re
import sys
from pathlib import Path

OURS = "# Written by make; take this line out to keep the file as you changed it."


def updated(text, settings):
    """The file's new text, or None when it is not ours to write. `text` is None where there is no file."""
    if text is not None and not text.startswith(OURS):
        return None
    found = dict(re.findall(r'^(\w+) = (".*")$', text or "", flags=re.MULTILINE))
    found.update((name, json.dumps(value)) for name, value in settings.items())
    return "\n".join([OURS, "[env]", *(f"{name} = {value}" for name, value in sorted(found.items()))]) + "\n"


def main(path, *settings):
    """Writes the file if that changes it; cargo sees a new file only then."""
    path = Path(path)
    before = path.read_text(encoding="utf-8") if path.exists() else None
    after = updated(before, dict(setting.split("=", 1) for setting in settings))
    if after is None or after == before:
        return
    path.parent.mkdir(exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(after, encoding="utf-8")
    os.replace(fresh, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
