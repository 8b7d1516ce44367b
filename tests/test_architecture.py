"""Rules a reader of the code base relies on: who imports whom, what the framework knows."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
SKIPPED = {"__pycache__"}
MOST_LINES = 400

# From the top down: a part may import what stands in a later line, and its own line.
LAYERS = (
    {"cli"},
    {"figures"},
    {"execution", "scaffold"},
    {"leaderboard"},
    {"runners", "pretraining", "explain"},
    {"training", "testing", "generation"},
    {"results"},
    {"metrics", "building"},
    {"readers"},
    {"predictions", "phantom", "weights", "data", "gaze", "reports"},
    {"registry", "discovery", "download", "encoder", "identity"},
    {"cards"},
    {"image_spec", "hashing", "names", "progress", "timing", "plotting"},
    {"atomic", "paths", "errors"},
)
# What the layers alone cannot say: the parts named on the left never need those on the right.
FORBIDDEN = {
    "runners": {"execution", "leaderboard", "cli", "explain"},
    "pretraining": {"execution", "leaderboard", "cli", "runners", "metrics", "explain"},
    "explain": {"execution", "leaderboard", "cli", "runners", "pretraining", "phantom"},
    "metrics": {"training", "weights", "building", "encoder", "phantom"},
    "data": {"weights", "training", "metrics", "results", "runners", "encoder", "gaze"},
    "gaze": {"weights", "phantom", "predictions"},
    "weights": {"data", "phantom", "training", "metrics"},
    "readers": {"phantom", "gaze", "predictions", "reports"},
    "reports": {"data", "phantom", "weights", "gaze", "predictions"},
    "generation": {"data", "phantom", "results", "metrics", "gaze", "predictions", "training"},
    "phantom": {"data", "weights", "registry"},
    "leaderboard": {"training", "data", "weights", "encoder", "runners", "execution"},
    "results": {"training", "weights", "encoder", "runners", "execution", "leaderboard"},
}
HEAVY = {"torch", "torchvision", "timm", "transformers", "lightning", "pandas", "matplotlib"}


@lru_cache
def sources(folder: str) -> tuple[Path, ...]:
    found = (ROOT / folder).rglob("*.py")
    return tuple(sorted(p for p in found if not SKIPPED & set(p.parts)))


@lru_cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def dotted(path: Path) -> list[str]:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports(path: Path, *, top_level: bool = False) -> set[str]:
    """Absolute names of the modules a file imports; relative ones are resolved."""
    nodes = ast.walk(tree(path)) if not top_level else top_statements(tree(path))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = dotted(path) if path.name == "__init__.py" else dotted(path)[:-1]
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{name}.{alias.name}" for alias in node.names} | {name}
    return found


def top_statements(module: ast.Module):
    """Statements run on import; `if TYPE_CHECKING:` is not."""
    for node in module.body:
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)):
            yield node


def part(name: str) -> str | None:
    """The part of the framework that a dotted name belongs to."""
    pieces = name.split(".")
    return pieces[1] if pieces[0] == "cxrbench" and len(pieces) > 1 else None


def level(name: str) -> int:
    return next(i for i, layer in enumerate(LAYERS) if name in layer)


def test_every_part_has_a_layer():
    parts = {part(".".join(dotted(path))) for path in sources("cxrbench")} - {None}
    assert parts == set().union(*LAYERS)


@pytest.mark.parametrize("path", sources("cxrbench"), ids=lambda p: "/".join(dotted(p)))
def test_imports_of_the_framework_go_one_way(path):
    own = part(".".join(dotted(path)))
    used = {part(name) for name in imports(path)} - {None, own, "__version__"}
    if own is None:
        assert not used
        return
    assert {name for name in used if level(name) < level(own)} == set()
    assert used & FORBIDDEN.get(own, set()) == set()


@pytest.mark.parametrize("path", sources("cxrbench"), ids=lambda p: "/".join(dotted(p)))
def test_the_framework_imports_no_plugin_and_no_test(path):
    roots = {name.split(".")[0] for name in imports(path)}
    assert roots & {"cxrbench_models", "cxrbench_tasks", "models", "tasks", "tests"} == set()


@pytest.mark.parametrize("folder", ["models", "tasks"])
def test_plugins_import_the_framework_and_their_own_siblings(folder):
    own, other = f"cxrbench_{folder}", {"models": "tasks", "tasks": "models"}[folder]
    for path in sources(folder):
        for name in imports(path):
            root = name.split(".")[0]
            assert root not in {own, f"cxrbench_{other}", other}, f"{path.name} imports {name}"
            assert part(name) not in {"cli", "execution", "leaderboard", "results", "runners"}
            if root == folder:  # relative: what is in another folder is its own, but for `parts`
                home = dotted(path)[1] if len(dotted(path)) > 2 else None
                others = {f.name for f in (ROOT / folder).iterdir() if f.is_dir()} - {home, "parts"}
                assert home is None or not others & set(name.split(".")[1:2])


@pytest.mark.parametrize("path", sources("cxrbench/cli"), ids=lambda p: p.stem)
def test_a_command_is_listed_without_heavy_imports(path):
    used = imports(path, top_level=True)
    assert {name.split(".")[0] for name in used} & HEAVY == set()
    light = {"cli", "cards", "errors", "names", "registry", "__version__", "paths", "progress"}
    if path.stem != "tables":  # which is itself imported when a command runs
        assert {part(name) for name in used} - {None} <= light


def built_in_names() -> set[str]:
    """Ids and families of the built-in models, tasks and data sets."""
    names: set[str] = set()
    for path in [*(ROOT / "models").glob("*.yaml"), *(ROOT / "tasks").glob("*.yaml")]:
        card = yaml.safe_load(path.read_text())
        for family in card.get("tasks", [card]):
            ids = family.get("variants", {family.get("id"): None})
            names |= {str(name).removesuffix("/*") for name in ids if name is not None}
        if "dataset" in card:
            names.add(card["dataset"]["name"])
    return names


def docstrings(module: ast.Module) -> set[ast.AST]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(module) if isinstance(node, kinds)]
    return {body[0].value for body in bodies if body and isinstance(body[0], ast.Expr)}


def test_the_framework_names_no_built_in_model_or_data_set():
    """Docstrings may give examples and sources, and `timm` alone is the name of a library."""
    names = built_in_names()
    assert {"cogaze", "nih", "nih-1pct", "pixel-stats", "timm"} <= names
    word = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, sorted(names)))})(?![\w-])", re.I)
    found = []
    for path in sources("cxrbench"):
        skipped = docstrings(tree(path))
        for node in ast.walk(tree(path)):
            text = ""
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = "" if node in skipped or node.value == "timm" else node.value
            elif isinstance(node, ast.Name | ast.Attribute):
                text = (node.id if isinstance(node, ast.Name) else node.attr).replace("_", "-")
            if word.search(text):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {text}")
    assert found == []


EVERY = [path for folder in ("cxrbench", "models", "tasks") for path in sources(folder)]


@pytest.mark.parametrize("path", EVERY, ids=lambda p: "/".join(dotted(p)))
def test_a_module_is_documented_short_and_silent(path):
    module = tree(path)
    assert ast.get_docstring(module)
    assert len(path.read_text().splitlines()) <= MOST_LINES
    for node in ast.walk(module):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}: assert in product code"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"print", "eval", "exec"}, f"line {node.lineno}"


def test_a_checkpoint_is_only_read_as_tensors():
    for path in EVERY:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                safe = {k.arg: ast.unparse(k.value) for k in node.keywords}.get("weights_only")
                assert safe == "True", f"{path.relative_to(ROOT)}:{node.lineno}"
            text = ast.unparse(node) if isinstance(node, ast.Call) else ""
            assert not text.startswith(("pickle.load", "torch.hub.", "joblib.load"))
            assert "trust_remote_code=True" not in text


def test_nothing_in_the_repository_names_a_machine():
    private = re.compile(r"/(root|tmp|work|mnt)/\w|/home/(?!user\b)\w|/Users/\w")
    for folder in ("cxrbench", "models", "tasks"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".yaml", ".tmpl", ".md"} and "__pycache__" not in path.parts:
                assert not private.search(path.read_text()), path
