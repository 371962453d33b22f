"""Installs the vendors' own tools into .tools/: ``python -m tests.deploy.install``.

In: package.json and requirements.txt beside this file. Out: ``Tools``, which names each program.
The one rule: everything comes from npm and PyPI; what must be there already is Node.js, pip and a
CPython 3.12, the runtime of both platforms.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RUNTIME = "3.12"
_STAMP = "installed"


class Tools(NamedTuple):
    """Where everything is. ``path`` is a PATH with the tools and the runtime's Python first;
    ``runtime`` is the folder with Lambda's own runtime client."""

    folder: Path
    python: str
    path: str
    runtime: Path

    @property
    def environment(self) -> dict[str, str]:
        """What programs are started with: the user's own variables (a package index may be set
        there), but no virtual environment and nothing that makes Vercel's CLI think it is
        deployed."""
        left_out = ("VIRTUAL_ENV", "PYTHON", "VERCEL", "AWS_")
        kept = {name: it for name, it in os.environ.items() if not name.startswith(left_out)}
        return {**kept, "PATH": self.path}

    @property
    def npm_modules(self) -> Path:
        return self.folder / "npm" / "node_modules"

    def emulator(self, machine: str) -> Path:
        """AWS's Runtime Interface Emulator, which comes with aws-sam-cli."""
        name = "arm64" if machine in {"arm64", "aarch64"} else "x86_64"
        [found] = self.folder.glob(f"py/lib/python3*/site-packages/**/aws-lambda-rie-{name}")
        return found


class Missing(Exception):
    """Something that must be there before is not there."""


def runtime_python() -> str:
    """A CPython 3.12: the one on PATH, or pyenv's. Raises ``Missing``."""
    candidates = [shutil.which(f"python{RUNTIME}")]
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=True)
        versions = Path(root.stdout.strip()) / "versions"
        candidates += [str(one) for one in versions.glob(f"{RUNTIME}.*/bin/python{RUNTIME}")]
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", ""], check=False, capture_output=True).returncode == 0:
            return os.path.realpath(candidate)
    raise Missing(f"CPython {RUNTIME} is needed: put python{RUNTIME} on PATH.")


def tools(root: Path = ROOT) -> Tools:
    """What is installed. Raises ``Missing`` where it is not, or not by the files as they are."""
    folder = root / ".tools"
    stamp = folder / _STAMP
    if not stamp.exists() or stamp.read_text() != _wanted():
        raise Missing("The tools are not installed: python -m tests.deploy.install")
    own = [folder / "bin", folder / "npm" / "node_modules" / ".bin", folder / "py" / "bin"]
    path = os.pathsep.join([*map(str, own), os.environ["PATH"]])
    return Tools(folder, str(folder / "bin" / f"python{RUNTIME}"), path, folder / "runtime")


def install(root: Path = ROOT) -> None:
    """Install what is not installed yet. Raises ``Missing`` or ``CalledProcessError``."""
    try:
        tools(root)
    except Missing:
        folder = root / ".tools"
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        _link_runtime(folder / "bin")
        _install_npm(folder / "npm")
        _install_py(folder)
        (folder / _STAMP).write_text(_wanted())


def _link_runtime(folder: Path) -> None:
    """Some tools call a bare python3 and mean the runtime's."""
    python = runtime_python()
    for name in (f"python{RUNTIME}", "python3", "python"):
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(python)


def _install_npm(folder: Path) -> None:
    if shutil.which("npm") is None:
        raise Missing("Node.js with npm is needed: put node and npm on PATH.")
    folder.mkdir(exist_ok=True)
    shutil.copy(HERE / "package.json", folder)
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=folder, check=True)


def _install_py(folder: Path) -> None:
    python = folder / "py" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "py"], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(HERE / "requirements.txt")], check=True)
    lines = (HERE / "requirements.txt").read_text().splitlines()
    [client] = [line for line in lines if line.startswith("awslambdaric")]
    uv = [str(folder / "py" / "bin" / "uv"), "pip", "install", "--quiet"]
    target = ["--target", str(folder / "runtime")]
    where = ["--python", str(folder / "bin" / f"python{RUNTIME}"), *target]
    subprocess.run([*uv, *where, client], check=True)


def _wanted() -> str:
    files = [HERE / name for name in ("package.json", "requirements.txt", "install.py")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


if __name__ == "__main__":
    try:
        install()
    except Missing as missing:
        sys.exit(str(missing))
