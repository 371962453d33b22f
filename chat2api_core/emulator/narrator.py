"""From the steps of a reply to the story of an answer. Pure; fresh names come from ``Ids``.

Input: ``begin`` with what the client sent, ``feed`` with each step, then ``close``. Output: lists
of story events, in order. The rules: at most one message is open; every message that was opened is
finished, unless the story fails.
"""

from collections.abc import Callable, Sequence
from typing import Any

from chat2api_core.ambient import Ids
from chat2api_core.emulator.answer import FINISHED, AnswerText, Found
from chat2api_core.emulator.episodes import EPISODES
from chat2api_core.emulator.exchange import Json
from chat2api_core.emulator.messages import make_message, search_groups
from chat2api_core.emulator.replies import (
    Call,
    Cite,
    Cut,
    Fail,
    Frame,
    Handoff,
    Moderated,
    Ping,
    Say,
    Search,
    Stall,
    Step,
    Stop,
    Task,
    Think,
    Typed,
    Wait,
)
from chat2api_core.emulator.scene import Cast, Scene
from chat2api_core.emulator.story import (
    Changed,
    Echoed,
    Grown,
    Happening,
    Patched,
    Snapped,
    Told,
    Verbatim,
)


class Narrator:
    """Tells one answer."""

    def __init__(self, scene: Scene, ids: Ids) -> None:
        self._scene = scene
        self._ids = ids
        self._cast = Cast(scene, ids)
        self._answer: AnswerText | None = None
        self._sections: int | None = None  # of the thoughts that are open
        self._found: list[Found] = []
        self._groups: list[Json] = []
        self._searches = 0
        self._tool = ""
        self._answered = self._judged = self.failed = False
        self._tellers: dict[type[Step], Callable[[Any], list[Happening]]] = {
            Say: self._say, Cite: self._cite, Think: self._think, Moderated: self._moderated,
            Stop: self._stop, Fail: self._fail, Handoff: self._handoff, Task: self._task,
            Typed: self._typed,
            Frame: self._frame, Ping: self._ping, Wait: self._silence, Stall: self._silence,
            Cut: self._silence, Call: self._pass_over,
        }  # fmt: skip

    def begin(self, sent: Sequence[Json]) -> list[Happening]:
        """What comes before the answer: the token to resume with, and echoes of what was sent."""
        system = make_message(
            self._ids.uuid(),
            "system",
            {"content_type": "text", "parts": [""]},
            end_turn=True,
            metadata={"is_visually_hidden_from_conversation": True},
        )
        system["weight"] = 0.0
        token: Json = {"type": "resume_conversation_token", "kind": "topic"}
        token["token"] = self._scene.resume_token
        last = len(sent) - 1
        echoes = [Echoed(message, index == last) for index, message in enumerate(sent)]
        return [Told(token, "v1"), Echoed(system), *echoes]

    def feed(self, step: Step) -> list[Happening]:
        """The events of one step."""
        teller = self._tellers.get(type(step))
        if teller is not None:
            return teller(step)
        tell, tool = EPISODES[type(step)]
        self._tool = self._tool or tool
        events = [*self._finish(), *tell(self._cast, step)]
        if isinstance(step, Search):
            self._find(step)
        return events

    def close(self) -> list[Happening]:
        """The events after the last step. A story that failed has no good end."""
        if self.failed:
            return []
        events = self._finish()
        if self._scene.title:
            events.append(Told({"type": "title_generation", "title": self._scene.title}))
        if self._answered:
            path = "/metadata/conversation_followup_suggestions_eligible"
            events.append(Changed(path, "replace", value=False, quiet=True))
            if not self._judged:
                events.append(Told(self._verdict(blocked=False), "whole"))
        return [
            *events,
            Told({"type": "server_ste_metadata", "metadata": self._server_metadata()}, "v1"),
            Told({"type": "message_stream_complete"}, "v1"),
            Told(self._details(), "v1"),
        ]

    def _open_answer(self) -> tuple[AnswerText, list[Happening]]:
        """The answer's message, opened if it was not."""
        if self._answer is not None:
            return self._answer, []
        events = self._finish()
        self._answer = AnswerText(self._cast)
        groups, self._groups = self._groups, []
        return self._answer, events + self._answer.open(groups)

    def _finish(self, reason: str = "stop") -> list[Happening]:
        """Finish the message that is open, if any."""
        if self._sections is not None:
            self._sections = None
            return [Patched((FINISHED,))]
        if self._answer is None:
            return []
        answer, self._answer = self._answer, None
        self._answered = True
        return answer.finish(reason)

    def _flush(self) -> list[Happening]:
        return self._answer.flush() if self._answer is not None else []

    def _pass_over(self, _: Call) -> list[Happening]:
        """Nothing of this is told by this backend."""
        return []

    def _say(self, step: Say) -> list[Happening]:
        answer, events = self._open_answer()
        if step.patched:
            return events + answer.patch(step.pieces)
        return events + answer.grow(step.pieces)

    def _cite(self, step: Cite) -> list[Happening]:
        answer, events = self._open_answer()
        return events + answer.cite(step, self._found)

    def _find(self, step: Search) -> None:
        self._groups += search_groups(self._searches, step.sources)
        self._found += [
            Found(source, f"turn{self._searches}search{index}")
            for index, source in enumerate(step.sources)
        ]
        self._searches += 1

    def _think(self, step: Think) -> list[Happening]:
        events: list[Happening] = []
        if self._sections is None:
            content: Json = {
                "content_type": "thoughts",
                "thoughts": [],
                "source_analysis_msg_id": self._ids.uuid(),
            }
            metadata: Json = {"reasoning_status": "is_reasoning"}
            events += self._finish()
            events.append(
                self._cast.started("assistant", content, channel="analysis", metadata=metadata)
            )
            events.append(self._cast.marker("cot_token", "first"))
            self._sections = 0
        section = [{"summary": step.summary, "content": ""}]
        events.append(Changed("/content/thoughts", "append", section))
        if step.pieces:
            events.append(Grown(f"/content/thoughts/{self._sections}/content", step.pieces))
        self._sections += 1
        return events + self._recap(step.recap) if step.recap else events

    def _recap(self, seconds: int) -> list[Happening]:
        content: Json = {"content_type": "reasoning_recap", "content": f"Thought for {seconds}s"}
        metadata: Json = {"reasoning_status": "reasoning_ended", "finished_duration_sec": seconds}
        recap = self._cast.whole("assistant", content, channel="analysis", metadata=metadata)
        return [*self._finish(), recap]

    def _stop(self, step: Stop) -> list[Happening]:
        return self._finish(step.reason)

    def _moderated(self, step: Moderated) -> list[Happening]:
        self._judged = True
        return [*self._finish(), Told(self._verdict(blocked=step.blocked))]

    def _verdict(self, *, blocked: bool) -> Json:
        response: Json = {
            "flagged": blocked,
            "disclaimers": [],
            "blocked": blocked,
            "moderation_id": f"modr-{self._ids.hex(8)}",
        }
        return {
            "type": "moderation",
            "message_id": self._cast.last_id,
            "is_completion": True,
            "moderation_response": response,
        }

    def _fail(self, step: Fail) -> list[Happening]:
        self.failed = True
        events = self._flush()
        coded: Json = {"message": step.message, "code": step.code or None}
        if step.form == "typed":
            error: object = coded if step.code else step.message
            return [*events, Told({"type": "error", "error": error})]
        if step.form == "snapshot":
            document: Json = {"message": None, "error": step.message}
            return [*events, Snapped({**document, "error_code": step.code or None})]
        error = coded if step.form == "object" else step.message
        return [*events, Told({"message": None, "error": error})]

    def _handoff(self, step: Handoff) -> list[Happening]:
        exchange = self._scene.turn_exchange_id
        topic = f"conversation-turn-{exchange}"
        event: Json = {
            "type": "stream_handoff",
            "turn_exchange_id": exchange,
            "options": [{"type": option, "topic_id": topic} for option in step.options],
        }
        return [*self._flush(), Told(event), step]

    def _task(self, step: Task) -> list[Happening]:
        """The stream has its good end while the task is at work."""
        at_work: Json = {"type": "conversation_async_status", "async_status": 1}
        return [
            *self._finish(),
            Told(at_work, "v1"),
            Told({"type": "message_stream_complete"}, "v1"),
            step,
        ]

    def _typed(self, step: Typed) -> list[Happening]:
        return [*self._flush(), Told(step.event)]

    def _frame(self, step: Frame) -> list[Happening]:
        return [*self._flush(), Verbatim(step.text.encode())]

    def _ping(self, _step: Ping) -> list[Happening]:
        return [*self._flush(), Verbatim(f": ping - {self._scene.now:.0f}\n\n".encode())]

    def _silence(self, step: Wait | Stall | Cut) -> list[Happening]:
        return [*self._flush(), step]

    def _server_metadata(self) -> Json:
        scene = self._scene
        return {
            "model_slug": scene.model,
            "default_model_slug": "auto",
            "plan_type": scene.plan or None,
            "cluster_region": "emulator-1",
            "turn_exchange_id": scene.turn_exchange_id,
            "turn_use_case": "text",
            "is_first_turn": scene.first_turn,
            "tool_invoked": bool(self._tool),
            "tool_name": self._tool or None,
            "fast_convo": True,
            "did_auto_switch_to_reasoning": False,
        }

    def _details(self) -> Json:
        return {
            "type": "conversation_detail_metadata",
            "banner_info": None,
            "blocked_features": [],
            "model_limits": [],
            "limits_progress": list(self._scene.limits),
            "default_model_slug": "auto",
        }
