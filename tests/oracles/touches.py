"""Where did each session come from, and what became of the sources.

*Definition*: A session's touch is that of its first event. Where that is none, the touch of the
person's latest earlier session that had one, in the order of first events; without one, `NOT_SET`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import Event
from .sessions import Bounce, Rule, Session, sessions

Told = tuple[str, str]
"""Source and medium."""
NOT_SET: Told = ("(not set)", "(not set)")


def touched(
    events: Iterable[Event],
    told: Callable[[Event], Told | None],
    *,
    timeout_us: int,
    rule: Rule = "cut",
    bounce: Bounce = "engaged",
) -> list[tuple[Session, Told]]:
    """Return every session with its source; `told` is None where an event is no touch."""
    log = {event.seq: event for event in events}
    found: list[tuple[Session, Told]] = []
    previous: dict[str, Told] = {}
    for session in sessions(log.values(), timeout_us=timeout_us, rule=rule, bounce=bounce):
        touch = told(log[session["seqs"][0]])
        if touch is None:
            touch = previous.get(session["person"], NOT_SET)
        else:
            previous[session["person"]] = touch
        found.append((session, touch))
    return found
