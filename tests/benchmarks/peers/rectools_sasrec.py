"""RecTools' SASRec on one log: CPU seconds, targets and validation NDCG@10 per epoch.

Runs in the environment that `_peers.py` makes. Arguments: LOG.csv (user_id, item_id, order; without
each user's last event), JSON of settings. Each user's last row is the validation event. Prints one
JSON object per line: `targets`, `cpu`, `ndcg`.
"""

import json
import sys
import time
import warnings

import numpy as np
import pandas as pd
import torch
from pytorch_lightning import Trainer
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
path, settings = sys.argv[1], json.loads(sys.argv[2])
log = pd.read_csv(path)
valid = log.groupby("user_id").tail(1)
train = log.drop(valid.index)
frame = pd.DataFrame(
    {
        Columns.User: train.user_id,
        Columns.Item: train.item_id,
        Columns.Weight: 1.0,
        Columns.Datetime: pd.Timestamp("2000-01-01") + pd.to_timedelta(train.order, unit="s"),
    }
)
dataset = Dataset.construct(frame)
length = settings["length"]
targets = int(np.minimum(train.groupby("user_id").size() - 1, length).clip(lower=0).sum())


def trainer() -> Trainer:
    return Trainer(
        max_epochs=1,
        min_epochs=1,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


model = SASRecModel(
    n_blocks=2,
    n_heads=2,
    n_factors=64,
    dropout_rate=settings["dropout"],
    session_max_len=length,
    loss="softmax",
    lr=settings["lr"],
    batch_size=settings["batch"],
    epochs=1,
    get_trainer_func=trainer,
    recommend_torch_device="cpu",
)
truth = valid[valid.item_id.isin(train.item_id) & valid.user_id.isin(train.user_id)]
best, waited = -1.0, 0
for _ in range(settings["epochs"]):
    start = time.process_time()
    model.fit_partial(dataset, min_epochs=1, max_epochs=1)
    epoch_figures = {"targets": targets, "cpu": time.process_time() - start}
    if settings["patience"]:
        lists = model.recommend(truth.user_id.to_numpy(), dataset, k=10, filter_viewed=True)
        hits = lists.merge(
            truth.rename(columns={"user_id": Columns.User, "item_id": Columns.Item}),
            on=[Columns.User, Columns.Item],
        )
        epoch_figures["ndcg"] = float((1 / np.log2(hits[Columns.Rank] + 1)).sum() / len(valid))
        best, waited = (
            (epoch_figures["ndcg"], 0) if epoch_figures["ndcg"] > best else (best, waited + 1)
        )
    print(json.dumps(epoch_figures), flush=True)
    if settings["patience"] and waited >= settings["patience"]:
        break
