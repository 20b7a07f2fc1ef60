"""Trained models: arrays and a manifest, ``models/NAME.ID.*``, put there by one commit.

The catalog names the files with their checksums. A model is of one store: its manifest says which,
and at what state of it. What takes people or their names out of events drops the models.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clickcli.errors import DataError, UsageError
from clickcli.store.arrays import write_array
from clickcli.store.catalog import Catalog
from clickcli.store.derived import State, state_of
from clickcli.store.layout import make_file, storage_errors
from clickcli.store.rework import reworking
from clickcli.store.types import wall_clock

if TYPE_CHECKING:
    from numpy.typing import NDArray

KIND: Final = "models"
"""Kind of the files in the catalog, and their folder."""
MANIFEST: Final = "manifest.json"
_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Model:
    """A trained model as it is kept: its manifest, and the files of its arrays by name."""

    id: str
    manifest: Mapping[str, Any]
    files: Mapping[str, Path]
    bytes: int
    state: State


def keep_model(
    catalog: Catalog,
    name: str,
    arrays: Mapping[str, NDArray[Any]],
    manifest: Mapping[str, Any],
    state: State,
    wait_s: float = 0.0,
    now: Callable[[], int] = wall_clock,
) -> str:
    """Make this the model of that name, in place of the one before; returns its id.

    ``state`` is that of the store when its events were read. The id is a digest of the arrays and
    the manifest. Raises UsageError when people were taken out, linked or hidden meanwhile: the
    model may know what must be forgotten.
    """
    with reworking(catalog, None, wait_s, now) as work:
        present = state_of(catalog)
        if (present.removed, present.edits, present.lists) != (
            state.removed, state.edits, state.lists
        ):  # fmt: skip
            raise UsageError(
                "events or people were changed while the model was trained",
                hint="run it again",
            )
        body = json.dumps(manifest, sort_keys=True, allow_nan=False)
        digest = sha256(body.encode())
        with storage_errors(f"cannot write the store {catalog.root}"):
            folder = work.folder
            for word in sorted(arrays):
                write_array(folder / f"{word}.npy", arrays[word])
                digest.update(word.encode() + (folder / f"{word}.npy").read_bytes())
            number = digest.hexdigest()[:_DIGITS]
            kept = {
                "id": number, "store": store_name(catalog), "state": asdict(state),
                "arrays": sorted(arrays), "model": manifest,
            }  # fmt: skip
            make_file(folder / MANIFEST)
            (folder / MANIFEST).write_text(json.dumps(kept, sort_keys=True), "utf-8")
        rows = {f"{word}.npy": len(array) for word, array in arrays.items()} | {MANIFEST: 1}
        made = {f"{KIND}/{name}.{number}.{file}": file for file in rows}
        for target, file in made.items():
            work.replace(folder / file, KIND, target, rows[file])
        for known in catalog.files(KIND):
            if _is_of(known.path, name) and known.path not in made:
                work.drop(known.path)
        work.commit()
    return number


def model(catalog: Catalog, name: str) -> Model | None:
    """Return the model of this name, None where there is none.

    Raises DataError for a model that another store trained.
    """
    with catalog.reading():
        rows = [file for file in catalog.files(KIND) if _is_of(file.path, name)]
        files = {
            Path(file.path).name.split(".", 2)[2]: catalog.resolve(file).absolute() for file in rows
        }
        own = store_name(catalog)
    if MANIFEST not in files:
        return None
    again = "train it again: clickcli train"
    with storage_errors(f"cannot read the store {catalog.root}"):
        try:
            kept = json.loads(files[MANIFEST].read_text("utf-8"))
            state, number, manifest = State(**kept["state"]), str(kept["id"]), kept["model"]
            store = kept["store"]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{files[MANIFEST]} is damaged: {error}", hint=again) from error
    if store != own:
        raise DataError(f"the model {number} was trained on another store", hint=again)
    arrays = {word.removesuffix(".npy"): path for word, path in files.items() if word != MANIFEST}
    return Model(number, manifest, arrays, sum(file.bytes for file in rows), state)


def age_of(model: Model, present: State) -> str | None:
    """Return what happened to the store since a model's events were read, None for nothing."""
    before = model.state
    if (before.removed, before.edits) != (present.removed, present.edits):
        return "events that it was trained on were changed or removed since"
    if present.next_seq > before.next_seq:
        return f"{present.next_seq - before.next_seq} events came since it was trained"
    return "links or consent changed since" if before.lists != present.lists else None


def store_name(catalog: Catalog) -> str:
    """Return what tells a store from any other: the instant of its first ingest, as a digest."""
    at = catalog.value("SELECT at FROM batches ORDER BY id LIMIT 1")
    return sha256(f"{at}".encode()).hexdigest()[:_DIGITS]


def _is_of(path: str, name: str) -> bool:
    """Return whether a file belongs to the model of a name."""
    return Path(path).name.startswith(f"{name}.")
