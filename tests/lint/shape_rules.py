"""How long files are, how headers begin, and whether documents mention only what exists."""

import fnmatch
import posixpath
import re

from source import CPP, Finding

SOURCE_LINES_MAX = 500
TEST_LINES_MAX = 800
HEADER_LINES_MAX = 300
HEADER_LINES_AIM = 150
ARCHITECTURE_LINES_MAX = 400

_SCRIPT = re.compile(r"\.(py|sh|cmake)$|CMakeLists\.txt$|^dev$|^\.ci/")
_LINK = re.compile(r"\[[^\]\n]*\]\((?P<to>[^)\s]+)\)")
_EXTENSION = re.compile(r"\.(h|cpp|md|yml|yaml|py|sh|json|txt|cmake)$")
_MENTION = re.compile(r"(?<![\w/.~$:}>-])(?P<to>[a-z][\w.-]*/[\w./*{},-]*\w)")


def check_length(tree):
    for path in sorted(tree.texts):
        if not CPP.search(path) and not _SCRIPT.search(path):
            continue
        most = _length_max(path)
        lines = len(tree.lines(path))
        if lines > most:
            yield Finding(path, lines, "length", f"{lines} lines, at most {most}",
                          "split the file: each part is a thing with a name")
        elif path.endswith(".h") and lines > HEADER_LINES_AIM and not path.startswith("tests/"):
            yield Finding(path, lines, "length", f"{lines} lines, headers aim below "
                          f"{HEADER_LINES_AIM}", "think of splitting it", is_warning=True)


def _length_max(path):
    if path.startswith("tests/"):
        return TEST_LINES_MAX
    return HEADER_LINES_MAX if path.endswith(".h") else SOURCE_LINES_MAX


def check_headers(tree):
    for path in tree.paths("*.h"):
        lines = tree.lines(path)
        if not lines or not re.match(r"// \S", lines[0]):
            yield Finding(path, 1, "header-comment", "the header does not start with a comment",
                          "say on top what the thing is for, who owns it and what it guarantees")
        if "#pragma once" not in tree.code_lines(path):
            yield Finding(path, 1, "pragma-once", "no #pragma once",
                          "put #pragma once after the comment on top")


def check_architecture(tree):
    path = "docs/ARCHITECTURE.md"
    lines = len(tree.lines(path)) if tree.has(path) else 0
    if lines >= ARCHITECTURE_LINES_MAX:
        yield Finding(path, lines, "architecture-length",
                      f"{lines} lines, below {ARCHITECTURE_LINES_MAX} is the rule",
                      "delete what repeats the code or another document")


def check_links(tree):
    for path in tree.paths("*.md"):
        for number, text in enumerate(tree.lines(path), 1):
            for match in _LINK.finditer(text):
                to = match["to"].split("#")[0]
                full = posixpath.normpath(posixpath.join(posixpath.dirname(path), to))
                if to and not re.match(r"[a-z]+:", to) and not tree.has(full):
                    yield Finding(path, number, "dead-link", f"there is no {full}",
                                  "link an existing file, relative to this document")


def check_mentions(tree):
    """A path into one of the project's folders, wherever it is written, leads somewhere."""
    tops = tree.top_folders()
    for path in sorted(tree.texts):
        if path == "LICENSE" or path.startswith("tests/lint/"):
            continue
        for number, text in enumerate(tree.lines(path), 1):
            if re.match(r"\s*#\s*include", text):
                continue
            for to in _mentioned(text, tops):
                if not _exists(tree, to):
                    yield Finding(path, number, "dead-mention", f"there is no {to}",
                                  "write the path of an existing file from the repository's root")


def _mentioned(text, tops):
    for match in _MENTION.finditer(_LINK.sub("", text)):
        to = match["to"]
        if to.split("/", 1)[0] in tops and _EXTENSION.search(to):
            yield to


def _exists(tree, to):
    if re.search(r"[*{]", to):
        options = _spelled_out(to)
        return all(any(fnmatch.fnmatch(path, option) for path in tree.texts) for option in options)
    return tree.has(to)


def _spelled_out(to):
    """a.{h,cpp} -> a.h, a.cpp."""
    match = re.search(r"\{([^{}]*)\}", to)
    if not match:
        return [to]
    return [to[:match.start()] + one + to[match.end():] for one in match[1].split(",")]
