"""Type checkers: the package and its stubs, and what a user writes with them; and that docstrings name all arguments."""

import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, skip_or_fail

import poselift

PACKAGE = Path(poselift.__file__).parent
USE = Path(__file__).with_name("typed_use.py")


def check(*command):
    """Runs a checker that must be content, on the package as it is installed."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {**os.environ, "PYTHONPATH": path}
    if PACKAGE.parent.name != "site-packages":
        environment["MYPYPATH"] = str(PACKAGE.parent)
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, timeout=300, env=environment, cwd=ROOT / "python"
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_is_content_with_the_package_and_its_use(tmp_path):
    check("mypy", "--strict", "--cache-dir", str(tmp_path), str(PACKAGE), str(USE))


def test_the_stub_says_what_the_native_half_has():
    check("mypy.stubtest", "poselift._native")


def test_pyright_is_content_with_the_package_and_its_use(tmp_path):
    if shutil.which("node") is None:
        skip_or_fail("pyright needs node")
    settings = tmp_path / "pyrightconfig.json"
    settings.write_text(f'{{"include": ["{PACKAGE}", "{USE}"], "exclude": [], "strict": ["{USE}"], "reportUnusedFunction": false}}')
    check("pyright", "--project", str(settings))
    check("pyright", "--verifytypes", "poselift", "--ignoreexternal")


def public():
    """All public functions and methods, by name."""
    for name in poselift.__all__:
        thing = getattr(poselift, name)
        if inspect.isclass(thing):
            yield name, thing, thing
            for method, function in vars(thing).items():
                if inspect.isfunction(function) and not method.startswith("_"):
                    yield f"{name}.{method}", function, function
        elif callable(thing):
            yield name, thing, thing


@pytest.mark.parametrize(("name", "thing", "signed"), list(public()), ids=lambda value: value if isinstance(value, str) else "")
def test_each_argument_is_described(name, thing, signed):
    documentation = inspect.getdoc(thing) or ""
    assert documentation, f"{name} has no docstring"
    is_internal = name in ("Poses", "PoseInfo", "Page") or inspect.isclass(thing) and issubclass(thing, (Exception, dict))
    if is_internal:  # users do not make them
        return
    arguments = [argument for argument in inspect.signature(signed).parameters if argument not in ("self", "args", "kwargs")]
    described = set()
    parameters = re.search(r"^Parameters\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", documentation, re.MULTILINE | re.DOTALL)
    for line in parameters[1].splitlines() if parameters else []:
        if line and not line.startswith(" "):
            described |= {word.strip().lstrip("*") for word in line.split(":")[0].split(",")}
    short = len(arguments) <= 1 and not parameters  # a sentence is enough
    assert short or set(arguments) <= described, f"{name} does not describe {set(arguments) - described}"
