"""The README as a test: its commands parse, its paths exist, its keys are keys, its two lines are what CI runs."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import typer.main

from m6rec_cli.cli.app import app
from m6rec_cli.config import resolve
from m6rec_cli.config.settings import PRESETS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def shell_commands(text: str) -> Iterator[list[str]]:
    """Every command of a shell text as words: comments and redirections away, `&&` and line ends divide."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        words = words[: words.index(">")] if ">" in words else words
        while "&&" in words:
            yield words[: words.index("&&")]
            words = words[words.index("&&") + 1 :]
        if words:
            yield words


def m6rec_commands() -> list[list[str]]:
    run = re.sub(
        r"^stage ", "m6rec ", (ROOT / "sample_data/run.sh").read_text(), flags=re.MULTILINE
    )
    run = "".join(re.findall(r"^m6rec (?:.*\\\n)*.*\n", run, re.MULTILINE))
    everything = [words for block in (*SHELL, run) for words in shell_commands(block)]
    return [words for words in everything if words[0] == "m6rec"]


def settings(words: list[str]) -> Iterator[str]:
    yield from (value for flag, value in pairwise(words) if flag == "--set")


def options(command: str) -> set[str]:
    return {
        name
        for parameter in COMMANDS[command].params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def test_readme_shows_every_command():
    assert {words[1] for words in m6rec_commands()} == set(COMMANDS)


@pytest.mark.parametrize("words", m6rec_commands(), ids=lambda words: " ".join(words)[:70])
def test_command_of_the_readme_parses(words: list[str]):
    # Parsing alone: `make_context` checks flags, values and what is required, and runs nothing.
    command = COMMANDS[words[1]]
    with command.make_context(words[1], list(words[2:]), resilient_parsing=False):
        pass
    for setting in settings(words):
        resolve.resolve(sets=[setting])


def test_flags_in_the_table_of_commands_exist():
    rows = re.findall(r"^\| `m6rec (\w+)` \|.*\| (`--.*`) \|$", README, re.MULTILINE)
    assert {name for name, _ in rows} == set(COMMANDS)
    for name, flags in rows:
        assert set(flags.strip("`").split()) <= options(name), name


def test_flags_named_in_the_text_exist():
    known = {"--help"}.union(*(options(name) for name in COMMANDS))
    own = re.sub(r"```sh.*?```", "", README, flags=re.DOTALL)
    for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", own):
        assert flag in known, flag


def test_configuration_keys_of_the_readme_exist():
    named = set(
        re.findall(r"`((?:data|model|train|recommend|evaluate)\.[a-z_.]+)(?:=\w+)?`", README)
    )
    assert len(named) > 10
    assert named <= set(resolve.keys())


def test_presets_of_the_readme_exist():
    for name in PRESETS:
        assert f"`{name}`" in README or f"--preset {name}`" in README


def test_paths_of_the_readme_exist():
    links = {target for target in re.findall(r"\]\(([^)]+)\)", README) if "://" not in target}
    named = set(re.findall(r"`((?:m6rec_cli|sample_data|tests|\.ci)/[\w/.]*)`", README))
    assert "LICENSE" in links
    assert len(named) > 8
    headings = {
        re.sub(r"[^a-z -]", "", h.lower()).replace(" ", "-")
        for h in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    anchors = {target.removeprefix("#") for target in links if target.startswith("#")}
    assert len(anchors) > 8
    assert anchors <= headings
    for path in {target for target in links if not target.startswith("#")} | named:
        assert (ROOT / path).exists(), path


def test_suffixes_of_the_readme_are_the_readers():
    from m6rec_cli.system import registry

    table = README[README.index("| Suffix |") : README.index("Columns are found")]
    known = {
        s
        for name in registry.names("preprocessing.readers")
        for s in registry.load("preprocessing.readers", name).SUFFIXES
    }
    assert set(re.findall(r"`(\.\w+)`", table)) - {".gz"} <= known


def test_feature_kinds_of_the_readme_are_the_schema():
    from m6rec_cli.system.feature_spec import KINDS

    table = README[README.index("| Kind |") : README.index("A missing cell")]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(KINDS)


def one_line(title: str) -> list[list[str]]:
    block = re.search(rf"\*\*{title}\*\*.*?```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    assert block[1].count("\n") == 1, "one line"
    return list(shell_commands(block[1]))


def test_both_lines_are_what_ci_runs():
    ci = (ROOT / ".ci/run").read_text()
    install, tests = one_line("Tests")[-2:]
    assert install == ["pip", "install", "-e", ".[test]"]
    assert re.search(r"pip install --quiet -e '\.\[test\]'$", ci, re.MULTILINE)
    assert ["pip", "install", "."] in one_line("Main job")
    assert re.search(r"pip install --quiet \.$", ci, re.MULTILINE)
    assert f"step tests {' '.join(tests)}\n" in ci
    assert f"step 'main job' {' '.join(one_line('Main job')[-1])} " in ci
    assert one_line("Main job")[:2] == one_line("Tests")[:2]


@pytest.mark.parametrize("script", ["sample_data/run.sh", ".ci/run"])
def test_scripts_are_shell_that_bash_reads(script: str):
    subprocess.run(["bash", "-n", ROOT / script], check=True)


def test_changelog_begins_with_what_is_unreleased():
    headings = re.findall(
        r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert headings[0] == "[Unreleased]"


def test_sample_shop_is_what_its_script_makes(tmp_path: Path):
    script = ROOT / "sample_data/make_shop.py"
    subprocess.run([sys.executable, "-B", script, tmp_path], check=True, timeout=120)
    made = {p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file()}
    kept = {p.relative_to(ROOT / "sample_data") for p in (ROOT / "sample_data").rglob("*.csv")}
    kept |= {p.relative_to(ROOT / "sample_data") for p in (ROOT / "sample_data/images").iterdir()}
    assert made == kept
    for name in sorted(made):
        if name.suffix == ".csv":
            assert (tmp_path / name).read_bytes() == (ROOT / "sample_data" / name).read_bytes(), (
                name
            )
    assert sum((tmp_path / name).stat().st_size for name in made) < 3_000_000


def test_show_prints_lists_with_titles_and_a_summary(tmp_path: Path):
    show, shop = ROOT / "sample_data/show.py", ROOT / "sample_data"
    (tmp_path / "recs.csv").write_text(
        "user_id,item_id,rank,score,basis\nU0003,P0001,1,-1.0,history\nU9999,P0002,1,-2.0,popularity\n"
    )
    (tmp_path / "s.json").write_text(
        '{"users": 1200, "best": {"ndcg@10": 0.25}, "cleaning": [{"rule": "odd", "dropped": 3}, {"rule": "none", "dropped": 0}],'
        ' "systems": {"out/run": {"masked": {"ndcg@10": 0.25, "recall@10": 0.5, "coverage@10": 0.75},'
        ' "unmasked": {"ndcg@10": 0.125}, "intervals": {}}}}'
    )
    done = subprocess.run(
        [sys.executable, show, "lists", tmp_path / "recs.csv", shop],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "U0003 (39, m, designer); the list rests on: history" in done.stdout
    assert "Ostra Iris weekly planner" in done.stdout
    assert "U9999 (unknown); the list rests on: popularity" in done.stdout
    done = subprocess.run(
        [sys.executable, show, "summary", tmp_path / "s.json"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "users: 1,200\n" in done.stdout
    assert "odd: 3 dropped\n" in done.stdout
    assert "none" not in done.stdout
    assert re.search(r"run +0\.2500 +- +0\.5000 +0\.7500 +0\.1250", done.stdout)
