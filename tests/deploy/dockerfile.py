"""Runs the steps of a Dockerfile without a container engine, each stage in an empty folder.

What it cannot do, it refuses: only instructions that appear here are known. The image's own Python
is the ``python3`` that is given; absolute paths of the image are paths within the stage's folder.
"""

import json
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_TOLD = {"EXPOSE", "STOPSIGNAL"}  # of no effect while building


class Instruction(NamedTuple):
    """One step: its word in capitals, and the rest."""

    word: str
    rest: str


def read(dockerfile: Path) -> list[Instruction]:
    """The steps of a file."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ")
    words = [line.split(maxsplit=1) for line in whole.splitlines() if line.strip()]
    return [Instruction(word.upper(), rest) for word, rest in words]


def context(project: Path, target: Path) -> None:
    """Copy what .dockerignore lets through: it names what is let through, after a ``*``."""
    lines = [line for line in (project / ".dockerignore").read_text().splitlines() if line]
    ignored, *rules = [line for line in lines if not line.startswith("#")]
    assert ignored == "*", "everything is left out that is not named"
    for rule in rules:
        if rule.startswith("!"):
            source = project / rule[1:]
            if source.is_dir():
                leave = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, target / rule[1:], ignore=leave)
            else:
                shutil.copy2(source, target)


@dataclass
class Stage:
    """A stage that was built: its folder, and how its container would run."""

    root: Path
    base: str
    name: str = ""
    folder: str = "/"
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def inside(self, path: str) -> Path:
        """Where a path of the image is."""
        absolute = path if path.startswith("/") else f"{self.folder.rstrip('/')}/{path}"
        return self.root / absolute.lstrip("/")

    def shown(self, words: list[str]) -> list[str]:
        """A command of the image with the paths of its folder."""
        return [word.replace("/app/", f"{self.root}/app/") for word in words]


class Builder:
    """Builds all stages of a file, one after the other."""

    def __init__(self, context: Path, work: Path, environment: dict[str, str]) -> None:
        self.stages: list[Stage] = []
        self._context = context
        self._work = work
        self._environment = environment

    def build(self, steps: list[Instruction]) -> Stage:
        """Run the steps. Returns the last stage; raises ``CalledProcessError`` where one fails."""
        for step in steps:
            if step.word not in _TOLD:
                getattr(self, f"_{step.word.lower()}")(step.rest)
        return self.stages[-1]

    @property
    def _stage(self) -> Stage:
        return self.stages[-1]

    def _from(self, rest: str) -> None:
        base, _, name = rest.partition(" AS ")
        root = self._work / f"stage{len(self.stages)}"
        root.mkdir()
        self.stages.append(Stage(root, base, name))

    def _workdir(self, rest: str) -> None:
        self._stage.folder = rest
        self._stage.inside(rest).mkdir(parents=True, exist_ok=True)

    def _copy(self, rest: str) -> None:
        *words, place = shlex.split(rest)
        if words[0].startswith("--from="):
            wanted = words.pop(0).removeprefix("--from=")
            [other] = [stage for stage in self.stages if stage.name == wanted]
            found = [other.inside(word) for word in words]
        else:
            found = [self._context / word for word in words]
        target = self._stage.inside(place)
        for source in found:
            if source.is_dir():  # what is in it is copied, not the folder itself
                shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy2(source, target)

    def _run(self, rest: str) -> None:
        environment = {**self._environment, **self._stage.environment}
        folder = self._stage.inside(self._stage.folder)
        subprocess.run(["sh", "-ec", rest], cwd=folder, env=environment, check=True)

    def _env(self, rest: str) -> None:
        pairs = (pair.partition("=") for pair in shlex.split(rest))
        self._stage.environment.update({name: value for name, _, value in pairs})

    def _user(self, rest: str) -> None:
        self._stage.user = rest

    def _cmd(self, rest: str) -> None:
        self._stage.command = json.loads(rest)

    def _healthcheck(self, rest: str) -> None:
        self._stage.health = json.loads(rest.partition("CMD ")[2])


def clean_environment(path: str) -> dict[str, str]:
    """What a container starts with: nothing of this machine but where its programs are, and the
    package index that pip is set up for."""
    kept = ("PIP_", "SSL_", "HOME", "REQUESTS_")
    own = {name: value for name, value in os.environ.items() if name.startswith(kept)}
    return {**own, "PATH": path}
