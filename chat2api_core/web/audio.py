"""POST /v1/audio/transcriptions and /v1/audio/translations: recordings as text.

ChatGPT writes a recording down as a whole, so a transcription is an answer of one piece. A
translation is the answer of a turn that is given what was heard. The one rule: a text that is not
whole is never sent as if it were.
"""

from collections.abc import AsyncIterator, Awaitable

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import Caller
from chat2api_core.accounts.hold import Hold
from chat2api_core.dialects.audio.hearing import Hearing, read_hearing
from chat2api_core.dialects.audio.parameters import Route
from chat2api_core.dialects.audio.translation import to_english
from chat2api_core.dialects.audio.written import HeardEncoder, content_type, write
from chat2api_core.dialects.base import Encoder, invalid
from chat2api_core.media.recording import HEAD, Recording, seconds, sound_type
from chat2api_core.problem import Kind, Problem
from chat2api_core.reply import Reply
from chat2api_core.turn import Finished, Prompt, TextDelta
from chat2api_core.upstreams.base import Batch
from chat2api_core.web.admission import admit, caller_of
from chat2api_core.web.deadline import Deadline, deadline_of
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.form import Limits, Upload, read_form
from chat2api_core.web.login import need_login
from chat2api_core.web.respond import Stream, WhileConnected, collected

WEB_ACCOUNTS = ("web",)  # those that can listen and speak


async def transcribe(exchange: Exchange) -> None:
    """Write a recording down."""
    await _hear(exchange, "transcriptions")


async def translate(exchange: Exchange) -> None:
    """Write down in English what a recording says."""
    await _hear(exchange, "translations")


async def _hear(exchange: Exchange, route: Route) -> None:
    caller = caller_of(exchange)
    need_login(caller, "Writing down a recording")
    settings = exchange.gateway.settings
    async with read_form(exchange, Limits(file=settings.max_file)) as form:
        hearing = read_hearing(route, form.fields)
        upload = form.file("file")
        recording = _recording(upload)
        exchange.model = hearing.model
        exchange.prompt = Prompt(hearing.model, ())
        exchange.mark("parse")
        await admit(exchange, caller, hearing.model)
        translates = route == "translations"
        opening = (
            _translated(exchange, caller, hearing, recording)
            if translates
            else _transcribed(exchange, caller, hearing, recording)
        )
        deadline = deadline_of(exchange)
        connected = WhileConnected(exchange)
        async with connected:
            if hearing.stream:
                await Stream(exchange, _Told(), settings.heartbeat, deadline).run(opening)
            else:
                text = await _whole(exchange, deadline, opening)
                await _send(exchange, hearing, upload, text, translates=translates)
        if connected.gone:
            exchange.outcome = "client_gone"


def _recording(upload: Upload) -> Recording:
    mime = sound_type(upload.name, upload.mime)
    if not mime:
        words = "must be a recording: flac, mp3, mp4, mpeg, mpga, m4a, ogg, wav, webm, aac or opus"
        raise invalid(words, "file")
    if not upload.size:
        raise invalid("is empty", "file")
    return Recording(upload.name, mime, upload.size, upload.pieces)


# ----------------------------------------------------------------------------------- the answers


async def _listen(
    exchange: Exchange, caller: Caller, hearing: Hearing, recording: Recording
) -> tuple[str, Hold]:
    gateway = exchange.gateway

    async def ask(account: Account) -> str:
        return await gateway.transcription.hear(account, recording, language=hearing.language)

    return await gateway.engine.on_account(caller, ask, types=WEB_ACCOUNTS)


async def _transcribed(
    exchange: Exchange, caller: Caller, hearing: Hearing, recording: Recording
) -> Reply:
    """What a recording says, as an answer that is there as a whole."""
    text, hold = await _listen(exchange, caller, hearing, recording)
    return _reply(exchange, hearing, text, hold)


async def _translated(
    exchange: Exchange, caller: Caller, hearing: Hearing, recording: Recording
) -> Reply:
    """The answer of a turn that translates what a recording says; silence needs none."""
    text, hold = await _listen(exchange, caller, hearing, recording)
    if not text:
        return _reply(exchange, hearing, text, hold)
    await hold.release()
    prompt = exchange.prompt = to_english(text, hint=hearing.prompt)
    return await exchange.gateway.engine.answer(prompt, caller)


def _reply(exchange: Exchange, hearing: Hearing, text: str, hold: Hold) -> Reply:
    gateway = exchange.gateway
    said = (TextDelta(text),) if text else ()
    answer = _Nothing()
    return Reply(
        Prompt(hearing.model, ()),
        hold.account,
        [(*said, Finished("stop"))],
        answer,
        aiter(answer),
        meter=gateway.meter,
        ledger=gateway.office.ledger,
        on_close=hold.release,
    )


class _Nothing:
    """What follows an answer that is there as a whole."""

    async def __aiter__(self) -> AsyncIterator[Batch]:
        return
        yield

    async def aclose(self) -> None:
        return


class _Told:
    """The manner of a streamed transcription."""

    def encoder(self, _: Reply | None) -> Encoder:
        return HeardEncoder()

    def document(self, reply: Reply) -> bytes:
        return write("json", reply.transcript.text)

    async def keep(self, _: Reply) -> None:
        return


# ----------------------------------------------------------------------------------- the sending


async def _whole(exchange: Exchange, deadline: Deadline, opening: Awaitable[Reply]) -> str:
    """The text of an answer. Raises ``Problem`` CUT where it did not come to its end."""
    async with collected(exchange, deadline, opening) as reply:
        transcript = reply.transcript
    finished = transcript.finished
    if finished is None or finished.reason != "stop":
        message = "The text was not finished: it is too long, or ChatGPT declined to go on."
        raise Problem(Kind.CUT, message, step="stream")
    return transcript.text.strip()


async def _send(
    exchange: Exchange, hearing: Hearing, upload: Upload, text: str, *, translates: bool
) -> None:
    verbose = hearing.form == "verbose_json"
    body = write(
        hearing.form,
        text,
        task="translate" if translates else "transcribe",
        language="english" if translates else hearing.language,
        seconds=seconds(await _head(upload), upload.size) if verbose else 0.0,
    )
    exchange.mark("first")
    length = (b"content-length", str(len(body)).encode())
    await exchange.start(200, [(b"content-type", content_type(hearing.form)), length])
    await exchange.piece(body, more=False)


async def _head(upload: Upload) -> bytes:
    async for piece in upload.pieces():
        return piece[:HEAD]
    return b""
