#!/usr/bin/env python3
"""Builds the wheel, installs it into a fresh environment, and runs its tests there.

    python3 python/wheel.py [--profile wheel|wheel-test] [--out FOLDER] [-- PYTEST ARGUMENTS]

`make wheel` fetches the tools that it needs. The wheel is for every glibc from 2.17 on: zig links it, whatever glibc this machine has. The
profile `dev` compiles in a third of the time, for tests.
"""

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
MAX_BYTES = 15_000_000


def main(arguments):
    """Runs all steps; returns pytest's exit code."""
    options = parse(arguments)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or FOLDER.parent / "target").absolute()
    wheel = build(options.profile, options.out or target / "wheels" / options.profile)
    size = wheel.stat().st_size
    print(f"{wheel}\n{size / 1e6:.2f} MB")
    if options.profile == "wheel" and size > MAX_BYTES:
        sys.exit(f"error: the wheel has {size} bytes, expected {MAX_BYTES} at most")
    python = fresh_environment(target / "python-env", wheel)
    return subprocess.run([python, "-m", "pytest", *options.pytest], cwd=FOLDER).returncode


def parse(arguments):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=["wheel", "wheel-test"], default="wheel", help="how cargo compiles")
    parser.add_argument("--out", type=Path, help="where the wheel goes")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest")
    return parser.parse_args(arguments)


def tool_folders():
    """Packages that the tests need, those that `make` fetched: each Python's launcher stands in bin/, its packages in site/."""
    launchers = (os.environ.get(f"POSELIFT_{name}_PYTHON") for name in ("WHEEL", "TEST", "JUDGES"))
    return [str(Path(launcher).parents[1] / "site") for launcher in launchers if launcher]


def build(profile, out):
    """Builds the wheel and returns its path."""
    for old in out.glob("*.whl"):
        old.unlink()
    tools = tool_folders()
    path = os.pathsep.join([*(f"{folder}/bin" for folder in tools), os.environ["PATH"]])
    # Maturin finds zig as a module of Python.
    environment = {**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(tools)}
    machine = "x86_64" if platform.machine() == "AMD64" else platform.machine()
    target = [f"--target={machine}-unknown-linux-gnu", "--zig", "--compatibility=manylinux_2_17"]
    how = ["--locked", f"--profile={profile}", "--compression-level=9" if profile == "wheel" else "--compression-level=1"]
    command = ["maturin", "build", "--quiet", *how, *target, "--out", str(out)]
    subprocess.run(command, cwd=FOLDER, env=environment, check=True)
    (wheel,) = out.glob("*.whl")
    return wheel


def fresh_environment(folder, wheel):
    """An environment with the wheel, in which the tools' packages can be imported; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    # NumPy is its one dependency, and among the tools.
    command = ["-m", "pip", "--quiet", "--python", str(python), "install", "--no-index", "--no-deps", str(wheel)]
    subprocess.run([sys.executable, *command], check=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "tools.pth").write_text("\n".join(tool_folders()) + "\n", encoding="utf-8")
    return python


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
