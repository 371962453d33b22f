"""The requirements before a turn: fetch them, do the proof of work, collect the tokens.

Two forms are served by ChatGPT: one step (``chat-requirements``) and two (``prepare``, then
``finalize`` with the proof). Each has its variant of the proof, unless POW_ALGORITHM differs.
Tokens are good for one turn. What we cannot honestly show (Turnstile, Arkose) is left out, and
whether it was asked for is told to the caller, who may have to explain a refusal by it.
"""

import asyncio
from typing import Literal

from msgspec import Struct

from chat2api_core.ambient import Clock, Ids
from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.headers import SentinelTokens
from chat2api_core.upstreams.chatgpt_web.page import Page
from chat2api_core.upstreams.chatgpt_web.proof import (
    EASY_TRIES,
    Browser,
    Challenge,
    Element,
    Variant,
    config_array,
    easy,
    requirements_token,
    solve,
    too_hard,
)
from chat2api_core.upstreams.chatgpt_web.requirements import (
    Requirements,
    finalize_body,
    opening_body,
    read_final,
    read_requirements,
    requirements_fault,
)
from chat2api_core.upstreams.chatgpt_web.site import Site

_ONE_STEP = "/sentinel/chat-requirements"
_PREPARE = "/sentinel/chat-requirements/prepare"
_FINALIZE = "/sentinel/chat-requirements/finalize"

Form = Literal["current", "legacy"]
Algorithm = Literal["auto", "sha3", "fnv"]


class Cleared(Struct, frozen=True):
    """Leave to begin a turn: the tokens, and which CAPTCHAs were announced."""

    tokens: SentinelTokens
    turnstile_asked: bool = False
    arkose_asked: bool = False


class Sentinel:
    """``pow_limit`` is the difficulty at and below which a proof is not tried, ``pow_timeout`` the
    seconds that one may take."""

    def __init__(
        self,
        *,
        browser: Browser,
        algorithm: Algorithm,
        pow_limit: str,
        pow_timeout: float,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._browser = browser
        self._algorithm: Algorithm = algorithm
        self._pow_limit = pow_limit
        self._pow_timeout = pow_timeout
        self._clock = clock
        self._ids = ids

    async def clear(self, site: Site, page: Page, form: Form) -> Cleared | None:
        """Fetch the requirements, meet them, and return the tokens of one turn; None if the site
        does not know this form. Raises ``Problem`` of step "sentinel" or "proof"."""
        variant = self._variant(form)
        array = config_array(
            variant,
            browser=self._browser,
            page=page,
            device_id=site.identity.device_id,
            now=self._clock.now(),
            ids=self._ids,
        )
        opening = await self._opening(variant, array)
        path = _PREPARE if form == "current" else _ONE_STEP
        answer = await site.post(path, opening_body(opening), step="sentinel")
        if answer is None:
            return None
        asked = read_requirements(answer)
        fault = requirements_fault(asked, anonymous=not site.identity.access_token)
        if fault is not None:
            raise fault
        proof = await self._proof(variant, asked.challenge, array) if asked.challenge else ""
        final = asked.token
        if form == "current":
            granted = await site.post(
                _FINALIZE, finalize_body(asked.prepare_token, proof), step="sentinel"
            )
            if granted is None:
                return None
            final = read_final(granted)
        return _cleared(asked, final, proof)

    def _variant(self, form: Form) -> Variant:
        if self._algorithm != "auto":
            return self._algorithm
        return "fnv" if form == "current" else "sha3"

    async def _opening(self, variant: Variant, array: list[Element]) -> str:
        if variant == "fnv":  # no search: not worth a thread
            return requirements_token(variant, array, ids=self._ids)
        return await asyncio.to_thread(requirements_token, variant, array, ids=self._ids)

    async def _proof(self, variant: Variant, challenge: Challenge, array: list[Element]) -> str:
        if too_hard(challenge, self._pow_limit):
            message = (
                f"ChatGPT asks for a proof of work of difficulty {challenge.difficulty}, which"
                " POW_DIFFICULTY refuses to try. It gets easier after a while, or from another"
                " network address."
            )
            raise Problem(Kind.PROOF_TOO_HARD, message, step="proof")
        if easy(challenge):  # that takes less time than reaching a thread
            try:
                return solve(variant, challenge, array, max_tries=EASY_TRIES)
            except Problem as problem:
                if problem.kind is not Kind.PROOF_TOO_HARD:
                    raise
        end = self._clock.monotonic() + self._pow_timeout
        return await asyncio.to_thread(
            solve, variant, challenge, array, deadline=lambda: self._clock.monotonic() > end
        )


def _cleared(asked: Requirements, final: str, proof: str) -> Cleared:
    tokens = SentinelTokens(requirements=final, prepare=asked.prepare_token, proof=proof)
    return Cleared(tokens, asked.turnstile_required, asked.arkose_required)
