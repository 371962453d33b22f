"""The messages of an answer, one after the other: what each is to it, and which came last. Pure.

In:   messages as they stand after every change. A conversation is a tree of them; an answer is a
      branch of it, and a next turn goes on after its leaf.
Out:  deltas in the manuscript's ``out``: ``Started`` when the first of them is shown, searches, and
      that a picture is begun; the scribe writes down the rest.

The one rule: echoes of what was sent and everything hidden are no part of the answer. Of a message
that comes once more only what is new counts.
"""

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import FinishReason, PictureBegun, Started, WebSearch
from chat2api_core.upstreams.chatgpt_web.content import Form, form_of, is_painting, reason_of
from chat2api_core.upstreams.chatgpt_web.delta import object_of, text_of
from chat2api_core.upstreams.chatgpt_web.echoes import Echoes
from chat2api_core.upstreams.chatgpt_web.rope import Rope
from chat2api_core.upstreams.chatgpt_web.scribe import Scribe

_HOLDING = frozenset({Form.PROSE, Form.MIXED, Form.PICTURES})  # what the answer itself stands in


class Branch:
    """The branch as far as it has grown. ``paints``: a picture was ordered."""

    __slots__ = (
        "_answered", "_begun", "_echoes", "_named", "_page", "_painting", "_scribe", "_searched",
        "_sought", "leaf", "model", "over", "reason", "started",
    )  # fmt: skip

    def __init__(self, scribe: Scribe, echoes: Echoes, *, paints: bool) -> None:
        self.model = ""
        self.leaf = ""  # the message that came last
        self.reason: FinishReason = "stop"  # why the leaf ended
        self.over = False  # the leaf says that the turn is over
        self.started = False
        self._scribe = scribe
        self._page = scribe.page
        self._echoes = echoes
        self._answered: set[str] = set()  # the messages of the answer
        self._named = False  # it was said which message holds the answer
        self._painting = paints  # a picture is to come
        self._begun = False  # and that it is being made was said
        self._searched: set[str] = set()  # the calls of the web tool that were read
        self._sought: list[WebSearch] = []  # what they said before the answer began

    @property
    def awaits_picture(self) -> bool:
        """Whether a picture is still to come, though not in this stream. Words that end the turn
        may be a refusal; where one was said to be begun, they may announce it."""
        if not self._painting or self._scribe.amending or self._scribe.has_pictures:
            return False
        return self._begun or not self.over

    @property
    def is_empty(self) -> bool:
        """Whether no message of the answer has come: that one is begun is none."""
        return not self._answered

    def concerns(self, message_id: str, message: dict[str, object]) -> bool:
        """Whether a message is no part of a branch that answers: one of somebody who asks."""
        return self._echoes.concern(message_id, message)

    def take(
        self, message_id: str, message: dict[str, object], tip: Rope | None, *, new: bool
    ) -> None:
        """Take in a message as it stands now. ``tip`` is the text that was just appended to."""
        metadata = object_of(message.get("metadata"))
        if self._page.sources.learn(message_id, text_of(message.get("status")), metadata):
            self._page.settle()
        self.model = text_of(metadata.get("model_slug")) or self.model
        form = form_of(message)
        if is_painting(message):
            self._painting = True
            self.paint()
        if form is Form.SEARCH:
            self._search(message_id, message)
        elif form is not Form.HIDDEN:
            may = new and not self.started
            if not self._echoes.take(message_id, form, message, may=may):
                self._answer(message_id, message, form, tip)

    def paint(self) -> None:
        """Say, once, that the picture that is to come, if one is, is being made: from here on
        nobody else is asked for it."""
        if self._painting and not self._begun:
            self._begun = True
            self.start()
            self._page.out.append(PictureBegun())

    def end(self) -> None:
        """No more messages come. Where the whole answer came at once and says the same as an
        earlier one, it looked like an echo."""
        echo = self._echoes.last()
        if not self.started and echo is not None:
            self._answer(*echo, Form.PROSE, None)

    def missing(self) -> Problem:
        """What to say of a turn that is over and has no answer."""
        if self._begun:
            message = "ChatGPT ended the turn without the picture that it had begun."
            return Problem(Kind.UPSTREAM_ERROR, message, step="picture")
        message = "ChatGPT ended the turn without an answer."
        return Problem(Kind.UPSTREAM_ERROR, message, step="stream")

    def extend(self) -> None:
        """A next turn goes on with the same answer."""
        self.reason = "stop"
        self.over = False

    def start(self) -> None:
        """Say that the answer begins, once."""
        if not self.started:
            self.started = True
            self._tell()
            self._page.out += self._sought

    def _answer(
        self, message_id: str, message: dict[str, object], form: Form, tip: Rope | None
    ) -> None:
        """A message of the answer itself."""
        if message_id not in self._answered:
            self._answered.add(message_id)
            self.leaf = message_id
            self._name(holds=form in _HOLDING)
        self._scribe.show(message_id, form, message, tip)
        if message_id == self.leaf:
            self.reason = reason_of(message)
            self.over = message.get("end_turn") is True

    def _name(self, *, holds: bool) -> None:
        """Say which message the answer stands in, as soon as it is known: with the beginning, and
        once more if it began with something else."""
        began = self.started
        self.start()
        if holds and not self._named:
            self._named = True
            if began:
                self._tell()

    def _tell(self) -> None:
        self._page.out.append(Started(self.model, self._page.conversation_id, message_id=self.leaf))

    def _search(self, message_id: str, message: dict[str, object]) -> None:
        """A call of the web tool. By itself it is no answer: it is told of with what follows."""
        if message_id in self._searched or text_of(message.get("status")) == "in_progress":
            return
        self._searched.add(message_id)
        from chat2api_core.upstreams.chatgpt_web.searches import searches_of  # noqa: PLC0415 (few search)

        steps = searches_of(message)
        if self.started:
            self._page.out += steps
        else:
            self._sought += steps
