"""What a shell completes: presets, choices of keys, keys of `--set`, baselines."""

from collections.abc import Callable


def presets() -> list[str]:
    """The names of `--preset`."""
    from m6rec_cli.config.settings import PRESETS

    return list(PRESETS)


def choices(key: str) -> Callable[[], list[str]]:
    """A completion by the choices of a configuration key."""

    def complete() -> list[str]:
        from m6rec_cli.config.keys import all_keys
        from m6rec_cli.config.settings import Config

        return list(all_keys(Config)[key].choices)

    return complete


def settings(incomplete: str) -> list[tuple[str, str]]:
    """The keys of `--set` with their meaning; after the sign, the choices of the key."""
    from m6rec_cli.config.keys import all_keys
    from m6rec_cli.config.settings import Config

    keys = all_keys(Config)
    name, sign, _ = incomplete.partition("=")
    if sign and name in keys:
        return [(f"{name}={choice}", keys[name].meaning) for choice in keys[name].choices]
    return [(f"{name}=", key.meaning) for name, key in keys.items()]


def baselines(incomplete: str) -> list[str]:
    """The names of `--baselines`, after those that are there already."""
    from m6rec_cli.system import registry

    before, comma, _ = incomplete.rpartition(",")
    named = before.split(",")
    known = [*registry.option_names("evaluation.baselines"), *([] if comma else ["none"])]
    return [f"{before}{comma}{name}" for name in known if name not in named]
