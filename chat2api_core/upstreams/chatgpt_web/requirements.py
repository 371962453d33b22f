"""What ChatGPT's requirements answers say: which proofs a turn needs, and the tokens it grants.

In: the bodies of the sentinel answers and of the preparation of a turn. Out: typed values, or a
``Problem`` of kind GARBAGE; and the bodies that are sent for them.
The rule that must hold: what is missing or null is "not required".

Source of the shapes: seen in the web client, in its one-step and its two-step form.
"""

from msgspec import UNSET, DecodeError, Struct, UnsetType, field, json

from chat2api_core.problem import Kind, Problem, Step
from chat2api_core.upstreams.chatgpt_web.proof import Challenge

# Characters; real ones have about a dozen and six.
_MAX_SEED = 1024
_MAX_DIFFICULTY = 128


class Requirements(Struct, frozen=True):
    """What a turn needs. The one-step form grants ``token`` at once; the two-step form grants
    ``prepare_token``, to be exchanged with the proof. ``challenge`` is None where no proof of work
    is asked for. ``persona`` is opaque (``chatgpt-noauth``, ``chatgpt-freeaccount``, ...)."""

    token: str = ""
    prepare_token: str = ""
    persona: str = ""
    challenge: Challenge | None = None
    turnstile_required: bool = False
    arkose_required: bool = False
    so_required: bool = False
    force_login: bool = False

    def __repr__(self) -> str:
        return f"Requirements(persona={self.persona!r}, challenge={self.challenge!r}, ...)"


class _Flag(Struct):
    required: bool | None = None


class _Work(Struct):
    required: bool | None = None
    seed: str | None = None
    difficulty: str | None = None


class _Answer(Struct):
    token: str | None = None
    prepare_token: str | None = None
    persona: str | None = None
    work: _Work | None = field(name="proofofwork", default=None)
    turnstile: _Flag | None = None
    arkose: _Flag | None = None
    so: _Flag | None = None
    force_login: bool | None = None


class _Token(Struct):
    token: str | None = None


class _Conversation(Struct):
    current_node: str


class _Conduit(Struct):
    conduit_token: str | None = None


_answers = json.Decoder(_Answer)
_tokens = json.Decoder(_Token)
_conduits = json.Decoder(_Conduit)
_conversations = json.Decoder(_Conversation)


class _Opening(Struct):
    p: str


class _Final(Struct):
    prepare_token: str
    work: str | UnsetType = field(name="proofofwork", default=UNSET)
    turnstile: str | UnsetType = UNSET


def opening_body(requirements_token: str) -> bytes:
    """What the requirements are asked for with, in both forms."""
    return json.encode(_Opening(requirements_token))


def finalize_body(prepare_token: str, proof: str = "", turnstile: str = "") -> bytes:
    """The second of the two steps. What is empty was not asked for and is left out."""
    return json.encode(_Final(prepare_token, proof or UNSET, turnstile or UNSET))


def read_requirements(body: bytes) -> Requirements:
    """The answer of the one-step call or of the first of the two steps. Raises ``Problem``
    (GARBAGE) for anything else, also when it grants no token at all."""
    try:
        answer = _answers.decode(body)
    except (DecodeError, UnicodeDecodeError) as error:
        raise _garbage("sentinel") from error
    token, prepare_token = answer.token or "", answer.prepare_token or ""
    if not (token or prepare_token):
        raise _garbage("sentinel")
    return Requirements(
        token=token,
        prepare_token=prepare_token,
        persona=answer.persona or "",
        challenge=_challenge(answer.work),
        turnstile_required=_required(answer.turnstile),
        arkose_required=_required(answer.arkose),
        so_required=_required(answer.so),
        force_login=bool(answer.force_login),
    )


def read_final(body: bytes) -> str:
    """The requirements token that the second of the two steps grants. Raises ``Problem``."""
    try:
        token = _tokens.decode(body).token
    except (DecodeError, UnicodeDecodeError) as error:
        raise _garbage("sentinel") from error
    if not token:
        raise _garbage("sentinel")
    return token


def read_conduit(body: bytes) -> str:
    """The conduit token of a prepared turn, empty where none is given. Raises ``Problem``."""
    try:
        return _conduits.decode(body).conduit_token or ""
    except (DecodeError, UnicodeDecodeError) as error:
        raise _garbage("conversation") from error


def read_current_node(body: bytes) -> str:
    """The last message of a kept conversation, after which a turn goes on. Raises ``Problem``."""
    try:
        return _conversations.decode(body).current_node
    except (DecodeError, UnicodeDecodeError) as error:
        raise _garbage("conversation") from error


def requirements_fault(requirements: Requirements, *, anonymous: bool) -> Problem | None:
    """What in the requirements makes the turn impossible, if anything.

    Turnstile is not: it is not always enforced, so the turn is tried without."""
    if requirements.arkose_required:
        return Problem(
            Kind.ARKOSE_REQUIRED,
            "ChatGPT asks for an Arkose puzzle, which this gateway does not solve. "
            "Use another account or another network address.",
            step="sentinel",
        )
    if requirements.force_login and anonymous:
        return Problem(
            Kind.LOGIN_REQUIRED,
            "ChatGPT does not chat without a login from this network address. "
            "Configure an account, or use another network address.",
            step="sentinel",
        )
    if requirements.force_login:
        return Problem(
            Kind.UNAUTHORIZED,
            "ChatGPT asks the account to log in again: its access token has lost its validity.",
            step="sentinel",
        )
    return None


def _required(flag: _Flag | None) -> bool:
    return flag is not None and bool(flag.required)


def _challenge(work: _Work | None) -> Challenge | None:
    if work is None or not work.required:
        return None
    seed, difficulty = work.seed or "", work.difficulty or ""
    if len(seed) > _MAX_SEED or len(difficulty) > _MAX_DIFFICULTY:
        raise _garbage("sentinel")
    return Challenge(seed, difficulty)


def _garbage(step: Step) -> Problem:
    where = "the requirements of a turn" if step == "sentinel" else "the preparation of a turn"
    return Problem(Kind.GARBAGE, f"ChatGPT's answer to {where} could not be understood.", step=step)
