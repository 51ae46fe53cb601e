"""The console script: the same program, with its exit codes, pipes and signals."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from conftest import CLIP, program

import poselift


def test_the_script_is_installed_and_says_its_version():
    script = Path(sys.executable).parent / "poselift"
    command = [script] if script.exists() else [sys.executable, "-m", "poselift"]
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"poselift {poselift.__version__}\n")
    assert program("--help").stdout.startswith("Lifts 2D human key points to 3D poses")


def test_exit_codes_are_the_programs(tmp_path):
    assert program("run", "--quiet", CLIP, "-o", tmp_path / "poses.npz").returncode == 0
    broken = tmp_path / "broken.jsonl"
    broken.write_text("\n".join([*CLIP.read_text().splitlines()[:80], "{"]) + "\n")
    done = program("run", broken, "-o", tmp_path / "some.jsonl")
    assert done.returncode == 1 and "broken.jsonl:81" in done.stderr
    done = program("run", tmp_path / "nothing.jsonl")
    assert done.returncode == 2 and "No such file" in done.stderr
    done = program("run", "--sizes", "1x1")
    assert done.returncode == 2 and "--sizes" in done.stderr


def test_a_live_frame_is_answered_before_the_next_one_comes():
    command = [sys.executable, "-m", "poselift", "run", "--quiet", "--device", "cpu"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        lines = CLIP.read_text().splitlines()
        process.stdin.write(lines[0] + "\n" + lines[61] + "\n")
        process.stdin.flush()
        assert '"kind":"poses"' in process.stdout.readline()
        assert '"joints"' in process.stdout.readline()
        process.stdin.close()
        assert process.wait(30) == 0


def test_a_reader_that_is_gone_is_no_failure():
    command = f"{sys.executable} -m poselift run --quiet --device cpu {CLIP} | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_control_c_ends_it():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "poselift", "run", "--listen", f"udp://127.0.0.1:{port}", "--send", "udp://127.0.0.1:9"]
    heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as process:
        said = ""
        while "listening" not in said and process.poll() is None:
            said = process.stderr.readline()
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) in (0, -signal.SIGINT), process.stderr.read()
