"""What is made from pyproject.toml and uv.lock is in step with them, and Binder can read it."""

import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from repo2docker.app import Repo2Docker

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
TOOL = runpy.run_path(str(ROOT / "tools" / "derive.py"))
DERIVED = TOOL["derived"](ROOT)
# conda-forge's names of packages that it calls otherwise than PyPI.
PYPI_NAMES = {conda: name for name, conda in TOOL["CONDA_NAMES"].items()}
DIRECT = {re.match(r"[\w.-]+", line)[0] for line in PYPROJECT["project"]["dependencies"]}
REPOSITORY = PYPROJECT["project"]["urls"]["Repository"]


def normal(name):
    """Return a package's name as the lock writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def source_files():
    """Return the project's own text files: none that .gitignore names."""
    ignored = [".git", *text(".gitignore").replace("/", "").split()]
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not any(fnmatch(name, rule) for rule in ignored)]
        for file in (Path(folder, name) for name in names):
            if b"\0" not in file.read_bytes():
                yield file


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return the project's own files, elsewhere."""
    folder = tmp_path_factory.mktemp("repo2docker") / "project"
    for file in source_files():
        target = folder / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return folder


@pytest.fixture(scope="module")
def dockerfile(copy):
    """Return what repo2docker would build; nothing is built, and no network is asked."""
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(copy)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("name", DERIVED)
def test_file_is_in_step(name):
    assert (ROOT / name).is_file(), f"{name} is missing: run `make derived`"
    assert text(name) == DERIVED[name], f"{name} is out of step: run `make derived`"


def test_conda_pins_are_the_direct_dependencies_as_locked():
    pins = yaml.safe_load(text("environment.yml"))["dependencies"]
    pins = [pin for pin in pins if isinstance(pin, str) and not pin.startswith(("python=", "pip"))]
    pairs = (pin.split("==") for pin in pins)
    pinned = {normal(PYPI_NAMES.get(name, name)): version for name, version in pairs}
    assert set(pinned) == DIRECT
    locked = {(package["name"], package.get("version")) for package in LOCK["package"]}
    assert set(pinned.items()) <= locked


def test_one_python_for_conda_and_binder():
    python = PYPROJECT["tool"]["trial-by-notebook"]["python"]
    assert f"python={python}" in yaml.safe_load(text("environment.yml"))["dependencies"]
    assert text("binder/runtime.txt") == f"python-{python}\n"


def test_binder_gets_all_that_a_session_needs_as_locked():
    lines = [line for line in text("binder/requirements.txt").splitlines() if line[0] != "#"]
    pinned = {tuple(line.split(" ;")[0].split("==")) for line in lines}
    names = {name for name, _ in pinned}
    packages = {(package["name"], package.get("version")): package for package in LOCK["package"]}
    assert pinned <= set(packages)
    # Tests of stored outputs, and a cluster, are no part of a session.
    assert names >= DIRECT - {"nbval", "distributed"}
    for pin in pinned:
        assert names >= {part["name"] for part in packages[pin].get("dependencies", [])}, pin


def test_repo2docker_picks_pip_in_the_binder_folder(copy, monkeypatch):
    monkeypatch.chdir(copy)
    settings = Repo2Docker()
    packs = (pack(base_image=settings.base_image) for pack in settings.buildpacks)
    pack = next(pack for pack in packs if pack.detect())
    assert type(pack).__name__ == "PythonBuildPack"
    assert pack.binder_dir == "binder"
    assert pack.python_version == PYPROJECT["tool"]["trial-by-notebook"]["python"]


def test_repo2docker_installs_the_lock_then_copies_the_project_then_runs_postbuild(dockerfile):
    packages = dockerfile.index('pip install --no-cache-dir -r "binder/requirements.txt"')
    project = re.search(r"^COPY .* src/ \$\{REPO_DIR\}/$", dockerfile, flags=re.MULTILINE).start()
    assert packages < project < dockerfile.index("RUN ./binder/postBuild")
    assert "environment.yml" not in dockerfile


def test_postbuild_can_be_run():
    assert (ROOT / "binder" / "postBuild").stat().st_mode & 0o111


def test_repository_address_stands_in_one_place():
    _, _, address = REPOSITORY.split("://")[1].partition("/")
    block = re.compile("<!-- made by make derived: .*?<!-- end -->", re.DOTALL)
    places = {
        file.relative_to(ROOT).as_posix(): count
        for file in source_files()
        if (count := block.sub("", file.read_text(encoding="utf-8")).count(address))
    }
    assert places == {"pyproject.toml": 1, "CITATION.cff": 1}  # the latter is derived as a whole
