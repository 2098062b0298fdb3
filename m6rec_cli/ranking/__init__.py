"""The ranking stage: model, item graphs and popularity, weighed into one score."""
