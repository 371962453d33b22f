"""The zip for Lambda: small, the same every time, and complete for both architectures."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from deploy.package import sources
from tests.deploy.conftest import ARCH
from tests.deploy.install import Tools

pytestmark = pytest.mark.deploy

LARGEST = 4_000_000  # bytes


def test_the_zip_is_small(package: Path) -> None:
    assert package.stat().st_size < LARGEST


def test_the_same_sources_give_the_same_bytes_in_another_folder(
    clone: Path, package: Path, tmp_path: Path, installed: Tools
) -> None:
    project = tmp_path / "somewhere" / "else"
    shutil.copytree(clone, project, ignore=shutil.ignore_patterns("dist", "__pycache__"))
    environment = {
        **installed.environment,
        "TZ": "Pacific/Apia",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "7",
        "SOURCE_DATE_EPOCH": "1700000000",
    }
    command = [installed.python, "-m", "deploy.package", "--arch", ARCH]
    subprocess.run(command, cwd=project, env=environment, check=True, umask=0o077)

    assert (project / "dist" / package.name).read_bytes() == package.read_bytes()


@pytest.mark.parametrize(("arch", "machine"), [("arm64", 183), ("x86_64", 62)])
def test_the_binaries_are_made_for_the_architecture(
    clone: Path, tmp_path: Path, installed: Tools, arch: str, machine: int
) -> None:
    target = tmp_path / "lambda.zip"
    command = [installed.python, "-m", "deploy.package", "--arch", arch, "--output", str(target)]
    subprocess.run(command, cwd=clone, env=installed.environment, check=True)

    with zipfile.ZipFile(target) as archive:
        binaries = [name for name in archive.namelist() if name.endswith(".so")]
        assert binaries
        for name in binaries:
            assert int.from_bytes(archive.read(name)[18:20], "little") == machine, name


def test_the_wrapper_script_keeps_its_run_bit(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        entry = archive.getinfo("deploy/lambda-stream")

    assert entry.external_attr >> 16 == 0o100755


def test_every_module_in_the_zip_is_compiled(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = set(archive.namelist())

    assert not [name for name in names if name.endswith(".py")]
    wanted = {str(one.with_suffix(".pyc")) for one in sources() if one.suffix == ".py"}
    assert wanted <= names
    assert "starlette/datastructures.pyc" in names


def test_every_module_of_the_zip_that_is_ours_can_be_imported_alone(
    task_root: Path, installed: Tools
) -> None:
    modules = sorted(
        ".".join(file.relative_to(task_root).with_suffix("").parts)
        for package in ("api", "chat2api_core")
        for file in (task_root / package).rglob("*.pyc")
        if file.stem != "__init__" and file.stem not in {"redis", "__main__"}
    )
    program = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    command = [installed.python, "-c", program, *modules]
    done = subprocess.run(command, cwd=task_root, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
