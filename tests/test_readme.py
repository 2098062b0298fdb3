"""The documents as tests: commands parse, paths and keys exist, tables say what the code knows."""

import re
import subprocess
from itertools import pairwise
from typing import get_args

import pytest
import typer.main

from m6rec_cli.cli.app import app
from m6rec_cli.cli.examples import EXAMPLES
from m6rec_cli.config import resolve
from m6rec_cli.config.keys import all_keys
from m6rec_cli.config.settings import PRESETS, Config
from m6rec_cli.system.progress import EventName
from tests import documents
from tests.documents import DOCUMENTS, GUIDES, READMES, ROOT, Command

README = READMES["README.md"]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
USER_DOCUMENTS = {n: t for n, t in DOCUMENTS.items() if not n.startswith("tests/")}
PLACEHOLDERS = ("$setting", "train.seed=$seed")


def m6rec_commands() -> list[Command]:
    """Every different `m6rec` command of documents, help pages and the sample shop's script."""
    run = (ROOT / "sample_data/run.sh").read_text(encoding="utf-8")
    run = "".join(re.findall(r"^ *m6rec (?:.*\\\n)*.*\n", run, re.MULTILINE))
    shells = [block for text in DOCUMENTS.values() for block in documents.blocks(text)]
    shown = [command for examples in EXAMPLES.values() for _, command in examples]
    found = [
        command for shell in (*shells, *shown, run) for command in documents.m6rec_commands(shell)
    ]
    return list({str(command): command for command in found}.values())


