"""Recommend items: to a user, to everybody, or what comes next in a session or after items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from clickcli.analysis import Column, Table
from clickcli.cli.command import Command
from clickcli.cli.opened import store_path
from clickcli.cli.options import Flag, make
from clickcli.cli.output import General, Output, emit, target
from clickcli.config import Settings, load
from clickcli.errors import UsageError
from clickcli.recommend import Answer, Recommender, Weekday, Wish
from clickcli.render.page import Page, Sheet, sheet_of_frame, sheet_of_rows

if TYPE_CHECKING:
    from clickcli.store import Store

_WHO: Final = "People"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Options of ``recommend``."""

    user: Annotated[str | None, Flag("To this user.", metavar="ID", group=_WHO)] = None
    device: Annotated[
        str | None, Flag("To whom this device belongs.", metavar="ID", group=_WHO)
    ] = None
    all: Annotated[bool, Flag("To everybody, from the ready lists.", group=_WHO)] = False
    session: Annotated[
        str | None,
        Flag("What comes next in this session, by the id that the log gives it.", metavar="ID",
             group=_WHO),
    ] = None  # fmt: skip
    items: Annotated[
        tuple[str, ...],
        Flag("What comes next after this item, the latest last.", metavar="ITEM",
             group=_WHO),
    ] = ()  # fmt: skip
    k: Annotated[
        int, Flag("Items of a list.", kind="count", minimum=1, maximum=10_000, short="k",
                  group="Lists")
    ] = 10  # fmt: skip
    allow_repeat: Annotated[
        bool, Flag("Recommend items that the person had, too.", group="Lists")
    ] = False
    exclude: Annotated[
        tuple[str, ...], Flag("Never this item.", metavar="ITEM", group="Lists")
    ] = ()
    category: Annotated[
        str | None, Flag("Only items of this category.", metavar="NAME", group="Lists")
    ] = None
    max_price: Annotated[
        float | None,
        Flag("Only items whose last price is known and at most this.", minimum=0, group="Lists"),
    ] = None
    hour: Annotated[
        int | None,
        Flag("First what does better than usual at this hour, 0 to 23, in the zone of training "
             "(train --tz).", metavar="H", minimum=0, maximum=23, group="Lists"),
    ] = None  # fmt: skip
    weekday: Annotated[
        Weekday | None,
        Flag("The same for a day, monday to sunday; lifts are smoothed by 10 interactions.",
             metavar="DAY", group="Lists"),
    ] = None  # fmt: skip
    strict: Annotated[
        bool, Flag("Exit with 4 for whom the model does not know.", group="Lists")
    ] = False


_ITEMS: Final = Table(
    "recommendations",
    "Items, the best first.",
    (
        Column("person_id", "string", "key", "user or device; none for a session or items"),
        Column("rank", "int64", "key", "place in the list, from 1"),
        Column("item_id", "string", "key", "item"),
        Column("score", "float64", "score", "score by the method; compare within a list only"),
        Column("why", "string", "text", "what the person had that carried it most"),
        Column("source", "string", "text", "method, or trending where it had nothing to say"),
        Column("model", "string", "text", "id of the model"),
        Column("trained_as_of", "string", "text", "the moment that the model knows"),
    ),
    keys=("person_id", "rank"),
    is_list=True,
)


def _asked(parameters: Parameters) -> str:
    """Return which of the questions is asked; UsageError unless it is one."""
    given = {
        "user": parameters.user is not None, "device": parameters.device is not None,
        "all": parameters.all, "session": parameters.session is not None,
        "items": bool(parameters.items),
    }  # fmt: skip
    asked = [name for name, is_given in given.items() if is_given]
    if len(asked) != 1:
        raise UsageError(
            "give one of --user, --device, --all, --session and --items",
            hint=COMMAND.examples[0],
        )
    if asked[0] == "all" and (parameters.allow_repeat or parameters.strict):
        raise UsageError("--all gives the lists as they were trained: no --allow-repeat, --strict")
    return asked[0]


def _answer(recommender: Recommender, parameters: Parameters) -> tuple[Answer, Sheet]:
    asked = _asked(parameters)
    wish = Wish(
        parameters.k, frozenset(parameters.exclude), parameters.category, parameters.max_price,
        parameters.hour, parameters.weekday,
    )  # fmt: skip
    repeats, strict = parameters.allow_repeat, parameters.strict
    if asked == "all":
        frame, answer = recommender.everybody(wish)
        return answer, sheet_of_frame(_ITEMS, frame.select(_ITEMS.names()))
    if asked == "items":
        answer = recommender.items(parameters.items, wish, allow_repeat=repeats)
    elif parameters.session is not None:
        answer = recommender.session(
            parameters.session, wish, allow_repeat=repeats, is_strict=strict
        )
    else:
        who = parameters.user if parameters.user is not None else parameters.device
        assert who is not None
        answer = recommender.user(
            who, wish, is_device=asked == "device", allow_repeat=repeats, is_strict=strict
        )
    rows = [
        (one.person_id, one.rank, one.item_id, one.score, one.why, one.source, one.model,
         one.trained_as_of)
        for one in answer.rows
    ]  # fmt: skip
    return answer, sheet_of_rows(_ITEMS, rows)


def _recommender(store: Store, settings: Settings) -> Recommender:
    privacy = settings.given("privacy")
    known = {name: value for name, value in privacy.items() if name != "key_file"}
    own = {**settings.given("dataset"), **known}
    return Recommender(store, own, key_file=privacy.get("key_file"))


def _run(given: Mapping[str, Any]) -> None:
    from clickcli.store import Store

    general, parameters, settings = make(General, given), make(Parameters, given), load()
    _asked(parameters)
    to = target(make(Output, given), general, configured=settings["format"])
    with Store.open(store_path(general, settings)) as store:
        answer, sheet = _answer(_recommender(store, settings), parameters)
    emit(Page("recommend", 1, (sheet,), answer.meta, answer.notes, title="Recommended"), to)


COMMAND = Command(
    "recommend",
    "Recommend items: to a user, to everybody, or what comes next in a session or after items.",
    (Parameters, Output, General),
    _run,
    examples=(
        "clickcli recommend --user 42",
        "clickcli recommend --items p_010 --items p_033 -k 5 --allow-repeat",
        "clickcli recommend --user 42 --hour 20 --weekday friday",
        "clickcli recommend --all -k 20 -o lists.parquet",
    ),
)
