"""Function calling and structured outputs over an upstream that knows text only. Pure.

Calls travel as text, in a grammar with a marker drawn for each request (``grammar``). The engine
needs four modules: ``teach`` and ``parser`` for tools, ``structured`` for formats, ``faults`` for
both. One turn, with ``prompt`` as the client asked it:

    marker = new_marker(ids)                        # grammar; keep it for the whole turn
    asked = teach(prompt, marker)                   # if teach.needed(prompt); may raise Problem
    parser = ToolCallParser(prompt, marker, ids)    # exactly when taught
    asked = teach_format(asked)                     # structured; if prompt.format.kind != "text"
    form = FormatStage(prompt.format)               # behind the parser

    for each delta of the upstream's answer to ``asked``:
        hand on what parser.feed(delta) gives, through form.feed

    while stage.faults:                             # stage: parser, then form
        if tries or time are up:
            hand on stage.give_up()                 # a Finished, or raises Problem
            break
        ask again: asked.messages + (stage.said, repair_message(stage.faults, marker))
                                                    # or the message alone, in the same conversation
        stage.resume()
        feed the new answer to the same chain

What holds, so that the engine need not look into anything:

- ``Finished`` comes out only after an answer without faults; ``faults`` is to be looked at after
  the upstream's ``Finished`` was fed, and is emptied by ``resume``. Until then it may be kept: the
  client sees a silence, never an end.
- A fault whose ``goes_on`` is false is repaired unseen: nothing of that call was handed out. Else
  the next answer goes on from what was sent; whether the model then repeats the call from its
  beginning or writes only the rest, nothing goes out twice. Calls that were right are kept, with
  their indexes; ids are drawn once for each call.
- A ``cut`` fault is an answer that stopped at the upstream's length inside of a call. Where it is
  the client's own ``max_tokens`` that cut, call ``give_up`` at once: it hands out ``length``.
- In the answer to a repair, text beside calls is dropped, for the client knows nothing of the
  question. If no call comes and none has to, its text is handed out as the answer.
- The tool choice and ``parallel_tool_calls`` are kept by the parser itself: a call that may not be
  made does not go out, and a missing one is a fault (``not_called``).
- ``Finished`` says ``tool_calls`` when calls were made and the upstream said ``stop``.
- Citations are moved to where their text now stands; those inside of calls are gone.
- ``Started``, reasoning and pictures pass at once. Only text and citations are ever held.
- An answer in a form that declines instead is handed out as ``RefusalDelta``.
- Sampling settings stay in ``asked``; usage of repairs is for the engine to add up. A stop sequence
  or a token limit of the client has to be applied behind these stages.
"""
