"""The files that the rules look at, and C++ text without what is not code."""

import dataclasses
import fnmatch
import functools
import os
import re
import subprocess

CPP = re.compile(r"\.(h|cpp)$")

_TOKENS = re.compile(
    r"""(?P<line>//(?:\\\n|[^\n])*)
      | (?P<block>/\*.*?\*/)
      | (?P<raw>(?<![A-Za-z0-9_])(?:u8|[uUL])?R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")
      | (?P<text>"(?:\\.|[^"\\\n])*")
      | (?P<char>(?<![A-Za-z0-9_])'(?:\\.|[^'\\\n])+')""",
    re.VERBOSE | re.DOTALL,
)

_SYSTEM_INCLUDE = re.compile(r"^([ \t]*#[ \t]*include[ \t]*)(<[^>\n]*>)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Finding:
    """One place where a rule is broken. A warning is told and does not fail."""

    path: str
    line: int
    rule: str
    found: str
    remedy: str
    is_warning: bool = False

    def __str__(self):
        kind = "warning" if self.is_warning else "error"
        return f"{self.path}:{self.line}: {kind}: [{self.rule}] {self.found}; {self.remedy}"


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


@functools.lru_cache(maxsize=None)
def without_comments(text):
    """The C++ text with comments blanked out; lines and columns stay."""
    return _TOKENS.sub(
        lambda m: _blank(m[0]) if m.lastgroup in ("line", "block") else m[0], text)


@functools.lru_cache(maxsize=None)
def code_of(text):
    """The C++ text with comments, strings, characters and includes' names blanked out."""
    text = _TOKENS.sub(lambda m: _blank(m[0]), text)
    return _SYSTEM_INCLUDE.sub(lambda m: m[1] + _blank(m[2]), text)


class Tree:
    """Paths from the repository's root, with their text. Rules see nothing else."""

    def __init__(self, texts):
        self.texts = dict(texts)
        self.folders = {p for path in self.texts for p in _parents(path)}

    def paths(self, *patterns):
        return sorted(p for p in self.texts if any(fnmatch.fnmatch(p, q) for q in patterns))

    def cpp(self):
        return sorted(p for p in self.texts if CPP.search(p))

    def lines(self, path):
        return self.texts[path].splitlines()

    def code_lines(self, path):
        return code_of(self.texts[path]).splitlines()

    def has(self, path):
        path = path.rstrip("/")
        return path in self.texts or path in self.folders

    def top_folders(self):
        return {folder for folder in self.folders if "/" not in folder}


def _parents(path):
    while "/" in path:
        path = path.rsplit("/", 1)[0]
        yield path


def read_tree(root):
    """Every file that git knows or would add. Binary files count as empty."""
    command = ["git", "-c", f"safe.directory={root}", "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=True).stdout
    texts = {}
    for name in filter(None, listed.split(b"\0")):
        path = os.fsdecode(name)
        full = os.path.join(root, path)
        if not os.path.isfile(full):
            continue
        with open(full, "rb") as file:
            content = file.read()
        texts[path] = "" if b"\0" in content else content.decode("utf-8", "replace")
    return Tree(texts)