def options(command: str) -> set[str]:
    return {
        name
        for parameter in COMMANDS[command].params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


# --- commands, flags, keys ---


def test_documents_show_every_command():
    assert {c.words[1] for c in m6rec_commands()} >= set(COMMANDS) - {"guide"}
    assert set(documents.first_cells(README, "Command")) == {f"m6rec {name}" for name in COMMANDS}


@pytest.mark.parametrize("command", m6rec_commands(), ids=lambda command: str(command)[:90])
def test_command_of_the_documents_parses(command: Command):
    # `make_context` checks flags, values and required arguments, and runs nothing.
    _, name, *words = command.words
    with COMMANDS[name].make_context(name, list(words), resilient_parsing=False):
        pass
    for flag, value in pairwise(words):
        if flag == "--set" and value not in PLACEHOLDERS:
            resolve.resolve(sets=[value])


@pytest.mark.parametrize("name", USER_DOCUMENTS)
def test_flags_named_in_the_text_exist(name: str):
    known = {"--help"}.union(*map(options, COMMANDS))
    named = re.findall(r"(?<![\w-])--[a-z][a-z-]+", documents.prose(DOCUMENTS[name]))
    assert set(named) <= known


@pytest.mark.parametrize("name", DOCUMENTS)
def test_configuration_keys_named_in_the_text_exist(name: str):
    key = r"\b(?:data|model|train|recommend|evaluate)\.(?:[a-z_]+\.)*[a-z_]+\b"
    code = " ".join(re.findall(r"`([^`\n]+)`", documents.prose(DOCUMENTS[name])))
    assert set(re.findall(rf"(?<![\w/.]){key}(?![\w/.])", code)) <= set(all_keys(Config))


def test_every_document_names_keys():
    names = [name for name in DOCUMENTS if re.search(r"`(model|train|data)\.\w+", DOCUMENTS[name])]
    assert len(names) > 8


def test_guides_named_in_the_documents_exist():
    named = {
        topic
        for text in DOCUMENTS.values()
        for topic in re.findall(r"`m6rec guide ([a-z-]+)`", text)
    }
    assert named
    assert named <= set(GUIDES)


# --- paths and form ---


@pytest.mark.parametrize("name", DOCUMENTS)
def test_paths_of_the_documents_exist(name: str):
    text, folder = DOCUMENTS[name], (ROOT / name).parent
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        assert not path or (folder / path).exists(), target
        assert not anchor or anchor in anchors(text), target
    named = re.findall(r"`((?:m6rec_cli|sample_data|tests|\.ci)/[\w/.]*)`", text)
    named += re.findall(r"^(?:python|bash) ([\w/]+\.\w+)", text, re.MULTILINE)
    for path in named:
        assert (ROOT / path).exists(), path


def anchors(markdown: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", documents.prose(markdown), re.MULTILINE)
    return {re.sub(r"[^a-z -]", "", h.lower()).replace(" ", "-") for h in headings}


def test_modules_of_the_article_table_exist():
    table = documents.rows(READMES["m6rec_cli/model/README.md"], "Article")
    modules = [path for row in table for path in re.findall(r"`([^`]+)`", row[1])]
    assert len(modules) > 12
    for path in modules:
        assert (ROOT / "m6rec_cli" / path).exists(), path


def test_documents_are_short_and_narrow():
    assert README.count("\n") <= 250
    for name, text in {**READMES, "CHANGELOG.md": changelog()}.items():
        assert max(map(len, text.splitlines())) <= 100, name
    for path in (ROOT / "m6rec_cli/guides").glob("*.md"):
        assert max(map(len, path.read_text(encoding="utf-8").splitlines())) <= 100, path.name


def changelog() -> str:
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_changelog_begins_with_what_is_unreleased():
    headings = re.findall(r"^## (.*)$", changelog(), re.MULTILINE)
    assert headings[:2] == ["[Unreleased]", "[0.1.0]"]


# --- what the code knows ---


def test_suffixes_of_the_readme_are_those_of_the_readers():
    from m6rec_cli.preprocessing.readers._base import READERS

    known = {suffix for name in READERS.names() for suffix in READERS.load(name).SUFFIXES}
    named: set[str] = set()
    for row in documents.rows(README, "Suffix"):
        suffixes = re.findall(r"`(\.\w+)`", row[0])
        packed = [s for s in suffixes if s in (".gz", ".zst")]
        plain = [s for s in suffixes if s not in packed]
        suffixes = [s + p for s in plain for p in ("", *packed)]
        named |= set(suffixes)
    assert named == known


def test_feature_kinds_of_the_documents_are_those_of_the_code():
    from m6rec_cli.preprocessing.features._base import FEATURE_KINDS

    for text in (README, GUIDES["own-data"]):
        assert sorted(documents.first_cells(text, "Kind")) == sorted(FEATURE_KINDS.names())


def test_metrics_of_the_evaluation_guide_are_those_of_the_code():
    from m6rec_cli.evaluation.metrics._base import METRICS

    table = documents.rows(GUIDES["evaluation"], "Metric")
    meanings = {name.strip(" `"): meaning.strip() for name, meaning in table}
    known = {name: METRICS.load(name).DISPLAY.meaning for name in METRICS.names()}
    assert meanings == known


def test_baselines_of_the_documents_are_those_of_the_code():
    from m6rec_cli.evaluation.baselines._base import BASELINES

    text = GUIDES["evaluation"]
    named = text[text.index("--baselines ") :].split()[1].split(",")
    assert sorted(named) == sorted(BASELINES.option_names())
    table = {name.strip(" `"): by.strip() for name, by in documents.rows(text, "Baseline")}
    names = BASELINES.option_names()
    assert table == {name: BASELINES.load_option(name).RANKS_BY for name in names}


def test_splits_of_the_data_guide_are_the_choices():
    splits = documents.first_cells(GUIDES["own-data"], "`--split`")
    assert splits == list(all_keys(Config)["data.split"].choices)


def test_bases_of_the_guide_are_those_of_the_lists():
    from m6rec_cli.inference.user_histories import BASES

    bases = documents.first_cells(GUIDES["new-items-and-users"], "`basis`")
    assert sorted(bases) == sorted(BASES)
    for basis in BASES:
        assert f"`{basis}`" in README


def test_events_of_the_guide_are_those_of_the_reporters():
    own = ["note", "warning", "table", "error", "stopped"]
    events = documents.first_cells(GUIDES["logs"], "Event")
    assert sorted(events) == sorted([*get_args(EventName), *own])


def test_presets_of_the_documents_exist():
    assert documents.first_cells(GUIDES["questions"], "Preset") == list(PRESETS)
    for name in PRESETS:
        assert f"`{name}`" in README or f"--preset {name}`" in README


# --- the two commands ---


def one_line(title: str) -> list[list[str]]:
    block = documents.blocks(README[README.index(f"**{title}**") :])[0]
    assert block.count("\n") == 1, "one line"
    return [command.words for command in documents.commands(block)]


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
