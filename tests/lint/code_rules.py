"""What the text of a source file must not say."""

import re

from layers import includes, is_pure
from source import Finding, code_of, without_comments

PURE_INCLUDES = {
    "clock": ("ctime", "time.h", "sys/time.h"),
    "file": ("fstream", "filesystem", "unistd.h", "fcntl.h", "dirent.h", "sys/stat.h"),
    "process or signal": ("csignal", "signal.h", "spawn.h", "sys/wait.h", "sched.h"),
    "socket or poll": ("poll.h", "sys/socket.h", "sys/un.h", "sys/epoll.h", "sys/ioctl.h",
                       "sys/uio.h", "netinet/in.h"),
    "thread": ("thread", "mutex", "shared_mutex", "condition_variable", "future", "atomic",
               "semaphore", "latch", "barrier", "stop_token", "pthread.h"),
    "random device": ("sys/random.h",),
    "log or console": ("iostream", "print", "syslog.h", "syncstream"),
    "unordered container": ("unordered_map", "unordered_set"),
}

PURE_NAMES = {
    r"(system|steady|high_resolution|utc|file)_clock|clock_gettime|gettimeofday|std::time\b":
        "take the Instant as a parameter",
    r"[io]?fstream|std::filesystem|fopen|std::remove":
        "take the text as a parameter; files are read in io/ or a program",
    r"(secure_)?getenv|setenv|environ": "take the value as a parameter",
    r"random_device|std::rand|srand|getrandom": "take a seeded generator as a parameter",
    r"std::(jthread|thread|mutex|shared_mutex|async|atomic|condition_variable\w*)|this_thread":
        "return an effect; threads belong to the programs",
    r"std::(cout|cerr|clog|cin)|f?printf|perror|f?puts":
        "return what is to be said as an Error or an effect",
    r"unordered_\w+": "use std::map or a sorted std::vector: iteration must not depend on hashes",
}

# Rule -> (pattern, files that may, remedy).
BANNED = {
    "shared-ptr": (r"(make_|allocate_)?shared_ptr|make_shared|weak_ptr|enable_shared_from_this",
                   r"^core/bytes\.h$|^io/",
                   "own it (std::unique_ptr or a value) or borrow it; bytes are shared by Bytes"),
    "new-delete": (r"(?<!operator )new\b|(?<!operator )delete(?!\s*[;,)])", r"^$",
                   "use a value, a container or std::make_unique; a factory's constructor can take a "
                   "private key type and be public"),
    "sleep": (r"sleep_for|sleep_until|u?sleep(?=\s*\()|nanosleep", r"^(?!tests/)",
              "wait for the condition with a deadline (tests/support), or move a fake clock on"),
    "exit": (r"(std::|::)?_?(exit|quick_exit)(?=\s*\()|std::terminate", r"main\.cpp$|^tests/",
             "return an Error; main() alone ends the process"),
}

_ENSURE_HOME = "core/ensure.h"
_OTHER_WORDS = {"job": "lease or record", "task": "lease or record", "worker": "replica or node"}
_UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
_MACHINE = re.compile(r"(?<![\w.~-])/(work|home|root|Users)/[\w.-]+")
_HOMELESS = re.compile(r"(^|[/_])(utils?|common|helpers?|misc|manager)([/_.]|$)")
_NOLINT = re.compile(r"NOLINT(?!END)\w*(?!\w)(?P<rest>[^\n]*)")
_TEST_NAME = re.compile(r'\bTEST_CASE\(\s*"(?P<name>(?:\\.|[^"\\\n])*)"')
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def _matches(pattern, code):
    """(line, text) of each whole-word match."""
    for match in re.finditer(rf"(?<![\w])(?:{pattern})(?!\w)", code):
        yield code.count("\n", 0, match.start()) + 1, match[0]


