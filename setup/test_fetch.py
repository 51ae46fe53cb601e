"""Tests of the set-up: the real script and the real pip, on wheels made here and an index on this machine; no network.

    python3 -m unittest discover -s setup
"""

import base64
import hashlib
import http.server
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import zipfile
from pathlib import Path

SETUP = Path(__file__).resolve().parent
sys.path.insert(0, str(SETUP))

import cargo_config  # noqa: E402
import fetch  # noqa: E402
import wheels  # noqa: E402
from complaint import Complaint  # noqa: E402
from libraries import LIBRARIES  # noqa: E402

WHEEL = "onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_x86_64.whl"
FOLDER = LIBRARIES["onnxruntime-cpu"].folder


def make_wheel(path, library):
    """A wheel that pip accepts, with `library` as its ONNX Runtime."""
    info = "onnxruntime-1.31.1.dist-info"
    files = {
        "onnxruntime/capi/libonnxruntime.so.1.31.1": library,
        "onnxruntime/capi/something_else.py": b"",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: onnxruntime\nVersion: 1.31.1\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: cp311-cp311-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for name, data in files.items()
    )
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


class Index(http.server.ThreadingHTTPServer):
    """A package index of one wheel; can break off or stall in the middle of it."""

    daemon_threads = True

    def __init__(self, wheel):
        super().__init__(("127.0.0.1", 0), Answer)
        self.wheel = wheel
        self.breaks_off = False
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.asked = threading.Event()
        self.served = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that was killed is no news."""


class Answer(http.server.BaseHTTPRequestHandler):
    """The listing, or the wheel in two halves."""

    def do_GET(self):  # noqa: N802  (the name that http.server asks for)
        is_wheel = self.path.endswith(".whl")
        body = self.server.wheel.read_bytes() if is_wheel else f'<a href="/{WHEEL}">{WHEEL}</a>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream" if is_wheel else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not is_wheel:
            self.wfile.write(body)
            return
        self.server.served += 1
        half = len(body) // 2
        self.wfile.write(body[:half])
        self.wfile.flush()
        self.server.asked.set()
        self.server.may_go_on.wait(60)
        if not self.server.breaks_off:
            self.wfile.write(body[half:])

    def log_message(self, *_):
        """Quiet."""


@unittest.skipUnless(platform.machine() == "x86_64" and sys.platform == "linux", "libraries are for x86-64 Linux")
class Fetching(unittest.TestCase):
    """The script, run as `make` runs it."""

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory()
        library = Path(cls.shared.name) / "lib.so"
        subprocess.run(["g++", "-shared", "-x", "c++", "/dev/null", "-o", str(library)], check=True)
        cls.library = library.read_bytes()

    @classmethod
    def tearDownClass(cls):
        cls.shared.cleanup()

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.cache = self.folder / "cache"
        self.wheel = self.folder / WHEEL
        self.use_wheel(self.library)
        self.index = Index(self.wheel)
        self.addCleanup(self.index.server_close)
        self.addCleanup(self.index.shutdown)

    def use_wheel(self, library):
        """Makes the wheel and pins it."""
        make_wheel(self.wheel, library)
        self.pin()

    def pin(self):
        """Pins the wheel as it lies there."""
        digest = hashlib.sha256(self.wheel.read_bytes()).hexdigest()
        pins = self.folder / LIBRARIES["onnxruntime-cpu"].pins
        pins.write_text(f"onnxruntime==1.31.1 \\\n    --hash=sha256:{digest}\n")

    def start(self):
        """Starts the script."""
        environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        environment.update(
            POSELIFT_CACHE=str(self.cache),
            PIP_NO_INDEX="1",
            PIP_FIND_LINKS=f"http://127.0.0.1:{self.index.server_port}/",
            PIP_RETRIES="0",
            PIP_CONFIG_FILE=os.devnull,
        )
        command = [sys.executable, str(SETUP / "fetch.py"), "--pins", str(self.folder), "onnxruntime"]
        pipe = subprocess.PIPE
        # A shell that runs the tests in the background ignores SIGINT, and children inherit that.
        heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, preexec_fn=heed)

    def run_script(self):
        """Runs the script to its end: exit code, stdout, stderr."""
        process = self.start()
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def left_in_cache(self):
        """Names in the cache, the lock aside."""
        return sorted(path.name for path in self.cache.iterdir() if path.name != ".lock")

    def assert_installed(self):
        """The library is there, finished, and alone."""
        self.assertEqual(self.left_in_cache(), [FOLDER])
        self.assertEqual((self.cache / FOLDER / "libonnxruntime.so").read_bytes(), self.library)

    def assert_failed(self, result, *words):
        """The run failed, said why, and left nothing."""
        code, out, err = result
        self.assertEqual((code, out), (1, ""), err)
        for word in words:
            self.assertIn(word, err)
        self.assertEqual(self.left_in_cache(), [])

    def test_installs_once_and_prints_the_path(self):
        first = self.run_script()
        self.assertEqual((first[0], first[1]), (0, f"{self.cache / FOLDER / 'libonnxruntime.so'}\n"), first[2])
        self.assert_installed()
        second = self.run_script()
        self.assertEqual(second, (0, first[1], ""))
        self.assertEqual(self.index.served, 1)

    def test_a_download_that_breaks_off_leaves_nothing(self):
        self.index.breaks_off = True
        self.assert_failed(self.run_script(), "error:")
        self.index.breaks_off = False
        self.assertEqual(self.run_script()[0], 0)
        self.assert_installed()

    def test_a_wheel_with_another_hash_is_refused(self):
        make_wheel(self.wheel, self.library + b"changed")
        self.assert_failed(self.run_script(), "not the pinned one", "hint:")

    def test_a_cut_off_wheel_with_the_right_hash_is_refused(self):
        self.wheel.write_bytes(self.wheel.read_bytes()[:-100])
        self.pin()
        self.assert_failed(self.run_script(), "error:")

    def test_a_library_that_does_not_load_is_not_installed(self):
        self.use_wheel(b"no library")
        self.assert_failed(self.run_script(), "libonnxruntime.so was put together, but does not load")

    def test_an_index_that_is_not_there_is_named(self):
        self.index.shutdown()
        self.index.server_close()
        self.assert_failed(self.run_script(), "error:", "hint:", "network")

    def test_a_killed_run_leaves_nothing_installed_and_the_next_one_starts_clean(self):
        for name, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 143), (signal.SIGINT, 130)):
            with self.subTest(name):
                self.index.asked.clear()
                self.index.may_go_on.clear()
                process = self.start()
                self.assertTrue(self.index.asked.wait(60))
                process.send_signal(name)
                process.wait(timeout=60)
                self.index.may_go_on.set()  # pip may outlive a killed script: let it end
                process.communicate(timeout=60)
                self.assertEqual(process.returncode, code)
                self.assertFalse((self.cache / FOLDER).exists())
                if name != signal.SIGKILL:
                    self.assertEqual(self.left_in_cache(), [])
        self.assertEqual(self.run_script()[0], 0)
        self.assert_installed()

    def test_two_runs_at_once_download_once(self):
        self.index.may_go_on.clear()
        processes = [self.start(), self.start()]
        self.assertTrue(self.index.asked.wait(60))
        self.index.may_go_on.set()
        for process in processes:
            said = process.communicate(timeout=120)[1]
            self.assertEqual(process.returncode, 0, said)
        self.assertEqual(self.index.served, 1)
        self.assert_installed()

    def test_a_folder_that_somebody_else_made_is_left_alone(self):
        stranger = self.cache / FOLDER / "libonnxruntime.so"
        stranger.parent.mkdir(parents=True)
        stranger.write_text("mine")
        code, _, err = self.run_script()
        self.assertEqual((code, stranger.read_text()), (1, "mine"))
        self.assertIn("ORT_DYLIB_PATH", err)
        self.assertEqual(self.index.served, 0)

    def test_an_installation_from_other_wheels_is_replaced(self):
        old = self.cache / FOLDER
        old.mkdir(parents=True)
        (old / fetch.MARKER).write_text(json.dumps({"library": "onnxruntime-cpu", "layout": 0, "wheels": []}))
        self.assertEqual(self.run_script()[0], 0)
        self.assert_installed()


class Start(unittest.TestCase):
    """What a run loads that has nothing to do."""

    def test_what_only_an_installation_needs_is_not_imported(self):
        script = "import sys; sys.path.insert(0, sys.argv[1]); import fetch; print(*sys.modules)"
        # -S: what the machine's own site packages import is not ours.
        loaded = subprocess.run([sys.executable, "-S", "-c", script, str(SETUP)], stdout=subprocess.PIPE, text=True)
        modules = set(loaded.stdout.split())
        self.assertIn("libraries", modules)
        self.assertEqual(modules & {"dataclasses", "platform", "shutil", "subprocess", "tempfile", "zipfile"}, set())


class Pins(unittest.TestCase):
    """The files that pin the wheels."""

    def test_every_wheel_has_a_hash_and_a_version(self):
        for library in LIBRARIES.values():
            text = (SETUP / library.pins).read_text()
            requirements = [line for line in text.replace("\\\n", " ").splitlines() if not line.startswith("#")]
            self.assertTrue(requirements)
            for requirement in requirements:
                self.assertRegex(requirement, r"^[\w.-]+==[\w.]+ ( +--hash=sha256:[0-9a-f]{64} ?)+$")

    def test_a_folder_is_named_for_the_version_that_it_holds(self):
        for library in LIBRARIES.values():
            first = fetch.marker_for(library, SETUP)["wheels"][0]
            if library.folder.startswith(("onnxruntime", "libtorch")):
                self.assertEqual(library.folder.split("-")[1], first.split("==")[1])


class Wheels(unittest.TestCase):
    """What pip says, and what a wheel may do."""

    def test_what_pip_says_becomes_an_error_with_a_hint(self):
        cases = {
            "THESE PACKAGES DO NOT MATCH THE HASHES ... Got        " + "a" * 64: "a" * 64,
            "OSError: [Errno 28] No space left on device": "disk is full",
            "Failed to establish a new connection: NewConnectionError(...)": "cannot be reached",
            "ERROR: No matching distribution found for torch==2.11.0": "does not have",
        }
        for said, expected in cases.items():
            complaint = wheels.explain(said)
            self.assertIn(expected, complaint.message)
            self.assertTrue(complaint.hint)
        self.assertIn("something else", wheels.explain("something else").message)

    def test_a_python_without_pip_is_named_with_the_remedy(self):
        python, wheels.sys.executable = sys.executable, "/bin/false"
        try:
            with tempfile.TemporaryDirectory() as folder, self.assertRaises(Complaint) as raised:
                wheels.find_pip(Path(folder))
        finally:
            wheels.sys.executable = python
        self.assertEqual(raised.exception.hint, "apt install python3-pip")

    def test_a_wheel_cannot_write_outside_its_folder(self):
        for path in ("../out", "lib/../../out", "/etc/out"):
            with self.assertRaises(Complaint):
                wheels.inside(Path("/cache/library"), path)
        self.assertEqual(wheels.inside(Path("/cache/library"), "lib/x.so"), Path("/cache/library/lib/x.so"))


class CargoConfig(unittest.TestCase):
    """Where cargo is told of the libraries."""

    def test_adds_to_its_own_file(self):
        first = cargo_config.updated(None, {"LIBTORCH": "/a b"})
        self.assertIn('LIBTORCH = "/a b"', first)
        second = cargo_config.updated(first, {"POSELIFT_TEST_PYTHON": "/p"})
        self.assertIn('LIBTORCH = "/a b"', second)
        self.assertIn('POSELIFT_TEST_PYTHON = "/p"', second)
        self.assertEqual(cargo_config.updated(second, {}), second)

    def test_leaves_a_users_file_alone(self):
        self.assertIsNone(cargo_config.updated("[build]\njobs = 1\n", {"LIBTORCH": "/a"}))
        self.assertIsNone(cargo_config.updated("", {"LIBTORCH": "/a"}))


if __name__ == "__main__":
    unittest.main()
