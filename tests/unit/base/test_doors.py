"""Front doors that open on demand: they give what they promise, and no more is loaded than was asked for."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import tarim
from tarim.base.doors import promised

PACKAGES = [
    f"tarim.{path.parent.relative_to(Path(tarim.__file__).parent).as_posix().replace('/', '.')}"
    for path in sorted(Path(tarim.__file__).parent.glob("*/**/__init__.py"))
    if "front_door(__name__, __file__)" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_front_door_gives_exactly_what_it_says(package):
    front = importlib.import_module(package)
    assert set(promised(Path(front.__file__))) == set(front.__all__)
    for name in front.__all__:
        assert getattr(front, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = front.nothing


@pytest.mark.parametrize("package", PACKAGES)
def test_no_public_name_is_that_of_a_module_which_would_take_its_place(package):
    front = importlib.import_module(package)
    assert not set(front.__all__) & {module.name for module in pkgutil.iter_modules(front.__path__)}


@pytest.mark.parametrize(
    "module", ["tarim.bootstrap.settings", "tarim.bootstrap.places", "tarim.bootstrap.name_helper"]
)
def test_settings_places_and_the_names_helper_start_without_compiled_kernels(module):
    code = f"import sys, {module}; print(sorted({{'numba', 'pyarrow', 'fastapi', 'sqlalchemy'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