def check_pure_includes(tree):
    for path in filter(is_pure, tree.cpp()):
        for line, opening, name in includes(tree.texts[path]):
            kind = next((k for k, names in PURE_INCLUDES.items() if name in names), None)
            if opening == '"' or kind is None or (path.startswith("core/ensure") and name == "cstdio"):
                continue
            yield Finding(path, line, "pure-include", f"pure code includes <{name}> ({kind})",
                          "return an effect or take the value as a parameter; the outside world "
                          "is in io/ and in the programs (*_main, *_loop, tool_host)")


def check_pure_names(tree):
    for path in filter(is_pure, tree.cpp()):
        if path == "core/ensure.cpp":
            continue
        for pattern, remedy in PURE_NAMES.items():
            for line, name in _matches(pattern, code_of(tree.texts[path])):
                yield Finding(path, line, "pure-name", f"pure code says {name}", remedy)


def check_banned_names(tree):
    for path in tree.cpp():
        for rule, (pattern, may, remedy) in BANNED.items():
            if re.search(may, path):
                continue
            for line, name in _matches(pattern, code_of(tree.texts[path])):
                yield Finding(path, line, rule, f"{name} is not used here", remedy)


def check_macros(tree):
    for path in tree.cpp():
        if path == _ENSURE_HOME:
            continue
        for number, text in enumerate(tree.code_lines(path), 1):
            match = re.match(r"\s*#\s*define\s+(\w+)", text)
            if match and not re.fullmatch(r"_GNU_SOURCE|CATCH_CONFIG_\w+|MSGPACK_\w+", match[1]):
                yield Finding(path, number, "macro", f"macro {match[1]}",
                              "use a constexpr constant, a function or a template")


def check_words(tree):
    for path in tree.cpp():
        for number, text in enumerate(tree.code_lines(path), 1):
            for word in {w.lower().removesuffix("s") for w in _WORD.findall(text)}:
                if word in _OTHER_WORDS:
                    yield Finding(path, number, "vocabulary", f"the identifier says '{word}'",
                                  f"the project's word is {_OTHER_WORDS[word]}: see the glossary")


def check_everywhere(tree):
    for path in sorted(tree.texts):
        if path == "LICENSE":
            continue
        for number, text in enumerate(tree.lines(path), 1):
            if match := _UNFINISHED.search(text):
                yield Finding(path, number, "unfinished", f"{match[0]} in the text",
                              "do it now, or say in a document what is not built yet")
            if match := _MACHINE.search(text):
                yield Finding(path, number, "machine-path", f"{match[0]} is a path of one machine",
                              "use a path from the repository's root, or a parameter")


def check_nolint(tree):
    for path in tree.cpp():
        above = ""
        for number, text in enumerate(tree.lines(path), 1):
            match = _NOLINT.search(text)
            if match and not _has_reason(match["rest"], above):
                yield Finding(path, number, "nolint", "NOLINT without check or reason",
                              "write // NOLINT(the-check): why it is wrong here")
            above = text


def _has_reason(rest, above):
    """The reason follows the check's name, or is the comment in the line above."""
    named = re.match(r"\([\w.,* -]+\)(?P<reason>\W+\w)?", rest)
    return named and (named["reason"] or re.match(r"\s*// (?!NOLINT)\w", above))


def check_names_of_files(tree):
    for path in sorted(tree.texts):
        if match := _HOMELESS.search(path):
            yield Finding(path, 1, "file-name", f"'{match[2]}' says nothing",
                          "name the file after the thing that it holds")


def check_names_of_tests(tree):
    """CMake cuts or changes such a name, and then a filter that matches no test passes."""
    for path in tree.paths("tests/*.cpp"):
        text = without_comments(tree.texts[path])
        for match in _TEST_NAME.finditer(text):
            if re.search(r';|\\[^"]', match["name"]):
                line = text.count("\n", 0, match.start()) + 1
                yield Finding(path, line, "test-name", f'"{match["name"]}" is cut by CMake',
                              "write the name without semicolon and backslash")
