"""``python -m chat2api_core login`` is the command."""

import json
from pathlib import Path

import pytest

from chat2api_core.__main__ import main
from chat2api_core.config import load

Capture = pytest.CaptureFixture[str]


def test_the_word_login_signs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)  # no settings file
    file = tmp_path / "auth.json"
    tokens = {"access_token": "a", "refresh_token": "rt_x", "account_id": "acc-1", "id_token": ""}
    file.write_text(json.dumps({"OPENAI_API_KEY": None, "tokens": tokens}))
    assert main(["login", "--import", str(file)]) == 0

    printed = capsys.readouterr().out
    settings = load({"CHATGPT_ACCOUNTS": f"[{printed}]"}, cwd=tmp_path)
    (account,) = settings.accounts
    assert (account.type, account.account_id) == ("codex", "acc-1")
    assert settings.notices == ()


@pytest.mark.parametrize(
    ("words", "said"), [(["--help"], "login"), (["login", "--help"], "--device")]
)
def test_help_tells_of_it(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    assert said in capsys.readouterr().out
