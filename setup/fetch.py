#!/usr/bin/env python3
"""Puts the native libraries that poselift needs into the user's cache, once.

    python3 setup/fetch.py [--device cpu|cuda] onnxruntime libtorch python-test python-judges python-serve python-wheel

Each library is downloaded by pip at a pinned version and hash, assembled in a temporary folder beside its final place,
checked, and renamed into place: a run that breaks or is killed leaves nothing that looks installed. A second run finds
the marker that the first one wrote and does nothing: what only an installation needs is imported where it is used, so
that such a run is over in a tenth of a second. Python 3.9 and its standard library are all that is used.
The crates ort and tch can download these libraries themselves, but the one takes them from its own server and the other an
archive without a hash, each into one build folder: here versions and hashes are pinned, and all checkouts share a copy.
stdout gets one path a line, in the order asked for; everything else goes to stderr.
"""

import argparse
import contextlib
import errno
import fcntl
import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from complaint import Complaint  # noqa: E402  (the folder of this script is put on the path first)
from libraries import LIBRARIES, chosen  # noqa: E402

PINS_FOLDER = Path(__file__).resolve().parent
MARKER = "poselift-setup.json"


def cache_folder():
    """Where libraries live: POSELIFT_CACHE, else poselift/ in the user's cache folder."""
    if os.environ.get("POSELIFT_CACHE"):
        return Path(os.environ["POSELIFT_CACHE"]).absolute()
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(root).absolute() / "poselift"


def marker_for(library, pins_folder):
    """What the marker of a finished installation says: which wheels, put together in which way."""
    text = (pins_folder / library.pins).read_text(encoding="utf-8")
    wheels = [line.split()[0] for line in text.splitlines() if "==" in line and not line.startswith("#")]
    return {"library": library.name, "layout": library.layout, "wheels": wheels}


def is_installed(folder, marker):
    """True when `folder` was finished by this script from the same wheels."""
    try:
        return json.loads((folder / MARKER).read_text(encoding="utf-8")) == marker
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def only_run(cache):
    """Holds the cache's lock; the system lets go of it even when this process is killed."""
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / ".lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is running; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install(library, cache, pins_folder):
    """Brings one library into `cache` and returns its folder; does nothing when it is there."""
    folder = cache / library.folder
    marker = marker_for(library, pins_folder)
    if is_installed(folder, marker):
        return folder
    import shutil
    import tempfile

    check_platform(library)
    with only_run(cache):
        if is_installed(folder, marker):  # the run that we waited for brought it
            return folder
        check_replaceable(library, folder)
        remove_leftovers(library, cache)
        staging = Path(tempfile.mkdtemp(prefix=partial_prefix(library), dir=cache))
        try:
            fill(library, staging, cache, pins_folder, marker)
            put_in_place(staging / "install", folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    say(f"{library.name}: installed in {folder}")
    return folder


def fill(library, staging, cache, pins_folder, marker):
    """Downloads and assembles one library under `staging`/install, checks it, and marks it as finished."""
    say(f"{library.name}: downloading {', '.join(marker['wheels'])} (about {library.megabytes} MB)")
    installed = staging / "install"
    installed.mkdir()
    wheels = library.download(pins_folder / library.pins, staging)
    say(f"{library.name}: unpacking")
    library.assemble(wheels, installed)
    missing = [name for name in library.holds if not (installed / name).exists()]
    if missing:
        raise Complaint(f"the wheels of {library.name} do not hold {', '.join(missing)}")
    library.check(installed, cache)
    (installed / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")


def put_in_place(installed, folder):
    """Renames a finished installation to its final name; an older one of ours makes way first."""
    os.chmod(installed, 0o755)
    if folder.exists():
        os.rename(folder, installed.parent / "replaced")
    os.rename(installed, folder)


def check_replaceable(library, folder):
    """Refuses to touch a folder that another program made."""
    if folder.exists() and not (folder / MARKER).exists():
        raise Complaint(
            f"{folder} exists, but this script did not put it there",
            f"remove it (rm -r '{folder}') or set {library.override} to use a copy of your own",
        )


def remove_leftovers(library, cache):
    """Removes what a killed run left; called under the lock, so no other process works on it."""
    import shutil

    for leftover in cache.glob(partial_prefix(library) + "*"):
        shutil.rmtree(leftover, ignore_errors=True)


def partial_prefix(library):
    """Names the unfinished folders of one library."""
    return f".{library.folder}.partial-"


def check_platform(library):
    """The pinned wheels are for Linux with glibc 2.28 or newer, on the library's machines."""
    import platform

    from wheels import machine

    hint = f"set {library.override} to a copy made for your machine"
    if sys.platform != "linux" or machine() not in library.machines:
        pinned = " and ".join(library.machines).replace("_", "-")
        found = f"{platform.machine()} {platform.system()}"
        raise Complaint(f"{library.name} is pinned for {pinned} Linux, this is {found}", hint)
    libc, version = platform.libc_ver()
    if libc != "glibc" or tuple(map(int, version.split(".")[:2])) < (2, 28):
        raise Complaint(f"found C library {libc or 'unknown'} {version}, expected glibc 2.28 or newer", hint)


def say(message):
    """One line of progress."""
    print(f"setup: {message}", file=sys.stderr, flush=True)


def parse(arguments):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = ["onnxruntime", "libtorch", "python-test", "python-judges", "python-serve", "python-wheel"]
    parser.add_argument("what", nargs="+", choices=known)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="which build of the libraries")
    parser.add_argument("--pins", type=Path, default=PINS_FOLDER, help=argparse.SUPPRESS)  # the tests' own wheels
    return parser.parse_args(arguments)


def main(arguments):
    """Installs what the command line asks for; returns the exit code: 0 done, 1 failed, 130 stopped."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` cleans up
    cache = cache_folder()
    try:
        for what in options.what:
            for name in chosen(what, options.device):
                library = LIBRARIES[name]
                folder = install(library, cache, options.pins)
            print(folder / library.entry)
    except Complaint as complaint:
        say(f"error: {complaint.message}")
        if complaint.hint:
            say(f"hint: {complaint.hint}")
        return 1
    except OSError as error:
        say(f"error: {error}")
        if error.errno == errno.ENOSPC:
            say(f"hint: make room on the disk that holds {cache}, or set POSELIFT_CACHE to a folder on another one")
        return 1
    except KeyboardInterrupt:
        say("stopped; nothing was installed by halves")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
