"""Which folder may include which, and which libraries. See the tables; the rules only read them."""

import re

from source import Finding, without_comments

# What each part may include besides itself. A part is a folder, or the part of one that part_of()
# tells apart: the pure logic of broker/, node/, journal/ and clients/cpp/ and the programs around it.
ALLOWED = {
    "core": (),
    "framing": ("core",),
    "wire": ("core", "framing"),
    "spec": ("core", "framing"),
    "journal": ("core",),
    "broker": ("core", "framing", "wire", "spec", "journal"),
    "node": ("core", "framing", "wire", "spec"),
    "client core": ("core", "framing", "wire", "spec"),
    "io": ("core", "framing", "wire", "spec", "broker", "node", "client core"),
    "monitoring": ("core", "framing", "wire", "spec", "broker", "node", "client core", "io"),
    "journal engine": ("core", "journal", "io"),
    "broker program": ("core", "framing", "wire", "spec", "journal", "journal engine", "broker", "io",
                       "monitoring"),
    "node program": ("core", "framing", "wire", "spec", "node", "io", "monitoring"),
    "client": ("core", "framing", "wire", "spec", "client core", "io"),
    "cli": ("core", "framing", "wire", "spec", "client core", "client", "io", "monitoring",
            "broker program", "node program"),
}

# Parts that are the same whenever they run: no clock, file, environment, random device, thread, log.
PURE = ("core", "framing", "wire", "spec", "journal", "broker", "node", "client core")

# Library, as its include begins -> the one folder that includes it, or several with a file that
# wraps it. Tests may include any.
LIBRARIES = {
    "msgpack": "wire/",
    "yaml-cpp/": "spec/",
    "zmq": "io/",
    "re2/": "framing/",
    "CLI/": "cli/",
    "nlohmann/": ("cli/", "node/langpack.cpp"),
    "prometheus/": "monitoring/",
    "rocksdb/": "journal/",
    "spdlog/": "io/",
    "fmt/": "io/",
    "tl/": "core/",
    "catch2/": "tests/",
    "restinio/": "monitoring/",
}

_PROGRAM = re.compile(r"(_main\.cpp|_loop\.(h|cpp)|/main\.cpp|/tool_host[a-z_]*\.(h|cpp))$")
_CLIENT_CORE = re.compile(r"(_core|session_core)\.(h|cpp)$")
_JOURNAL_PURE = re.compile(r"^journal/(entry|key)\.(h|cpp)$")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?P<open>["<])(?P<name>[^">]+)[">]', re.MULTILINE)


def part_of(path):
    """The key of ALLOWED that a file belongs to; None where anything may be included."""
    folder = path.split("/", 1)[0]
    if folder in ("broker", "node"):
        return f"{folder} program" if _PROGRAM.search(path) else folder
    if folder == "journal":
        return "journal" if _JOURNAL_PURE.search(path) else "journal engine"
    if folder == "clients":
        return "client core" if _CLIENT_CORE.search(path) else "client"
    return folder if folder in ALLOWED else None


def is_pure(path):
    return part_of(path) in PURE


def includes(text):
    """(line, opening quote, name) of each include."""
    text = without_comments(text)
    for match in _INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start("name")) + 1, match["open"], match["name"]


def check_direction(tree):
    for path in tree.cpp():
        part = part_of(path)
        if part is None:
            continue
        for line, opening, name in includes(tree.texts[path]):
            other = part_of(name)
            if opening == "<" or other in (None, part) or other in ALLOWED[part]:
                continue
            yield Finding(path, line, "include-direction",
                          f'{part} includes "{name}", which belongs to {other}',
                          _direction_remedy(part, other))


def _direction_remedy(part, other):
    if {part.split()[0], other.split()[0]} == {"broker", "node"}:
        return "what broker/ and node/ share is a message: put it into wire/"
    allowed = ", ".join(ALLOWED[part]) or "the standard library only"
    return f"{part} may include {allowed}: move what is shared to the left, or pass it in"


def check_roots(tree):
    for path in tree.cpp():
        folder = path.rsplit("/", 1)[0] if "/" in path else ""
        for line, opening, name in includes(tree.texts[path]):
            if opening == "<" or tree.has(name):
                continue
            beside = f"{folder}/{name}"
            remedy = (f'write #include "{beside}"' if tree.has(beside)
                      else "write the path of an existing header from the repository's root")
            yield Finding(path, line, "include-root", f'there is no "{name}" at the root', remedy)


def check_libraries(tree):
    for path in tree.cpp():
        if path.startswith(("tests/", "benchmarks/")):
            continue
        for line, opening, name in includes(tree.texts[path]):
            home = next((h for begin, h in LIBRARIES.items() if name.startswith(begin)), None)
            if opening == '"' or home is None or path.startswith(home):
                continue
            homes = home if isinstance(home, str) else " and ".join(home)
            yield Finding(path, line, "library-home", f"<{name}> is included outside {homes}",
                          f"let {homes} wrap what is needed, in a header without the library")


def check_packages(tree):
    for path in tree.paths("*/CMakeLists.txt"):
        for number, text in enumerate(tree.lines(path), 1):
            if re.search(r"\b(find_package|pkg_check_modules)\b", text.split("#")[0]):
                yield Finding(path, number, "package-home", "a package is looked for in a folder",
                              "move this to the CMakeLists.txt at the root, with its reason")
