"""RecBole's GRU4Rec on one log: CPU seconds and targets per epoch, and evaluated users per second.

Runs in the environment that `_peers.py` makes. Arguments: LOG.csv (user_id, item_id, order; without
each user's last event), JSON of settings. Prints one JSON object per line: `targets`, `cpu`; then
`users_per_second` of the full-sort evaluation.
"""

import json
import pathlib
import sys
import tempfile
import time

import pandas as pd
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, get_trainer, init_seed

torch.set_num_threads(1)
path, settings = sys.argv[1], json.loads(sys.argv[2])
sys.argv = sys.argv[:1]  # RecBole reads them too
log = pd.read_csv(path)
with tempfile.TemporaryDirectory() as folder:
    (pathlib.Path(folder) / "log").mkdir()
    log.columns = ["user_id:token", "item_id:token", "timestamp:float"]
    log.to_csv(f"{folder}/log/log.inter", sep="\t", index=False)
    config = Config(
        model="GRU4Rec",
        dataset="log",
        config_dict={
            "data_path": folder,
            "USER_ID_FIELD": "user_id",
            "ITEM_ID_FIELD": "item_id",
            "TIME_FIELD": "timestamp",
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            "MAX_ITEM_LIST_LENGTH": settings["length"],
            "embedding_size": 64,
            "hidden_size": 128,
            "num_layers": 1,
            "dropout_prob": 0.3,
            "loss_type": "CE",
            "train_neg_sample_args": None,
            "train_batch_size": settings["batch"],
            "eval_batch_size": 4096,
            "learning_rate": 1e-3,
            "show_progress": False,
            "use_gpu": False,
            "eval_args": {
                "split": {"LS": "valid_only"},
                "group_by": "user",
                "order": "TO",
                "mode": "full",
            },
            "metrics": ["Recall", "NDCG"],
            "topk": [10],
            "valid_metric": "NDCG@10",
            "state": "ERROR",
            "checkpoint_dir": folder,
        },
    )
    init_seed(0, True)
    dataset = create_dataset(config)
    parts = [part for part in data_preparation(config, dataset) if part is not None and len(part)]
    model = get_model("GRU4Rec")(config, parts[0].dataset)
    trainer = get_trainer(config["MODEL_TYPE"], "GRU4Rec")(config, model)
    for epoch in range(settings["epochs"]):
        start = time.process_time()
        trainer._train_epoch(parts[0], epoch)
        print(
            json.dumps({"targets": len(parts[0].dataset), "cpu": time.process_time() - start}),
            flush=True,
        )
    start = time.monotonic()
    trainer.evaluate(parts[1], load_best_model=False)
    print(
        json.dumps(
            {"users_per_second": log["user_id:token"].nunique() / (time.monotonic() - start)}
        )
    )
