"""Runs with the events that are known when lists are made."""

import dataclasses

import numpy as np

from m6rec_cli.config.resolve import resolve
from m6rec_cli.data.events import Events
from m6rec_cli.inference.current_evidence import with_known_events


def known(run, events, *sets):
    """The catalogue of a run after `with_known_events`."""
    config = resolve(sets=[f"recommend.{s}" for s in sets], command="recommend").recommend
    return with_known_events(run, config, events).catalogue


def with_ranking(run, **weights):
    """The run with some other ranking weights."""
    ranking = dataclasses.replace(run.catalogue.ranking, **weights)
    return dataclasses.replace(run, catalogue=dataclasses.replace(run.catalogue, ranking=ranking))


def pairs(item, other, n):
    """A log of n users with an event on `item`, then one on `other`."""
    return Events(
        user_row=np.repeat(np.arange(n, dtype=np.int32), 2),
        item_row=np.tile(np.array([item, other], np.int32), n),
        timestamp=np.arange(2 * n),
        event=np.zeros(2 * n, np.uint8),
        weight=np.ones(2 * n, np.float32),
        label=np.ones(2 * n, bool),
        split=np.zeros(2 * n, np.uint8),
    )
