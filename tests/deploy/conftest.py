"""What every deployment test needs: the tools, a clean copy of the project, an upstream."""

import platform
import shutil
import socket
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from chat2api_core.emulator import DEMO_ACCESS_TOKEN, Emulator
from chat2api_core.server import serving
from tests.deploy.install import ROOT, Tools, tools
from tests.deploy.probe import KEY

ARCH = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
_DELAY = 0.05  # seconds for a word: an answer takes about one second


class Upstream:
    """The emulator of ChatGPT that a deployment talks to, and the settings that say so."""

    def __init__(self, app: Emulator, url: str) -> None:
        self.app = app
        self.settings: Mapping[str, str] = {
            "AUTH_TOKENS": KEY,
            "CHATGPT_ACCESS_TOKENS": DEMO_ACCESS_TOKEN,
            "CHATGPT_BASE_URL": url,
            "CHATGPT_AUTH_URL": url,
        }


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    app = Emulator(delay=_DELAY)
    with serving(app) as url:
        yield Upstream(app, url)


@pytest.fixture(scope="session")
def installed() -> Tools:
    return tools()


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git would put into a fresh clone, with the changes that are not committed yet."""
    folder = tmp_path_factory.mktemp("clone")
    copy_project(folder)
    return folder


def copy_project(folder: Path) -> None:
    """Copy every file that git knows or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


@pytest.fixture(scope="session")
def package(clone: Path, installed: Tools) -> Path:
    """The zip for this machine, as ``make package`` makes it in a fresh clone."""
    command = [installed.python, "-m", "deploy.package", "--arch", ARCH]
    subprocess.run(command, cwd=clone, env=installed.environment, check=True)
    return clone / "dist" / f"lambda-{ARCH}.zip"


@pytest.fixture(scope="session")
def task_root(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip, unpacked as Lambda unpacks it, and beside it an application that mirrors."""
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            unpacked = Path(archive.extract(entry, folder))
            unpacked.chmod(entry.external_attr >> 16)
    shutil.copy(ROOT / "tests" / "deploy" / "mirror.py", folder)
    return folder


@pytest.fixture
def unused_port() -> int:
    """A port that nobody listens on, for servers that take no socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
