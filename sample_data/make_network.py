"""A seed to a small social network: people who follow each other and like each other's posts.

    python sample_data/make_network.py FOLDER

Each person has one of six interests, shown only by the words of the profile; each post has one,
shown only by its words. Four in five follows and likes stay within the interest. `nodes.csv` has
people and posts as items with one kind of id; `people.csv` has the people as users; `people.txt`
has their ids. Two people are new: they follow nobody and nobody follows them. The dirt: some people
follow themselves.
"""

import sys
from pathlib import Path

import numpy as np
import polars as pl

SEED, PEOPLE, POSTS, NEW, EVENTS = 20250106, 150, 150, 2, 16
WORDS = (
    "chess openings endgame bishop tournament",
    "sourdough oven crust flour baking",
    "trail summit ridge hiking boots",
    "violin quartet sonata concert bow",
    "tomato compost seedlings garden soil",
    "telescope comet orbit eclipse stars",
)
PLAIN = ["about", "today", "with", "some", "more", "for", "everyone", "here"]


def sentence(interest: int, rng: np.random.Generator) -> str:
    """Three words of the interest among three neutral ones, in random order."""
    words = [*rng.choice(WORDS[interest].split(), 3, replace=False), *rng.choice(PLAIN, 3)]
    return " ".join(rng.permutation(words))


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python sample_data/make_network.py FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    interest = {
        **{f"person{n}": n % len(WORDS) for n in range(PEOPLE)},
        **{f"post{n}": n % len(WORDS) for n in range(POSTS)},
    }
    text = {name: sentence(of, rng) for name, of in interest.items()}
    names = list(interest)
    people = names[:PEOPLE]
    rows = []
    for n, person in enumerate(people[:-NEW]):
        # Nobody follows the new people yet.
        others = [x for x in names if x != person and x not in people[-NEW:]]
        odds = np.array([4.0 if interest[x] == interest[person] else 0.2 for x in others])
        chosen = rng.choice(others, EVENTS, replace=False, p=odds / odds.sum())
        nodes = [*chosen, person] if n % 10 == 0 else chosen
        for at, node in enumerate(nodes):
            event = "follow" if node.startswith("person") else "like"
            rows.append((person, node, 1_700_000_000 + 3600 * at + n, event))
    columns = ["user_id", "item_id", "timestamp", "event"]
    pl.DataFrame(rows, schema=columns, orient="row").write_csv(folder / "events.csv")
    kinds = ["person" if name.startswith("person") else "post" for name in names]
    pl.DataFrame({"item_id": names, "kind": kinds, "words": list(text.values())}).write_csv(
        folder / "nodes.csv"
    )
    pl.DataFrame({"user_id": people, "about": [text[name] for name in people]}).write_csv(
        folder / "people.csv"
    )
    (folder / "people.txt").write_text("\n".join(people) + "\n")


if __name__ == "__main__":
    main()
