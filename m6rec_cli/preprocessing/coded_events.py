"""A raw event table to blocks on disk, with codes for ids and event kinds.

All events of a user are in one block. The table is read twice, in parts: for the events, then for
the text of each distinct id.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.preprocessing.cleaning import id_checks
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.columns import id_codes
from m6rec_cli.preprocessing.event_blocks import EventBlocks, block_bits
from m6rec_cli.preprocessing.event_columns import event_columns, identifiers
from m6rec_cli.preprocessing.event_kinds import KindCodes
from m6rec_cli.preprocessing.readers._base import OWN
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.preprocessing.tables import ROW, Table
from m6rec_cli.system.feature_spec import Entity
from m6rec_cli.system.temporary import require_room

_ROWS_PER_PART = 1 << 20
_CODE_BYTES = 8
"""What the codes of a user and an item take, beside their hashes."""
_NO_ROW = np.uint32(2**32 - 1)


@dataclass(frozen=True)
class CodedEvents:
    """Raw events on disk.

    Attributes:
        blocks: `user` and `item` u32 codes, null where the id is missing; `event` u32 codes if the
            schema has kinds; the other columns of `event_columns`.
        users: The id of each code.
        items: The id of each code.
        kinds: The event kind of each code.
    """

    blocks: EventBlocks
    users: pl.Series
    items: pl.Series
    kinds: pl.Series


def read_coded_events(
    table: Table, schema: Schema, folder: Path, *, label: str | None, cleaning: CleaningLog
) -> CodedEvents:
    """Read the columns that have roles, and check the ids.

    Args:
        folder: A temporary folder for the blocks.
        label: The `--positive` expression.

    Raises:
        M6RecError: An id is rounded, lost letters or holds a line break; or the temporary folder
            has no room.
    """
    expressions = identifiers(table, schema)
    bits = block_bits(table.n_rows)
    blocks, kinds = EventBlocks(folder / "raw", 1 << bits), KindCodes()
    items = _write_hashes(table, schema, label, expressions, blocks, kinds, bits)
    rows = _hashes_to_codes(blocks, items, bits)
    ids = id_codes.texts_of_ids(table, expressions, rows)
    known: dict[Entity, pl.Series] = {}
    entities: tuple[Entity, Entity] = ("user", "item")
    for entity in entities:
        firsts = pl.DataFrame({ROW: rows[entity], "id": ids[entity]})
        column = getattr(schema, entity)
        joined = id_checks.check_event_ids(firsts, table, column)
        if joined is not None:
            n = _count_codes(blocks, entity, joined != ids[entity])
            id_checks.count_joined(cleaning, "events", entity, n, ids[entity], joined)
            known[entity] = joined.unique(maintain_order=True)
            codes = joined.replace_strict(
                known[entity], np.arange(len(known[entity]), dtype=np.uint32)
            )
            blocks = _recoded(blocks, entity, codes, folder)
        else:
            known[entity] = ids[entity]
    return CodedEvents(blocks, known["user"], known["item"], kinds.names)


def _write_hashes(
    table: Table,
    schema: Schema,
    label: str | None,
    expressions: dict[str, pl.Expr],
    blocks: EventBlocks,
    kinds: KindCodes,
    bits: int,
) -> np.ndarray:
    """Write the events with hashes for ids, and return the distinct hashes of items.

    The leading bits of the hash of a user are the number of their block.
    """
    # Ids get a step of their own: otherwise Polars computes them anew for each use.
    with_ids = table.frame.with_columns(
        expression.alias(f"{OWN}{name}") for name, expression in expressions.items()
    )
    hashes = [id_codes.hash_ids(pl.col(f"{OWN}{name}")).alias(_hash(name)) for name in expressions]
    parts = with_ids.select(*hashes, *event_columns(table, schema, label)).collect_batches(
        chunk_size=_ROWS_PER_PART, engine="streaming"
    )
    items = id_codes.DistinctHashes()
    for i, part in enumerate(parts):
        frame = part.with_columns(kinds.encode(part["event"])) if schema.event else part
        if i == 0:
            bytes_per_event = frame.estimated_size() / max(len(frame), 1) + _CODE_BYTES
            require_room(blocks.folder.parent, table.n_rows, round(table.n_rows * bytes_per_event))
        items.add(frame[_hash("item")])
        users = frame[_hash("user")].fill_null(0).to_numpy()
        blocks.append(frame, users >> np.uint64(64 - bits) if bits else np.zeros(len(users), int))
    return items.sorted()


def _hashes_to_codes(blocks: EventBlocks, items: np.ndarray, bits: int) -> dict[str, np.ndarray]:
    """Replace the hashes of users and items by codes; the first row of each code, u32."""
    item_rows, user_rows, n_users = np.full(len(items), _NO_ROW), [], 0
    for block in range(blocks.n_blocks):
        frame = blocks.read(block, ROW, _hash("user"), _hash("item"))
        rows = np.append(frame[ROW].to_numpy(), _NO_ROW)
        # Hashes of a block begin with the same bits: without them they are spread evenly.
        spread = frame[_hash("user")] * 2**bits
        users, first = id_codes.hash_codes(spread)
        user_rows.append(rows[first])
        items_of, first = id_codes.hash_codes(frame[_hash("item")], known=items)
        np.minimum(item_rows, rows[first], out=item_rows)
        codes = [(users + n_users).alias("user"), items_of.alias("item")]
        blocks.append_block(pl.DataFrame(codes), block)
        n_users += len(user_rows[-1])
    blocks.drop(_hash("user"), _hash("item"))
    return {"user": np.concatenate(user_rows), "item": item_rows}


def _hash(entity: str) -> str:
    """The column with the hash of an id."""
    return f"hash of {entity}"


def _count_codes(blocks: EventBlocks, column: str, chosen: pl.Series) -> int:
    """Number of events whose code is chosen."""
    return sum(
        int(chosen.gather(blocks.read(block, column)[column]).sum())
        for block in range(blocks.n_blocks)
    )


def _recoded(blocks: EventBlocks, entity: Entity, codes: pl.Series, folder: Path) -> EventBlocks:
    """The events with other codes; those of users who became one are in one block again."""
    target = EventBlocks(folder / f"raw with other codes of {entity}s", blocks.n_blocks)
    for block in range(blocks.n_blocks):
        frame = blocks.read(block)
        frame = frame.with_columns(codes.gather(frame[entity]).alias(entity))
        users = frame["user"].fill_null(0).to_numpy()
        target.append(frame, users % blocks.n_blocks)
    blocks.remove()
    return target
