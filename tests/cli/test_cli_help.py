"""Help of every command, and the examples in it."""

from __future__ import annotations

import re
import shlex

import pytest
import typer.main

from cxrbench import __version__
from cxrbench.cli.main import app


def commands(group=None, path=()):
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands())
LEAVES = {path: c for path, c in COMMANDS.items() if not hasattr(c, "commands")}
EXAMPLES = [
    line.strip().removeprefix("Example: ")
    for command in LEAVES.values()
    for line in (command.help or "").splitlines()
    if line.strip().startswith("Example: ")
]


def test_the_commands_are_known():
    assert {" ".join(path) for path in LEAVES} >= {
        "run", "list models", "list tasks", "list protocols", "list runs", "info", "score",
        "show", "list suites", "leaderboard", "data where", "data verify", "data prepare",
        "weights where", "weights fetch", "check", "doctor", "new model", "new task",
    }  # fmt: skip


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_says_what_the_command_is_for(cli, path, flag):
    done = cli(*path, flag)
    assert done.code == 0
    assert done.err == ""
    first = (COMMANDS[path].help or "").strip().split("\n")[0].rstrip(".")
    assert first
    words = " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.out).split())
    assert " ".join(first.split()) in words


def test_every_option_of_run_is_explained():
    for parameter in LEAVES[("run",)].params:
        assert getattr(parameter, "help", None), parameter.name


def test_no_arguments_print_the_help(cli):
    done = cli()
    assert "run" in done.out + done.err
    assert "leaderboard" in done.out + done.err


def test_the_version(cli):
    done = cli("--version")
    assert (done.code, done.out.strip()) == (0, f"cxrbench {__version__}")


def test_there_are_examples():
    assert sum("cxrbench run" in example for example in EXAMPLES) >= 1


@pytest.mark.parametrize("example", [e for e in EXAMPLES if " run " in e])
def test_an_example_of_run_can_be_planned(cli, nih_root, example):
    words = shlex.split(example)[1:]
    words = [re.sub(r"^nih=.*", f"nih={nih_root}", word) for word in words]
    done = cli(*words, "--plan", "--weights", "random")
    assert done.code == 0, done.err
    assert "runs to do" in done.out


@pytest.mark.parametrize("example", [e for e in EXAMPLES if " new " in e])
def test_an_example_of_new_writes_what_the_other_examples_name(cli, example):
    words = shlex.split(example)[1:]
    done = cli(*words)
    assert done.code == 0, done.err
    kind, name = words[-2:]
    cards = cli("--plugin", name, "list", f"{kind}s", "--json")
    assert f'"{name}' in cards.out


@pytest.mark.parametrize(
    "arguments",
    [["walk"], ["run", "--fast"], ["run", "--limit", "0"], ["run", "--batch-size", "x"],
     ["list", "metrics"], ["info"], ["data", "verify"], ["score"], ["data", "prepare"]],
    ids=" ".join,
)  # fmt: skip
def test_what_cannot_be_parsed_ends_with_2(cli, arguments):
    done = cli(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert "Usage" in done.err
