"""The sentinel's desk: which tokens were given out, to whom, and whether they may still be used.

Input: a caller and what it shows. Output: fresh tickets, or ``Refused`` with the 403 of the real
service. The rules: a requirements token opens one conversation call, of the caller it was given to,
within its time, and only with the proof that was asked for. Texts of refusals end with the reason,
which the real service does not tell.
"""

from collections import OrderedDict

import msgspec
from msgspec import Struct

from chat2api_core.ambient import Clock, Ids
from chat2api_core.emulator.accounts import Caller
from chat2api_core.emulator.exchange import Call, Json, Refused, refusal
from chat2api_core.emulator.faults import UNUSUAL_ACTIVITY
from chat2api_core.emulator.proof import check_proof, check_requirements
from chat2api_core.emulator.script import Demands
from chat2api_core.emulator.tokens import make_jwt

_MAX_TICKETS = 8192
_CHALLENGE = "ZW11bGF0b3I="
_HEADER = "openai-sentinel-"
TOKEN_HEADER = _HEADER + "chat-requirements-token"
PREPARE_HEADER = _HEADER + "chat-requirements-prepare-token"
PROOF_HEADER = _HEADER + "proof-token"
# What can be enforced, and the header that would answer it.
_EXTRAS = (
    ("turnstile", _HEADER + "turnstile-token"),
    ("arkose", _HEADER + "arkose-token"),
    ("so", _HEADER + "so-token"),
)


class Ticket(Struct):
    """What was issued in one sentinel round."""

    owner: str
    device: str
    agent: str
    demands: Demands
    expires: float
    seed: str
    prepare_token: str = ""
    proof: str = ""


def unusual(reason: str) -> Refused:
    """The 403 of a failed check, with the reason behind it."""
    return Refused(refusal(403, f"{UNUSUAL_ACTIVITY} (emulator: {reason})"))


