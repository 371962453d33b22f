"""Makes the zip for AWS Lambda with pip alone: ``python -m deploy.package --arch arm64``.

In: the sources, and the wheels that ``deploy/lambda.lock`` pins by hash. Out: one zip for both
functions, in ``dist/``. The one rule: the same sources give the same bytes, whatever the folder,
the time and the machine's own architecture. Only with another patch release of the Python that
compiles, or another zlib, may the bytes differ.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "deploy" / "lambda.lock"
PYTHON = "3.12"  # that of the functions' runtime
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}

# Amazon Linux 2023 has glibc 2.34; wheels may ask for that or for less.
GLIBC = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
# What no function needs: the command line, the plain server and the emulator, type stubs, metadata,
# scripts, tests, PyYAML's second parser in C, which settings never use, redis-py: on AWS the store
# is DynamoDB, the route over aiohttp, which pays for many requests at once, and all of websockets
# but its client.
_OURS = ("api", "chat2api_core")
_OURS_LEFT_OUT = (
    "chat2api_core/emulator",
    "chat2api_core/login",
    "chat2api_core/command.py",
    "chat2api_core/server.py",
    "chat2api_core/__main__.py",
    "chat2api_core/stores/redis.py",
    "chat2api_core/transport/aiohttp_route.py",
)
_THEIRS_LEFT_OUT = (
    "*.dist-info", "bin", "_yaml", "yaml/*.so", "redis", "**/*.pyi", "**/py.typed", "**/tests",
    "**/benchmarks", "websockets/legacy", "websockets/sync", "starlette/testclient.py",
)  # fmt: skip
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_PLAIN, _RUNNABLE = 0o100644, 0o100755

# Compiled files say that they need no check: in a zip, times mean nothing. They are there instead
# of the sources, which would be a sixth of the zip; traces still name files and lines.
_COMPILE = """
import pathlib, py_compile
for file in sorted(pathlib.Path(".").rglob("*.py")):
    py_compile.compile(str(file), dfile=f"/var/task/{file}", doraise=True, quiet=2,
                       cfile=str(file.with_suffix(".pyc")),
                       invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    file.unlink()
"""


def build(arch: str, target: Path) -> None:
    """Write the zip. Raises ``subprocess.CalledProcessError`` where pip or the compiler fails."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        _install(stage, MACHINES[arch])
        _copy_sources(stage)
        compiled = _compile(stage)
        target.parent.mkdir(parents=True, exist_ok=True)
        _zip(stage, target)
    size = target.stat().st_size / 1e6
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    note = "with bytecode" if compiled else f"without bytecode: there is no python{PYTHON} here"
    print(f"{target}: {size:.2f} MB, {note}\nsha256 {digest}")  # noqa: T201 (a command speaks)


def _install(stage: Path, machine: str) -> None:
    """The dependencies, as wheels for the runtime and not for this machine."""
    platforms = [f"--platform={glibc}_{machine}" for glibc in GLIBC]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-compile", "--only-binary=:all:", "--implementation=cp"]
    where = [f"--python-version={PYTHON}", f"--target={stage}", "--require-hashes", f"-r{LOCK}"]
    subprocess.run([*command, *options, *platforms, *where], check=True)  # noqa: S603 (fixed words)
    for pattern in _THEIRS_LEFT_OUT:
        for path in list(stage.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def sources() -> Iterator[Path]:
    """The files of ours that a function needs, relative to the root."""
    for package in _OURS:
        for file in (ROOT / package).rglob("*.py"):
            relative = file.relative_to(ROOT)
            if not relative.as_posix().startswith(_OURS_LEFT_OUT):
                yield relative
    for asset in sorted((ROOT / "chat2api_core/web/admin/assets").iterdir()):
        yield asset.relative_to(ROOT)
    yield Path("deploy/lambda-stream")


def _copy_sources(stage: Path) -> None:
    for relative in sources():
        (stage / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / relative, stage / relative)


def _compile(stage: Path) -> bool:
    """Compile everything with the runtime's own version, if it is here. A function's folder is
    read-only: without this, every cold start compiles anew."""
    python = _runtime_python()
    if python is None:
        return False
    calm = os.environ | {"PYTHONHASHSEED": "0"}  # sets are written in the order of their hashes
    command = [python, "-c", _COMPILE]
    subprocess.run(command, cwd=stage, env=calm, check=True)  # noqa: S603 (fixed words)
    return True


def _runtime_python() -> str | None:
    if sys.version_info[:2] == tuple(map(int, PYTHON.split("."))):
        return sys.executable
    found = shutil.which(f"python{PYTHON}")
    # A version manager puts a name on the PATH also where that version is not installed.
    if found is None:
        return None
    trial = subprocess.run([found, "-c", ""], check=False, capture_output=True)  # noqa: S603 (fixed words)
    return found if trial.returncode == 0 else None


def _zip(stage: Path, target: Path) -> None:
    """Pack in the order of names, with one time for all."""
    names = sorted(
        path.relative_to(stage).as_posix() for path in stage.rglob("*") if path.is_file()
    )
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix: what follows are its modes
            entry.external_attr = (_RUNNABLE if name == "deploy/lambda-stream" else _PLAIN) << 16
            archive.writestr(entry, (stage / name).read_bytes())


def main() -> None:
    """Build what the command line asks for."""
    parser = argparse.ArgumentParser(description="Make the zip for AWS Lambda.")
    parser.add_argument("--arch", choices=MACHINES, default="arm64")
    parser.add_argument("--output", type=Path, help="default: dist/lambda-<arch>.zip")
    options = parser.parse_args()
    build(options.arch, options.output or ROOT / "dist" / f"lambda-{options.arch}.zip")


if __name__ == "__main__":
    main()