class Desk:
    """All tickets of one emulator, the oldest forgotten first."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._prepared: OrderedDict[str, Ticket] = OrderedDict()
        self._ready: OrderedDict[str, Ticket] = OrderedDict()
        self._conduits: OrderedDict[str, tuple[str, tuple[str, ...]]] = OrderedDict()

    def issue(self, call: Call, caller: Caller, demands: Demands, p: str) -> Json:
        """The answer of the one-step form to this ``p``."""
        ticket = self._ticket(call, caller, demands, p)
        token = "gAAAAAB" + self._ids.hex(48)
        self._keep(self._ready, token, ticket)
        answer = self._describe(ticket, caller)
        answer["token"] = token
        return answer

    def prepare(self, call: Call, caller: Caller, demands: Demands, p: str) -> Json:
        """The answer of the first of the two steps."""
        ticket = self._ticket(call, caller, demands, p)
        ticket.prepare_token = "gAAAAAB" + self._ids.hex(48)
        self._keep(self._prepared, ticket.prepare_token, ticket)
        answer = self._describe(ticket, caller)
        answer.update(
            token="", prepare_token=ticket.prepare_token, expire_after=demands.expire_after
        )
        return answer

    def finalize(self, call: Call, caller: Caller, prepare_token: str, proof: str) -> Json:
        """The answer of the second step; its prepare token is spent by it."""
        ticket = self._take(self._prepared, prepare_token, call, caller, "prepare token")
        self._check_proof(ticket, call, proof)
        ticket.proof = proof
        token = "gAAAAAB" + self._ids.hex(48)
        self._keep(self._ready, token, ticket)
        return {
            "persona": caller.persona,
            "token": token,
            "expire_after": ticket.demands.expire_after,
        }

    def admit(self, call: Call, caller: Caller) -> None:
        """Check the sentinel headers of a conversation call. Its token is spent by it."""
        ticket = self._take(
            self._ready, call.header(TOKEN_HEADER), call, caller, "requirements token"
        )
        if call.header(PREPARE_HEADER) != ticket.prepare_token:
            raise unusual("the prepare token is not the one of this round")
        proof = call.header(PROOF_HEADER)
        if not ticket.proof:
            self._check_proof(ticket, call, proof)
        elif proof != ticket.proof:
            raise unusual("the proof is not the one that was finalized")
        for name, header in _EXTRAS:
            if getattr(ticket.demands, name) == "enforced" and not call.header(header):
                raise unusual(f"{name} is enforced and no token came")
        if ticket.demands.force_login:
            raise unusual("a login is enforced")

    def conduit(self, caller: Caller, hints: tuple[str, ...] = ()) -> str:
        """A fresh conduit token for this caller and a turn with these switches."""
        payload = {"conduit_uuid": self._ids.hex(32), "exp": int(self._clock.now()) + 600}
        token = make_jwt(msgspec.json.encode(payload))
        self._conduits[token] = caller.owner, hints
        if len(self._conduits) > _MAX_TICKETS:
            self._conduits.popitem(last=False)
        return token

    def check_conduit(self, call: Call, caller: Caller) -> None:
        """A conduit token may be left out; one that is shown must be the caller's."""
        token = call.header("x-conduit-token")
        if token and self._conduits.get(token, ("", ()))[0] != caller.owner:
            raise unusual("the conduit token was not given to this caller")

    def check_prepared(self, call: Call, hint: str) -> None:
        """A turn of this kind must have been prepared as one."""
        _, hints = self._conduits.get(call.header("x-conduit-token"), ("", ()))
        if hint not in hints:
            raise unusual(f"the turn was not prepared with {hint}")

    def clear(self) -> None:
        """Forget all tickets."""
        self._conduits.clear()
        self._prepared.clear()
        self._ready.clear()

    def _ticket(self, call: Call, caller: Caller, demands: Demands, p: str) -> Ticket:
        if caller.account is None and not call.device:
            raise unusual("a caller without a login needs an OAI-Device-Id")
        reason = check_requirements(p, call.header("user-agent"), call.device)
        if reason is not None:
            raise unusual(reason)
        return Ticket(
            owner=caller.owner,
            device=call.device,
            agent=call.header("user-agent"),
            demands=demands,
            expires=self._clock.monotonic() + demands.expire_after,
            seed=f"0.{int(self._ids.hex(12), 16)}",
        )

    def _describe(self, ticket: Ticket, caller: Caller) -> Json:
        demands = ticket.demands
        proof: Json = {"required": bool(demands.difficulty)}
        if demands.difficulty:
            proof.update(seed=ticket.seed, difficulty=demands.difficulty)
        turnstile: Json = {"required": demands.turnstile != "off"}
        if demands.turnstile != "off":
            turnstile["dx"] = _CHALLENGE
        arkose = demands.arkose != "off"
        so: Json = {"required": demands.so != "off"}
        if demands.so != "off":
            so.update(collector_dx=_CHALLENGE, snapshot_dx=_CHALLENGE)
        return {
            "persona": caller.persona,
            "arkose": {"required": arkose, "dx": _CHALLENGE if arkose else None},
            "turnstile": turnstile,
            "proofofwork": proof,
            "so": so,
            "force_login": demands.force_login,
        }

    def _keep(self, tickets: OrderedDict[str, Ticket], token: str, ticket: Ticket) -> None:
        tickets[token] = ticket
        if len(tickets) > _MAX_TICKETS:
            tickets.popitem(last=False)

    def _take(
        self,
        tickets: OrderedDict[str, Ticket],
        token: str,
        call: Call,
        caller: Caller,
        name: str,
    ) -> Ticket:
        ticket = tickets.get(token)
        if ticket is None:
            raise unusual(f"the {name} is missing, unknown or used")
        if ticket.owner != caller.owner or ticket.device != call.device:
            raise unusual(f"the {name} was given to somebody else")
        if ticket.agent != call.header("user-agent"):
            raise unusual(f"the {name} was given to another User-Agent")
        del tickets[token]
        if ticket.expires <= self._clock.monotonic():
            raise unusual(f"the {name} has expired")
        return ticket

    def _check_proof(self, ticket: Ticket, call: Call, proof: str) -> None:
        if not ticket.demands.difficulty:
            return
        if not proof:
            raise unusual("a proof of work is required and none came")
        reason = check_proof(
            proof, ticket.seed, ticket.demands.difficulty, call.header("user-agent"), call.device
        )
        if reason is not None:
            raise unusual(reason)
