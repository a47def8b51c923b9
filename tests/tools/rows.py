"""What is tried with real tools: for each one its stages, as a user would write them, its input,
and the shell's command that makes the same of it.
"""

import dataclasses
import json
import shlex

import samples

ENG_SPA = "/usr/share/apertium/apertium-eng-spa"


@dataclasses.dataclass(frozen=True)
class Row:
    """One tool, used in one way."""

    name: str
    stages: str  # YAML, below the pipeline's name.
    plain: str  # A command for the shell.
    given: object  # A function of samples.py.
    needs: tuple  # Programs that must be installed.
    is_silent: bool = False  # Whether the tool prints nothing for that input.
    before: str = ""  # A command that prepares the folder, where grammar.cg3 lies.


def each(run, more=""):
    """One stage in mode `each`."""
    return f"stages:\n  - name: tool\n    run: {run}\n{indented(more)}"


def filtered(run, more=""):
    """One stage in mode `filter`."""
    return each(run, "mode: filter\n" + more)


def window(run, more="window: all"):
    """One stage in mode `window`."""
    return each(run, f"mode: window\n{more}\n")


def indented(lines):
    return "".join(f"    {line}\n" for line in lines.splitlines())


def by_zero(*stages):
    """A chain of stages whose records end with a NUL."""
    text = 'framing: {separator: "\\0"}\nstages:\n'
    return text + "".join(f"  - name: tool{i}\n    run: {run}\n" for i, run in enumerate(stages))


# Marks in `run` that YAML or a shell would read otherwise stand in lists.
SPELLING = "prelude: {until: '^@'}\noutput: blank-line"
UPPER_NODE = (
    "require('readline').createInterface({input: process.stdin})"
    ".on('line', line => console.log(line.toUpperCase()))"
)
UPPER_PYTHON = "import sys\nfor line in sys.stdin:\n    print(line.rstrip('\\n').upper())"
DROPPING_PYTHON = (
    "import sys\nfor line in sys.stdin:\n    if 'e' in line:\n        print(line, end='')"
)


def quoted(words):
    """A list of words in YAML."""
    return json.dumps(words, ensure_ascii=False)


# Tools that know languages: they answer each record, and say in ways of their own where it ends.
LANGUAGE = [
    Row("hunspell", each("hunspell -a -d en_US", SPELLING),
        "hunspell -a -d en_US | tail -n +2", samples.spelling, ("hunspell",)),
    Row("hunspell in three replicas", each("hunspell -a -d en_US", SPELLING + "\nreplicas: 3"),
        "hunspell -a -d en_US | tail -n +2", samples.spelling, ("hunspell",)),
    Row("aspell", each("aspell -a -d en_US", SPELLING),
        "aspell -a -d en_US | tail -n +2", samples.spelling, ("aspell",)),
    Row("mecab", each("mecab -d /var/lib/mecab/dic/ipadic-utf8", "output: {until: '^EOS$'}"),
        "mecab -d /var/lib/mecab/dic/ipadic-utf8", samples.japanese, ("mecab",)),
    Row("vislcg3 by windows", window("vislcg3 -g ./grammar.cg3"), "vislcg3 -g ./grammar.cg3",
        samples.cohorts, ("vislcg3",)),
    Row("vislcg3 with its command to flush",
        each("vislcg3 -g ./grammar.cg3",
             "input: {until: '^<STREAMCMD:FLUSH>$'}\noutput: {until: '^<STREAMCMD:FLUSH>$'}"),
        "vislcg3 -g ./grammar.cg3", samples.flushed_cohorts, ("vislcg3",)),
    Row("ucto by lines", each("ucto -L eng -n -m"), "ucto -L eng -n -m | head -c -1",
        samples.words, ("ucto",)),
    Row("ucto by windows", window("ucto -L eng"), "ucto -L eng", samples.text, ("ucto",)),
    Row("espeak-ng", each("espeak-ng -q -x -v en"), "espeak-ng -q -x -v en", samples.words,
        ("espeak-ng",)),
    Row("link-parser by windows", window("link-parser en"), "link-parser en",
        samples.sentences, ("link-parser",)),
]

# Apertium's: a NUL ends each record, both ways. At the end of its input each of these prints an
# empty record more, which answers nothing: `head` takes that off.
APERTIUM = [
    Row("lt-proc", by_zero(f"lt-proc -z {ENG_SPA}/eng-spa.automorf.bin"),
        f"lt-proc -z {ENG_SPA}/eng-spa.automorf.bin | head -c -1", samples.apertium, ("lt-proc",)),
    Row("apertium-tagger",
        by_zero(f"lt-proc -z {ENG_SPA}/eng-spa.automorf.bin",
                f"apertium-tagger -z -g {ENG_SPA}/eng-spa.prob"),
        f"lt-proc -z {ENG_SPA}/eng-spa.automorf.bin |"
        f" apertium-tagger -z -g {ENG_SPA}/eng-spa.prob | head -c -2",
        samples.apertium, ("lt-proc", "apertium-tagger")),
    Row("cg-proc",
        by_zero(f"lt-proc -z {ENG_SPA}/eng-spa.automorf.bin", "cg-proc -z ./grammar.bin"),
        f"lt-proc -z {ENG_SPA}/eng-spa.automorf.bin | cg-proc -z ./grammar.bin | head -c -1",
        samples.apertium, ("lt-proc", "cg-proc", "cg-comp"), before="cg-comp grammar.cg3 grammar.bin"),
    Row("lt-proc by lines", each(f"stdbuf -oL lt-proc {ENG_SPA}/eng-spa.automorf.bin"),
        f"lt-proc {ENG_SPA}/eng-spa.automorf.bin", samples.apertium_lines, ("lt-proc",)),
]

# Tools that answer each line with a line once they are told not to keep their output.
LINES = [
    Row("cat", each("cat"), "cat", samples.long_text, ()),
    Row("jq --unbuffered", each(quoted(["jq", "--unbuffered", "-c", "{id, n: (.tags | length)}"])),
        "jq -c '{id, n: (.tags | length)}'", samples.json_lines, ("jq",)),
    Row("jq of values without newlines", each("jq --unbuffered -c .", "input: json"), "jq -c .",
        samples.json_values, ("jq",)),
    Row("jq into values of several lines", each("jq --unbuffered .", "output: json"), "jq .",
        samples.json_lines, ("jq",)),
    Row("jq with stdbuf", each("stdbuf -oL jq -r .score"), "jq -r .score", samples.json_lines,
        ("jq",)),
    Row("gawk with fflush", each(quoted(["gawk", '{ print NR ": " $0; fflush() }'])),
        "gawk '{ print NR \": \" $0 }'", samples.long_text, ("gawk",)),
    Row("gawk with stdbuf", each("stdbuf -oL gawk '{ print length, $0 }'"),
        "gawk '{ print length, $0 }'", samples.long_text, ("gawk",)),
    Row("mawk -W interactive", each("mawk -W interactive '{ print length, $1 }'"),
        "mawk '{ print length, $1 }'", samples.text, ("mawk",)),
    Row("sed -u", each("sed -u 's/[aeiou]/(&)/g'"), "sed 's/[aeiou]/(&)/g'", samples.text, ()),
    Row("sed with stdbuf", each("stdbuf -oL sed 's/[aeiou]/(&)/g'"), "sed 's/[aeiou]/(&)/g'",
        samples.long_text, ()),
    Row("grep of every line", each("grep --line-buffered ''"), "grep ''", samples.long_text, ()),
    Row("tr with stdbuf", each("stdbuf -oL tr a-z A-Z"), "tr a-z A-Z", samples.long_text, ()),
    Row("cut with stdbuf", each("stdbuf -oL cut -c 1-20"), "cut -c 1-20", samples.long_text, ()),
    Row("mlr", each("mlr --records-per-batch 1 --fflush put '$y = $x . $word'"),
        "mlr put '$y = $x . $word'", samples.key_values, ("mlr",)),
    Row("perl with $|", each(quoted(["perl", "-ne", "$| = 1; chomp; print uc, qq(\\n)"])),
        "perl -ne 'chomp; print uc, qq(\\n)'", samples.long_text, ("perl",)),
    Row("python3 -u", each(quoted(["python3", "-u", "-c", UPPER_PYTHON])),
        shlex.join(["python3", "-c", UPPER_PYTHON]), samples.long_text, ("python3",)),
    Row("python3 with PYTHONUNBUFFERED",
        each(quoted(["python3", "-c", UPPER_PYTHON]), 'env: {PYTHONUNBUFFERED: "1"}'),
        shlex.join(["python3", "-c", UPPER_PYTHON]), samples.long_text, ("python3",)),
    Row("bc", each("bc"), "bc", samples.sums, ("bc",)),
    Row("dc", each("dc"), "dc", samples.reversed_polish, ("dc",)),
    # At its start it waits for three bytes, which tell encodings apart: the first line has more.
    Row("rg", each("rg --line-buffered -N ''"), "rg -N ''", samples.text, ("rg",)),
    Row("ts of a constant", each("ts same"), "ts same", samples.text, ("ts",)),
    Row("sqlite3", each("sqlite3 -batch"), "sqlite3 -batch", samples.queries, ("sqlite3",)),
    Row("node", each(quoted(["node", "-e", UPPER_NODE])), shlex.join(["node", "-e", UPPER_NODE]),
        samples.long_text, ("node",)),
]

# Tools that read ahead, or to the end.
WINDOWS = [
    Row("sort", window("sort", "window: all\nenv: {LC_ALL: C}"), "LC_ALL=C sort",
        samples.long_text, ()),
    Row("sort and uniq", each("sort | uniq -c", "shell: true\nmode: window\nwindow: all"),
        "sort | uniq -c", samples.text, ()),
    Row("wc", window("wc"), "wc", samples.long_text, ()),
    Row("wc of each hundred lines", window("wc -l", "window: {records: 100}"),
        "split -l 100 --filter='wc -l'", samples.text, ()),
    Row("seqtk", window("seqtk seq -r", "window: {records: 50}\ninput: {lines: 4}"),
        "seqtk seq -r", samples.fastq, ("seqtk",)),
    Row("seqtk to FASTA", window("seqtk seq -A -", "window: {records: 64}\ninput: {lines: 4}\n"
                                 "output: {lines: 2}\nreplicas: 2"),
        "seqtk seq -A -", samples.fastq, ("seqtk",)),
    Row("datamash", window("datamash -s -g 1 count 2 sum 3"), "datamash -s -g 1 count 2 sum 3",
        samples.table, ("datamash",)),
    Row("xmlstarlet", window("xmlstarlet sel -t -v /r/n -o ' ' -v /r/t -n",
                             "window: {records: 1}\nreplicas: 2"),
        "while read -r line; do printf '%s\\n' \"$line\" |"
        " xmlstarlet sel -t -v /r/n -o ' ' -v /r/t -n; done",
        samples.documents, ("xmlstarlet",)),
    Row("mawk", window("mawk '{ n += NF } END { print NR, n }'"),
        "mawk '{ n += NF } END { print NR, n }'", samples.long_text, ("mawk",)),
    Row("tac", window("tac"), "tac", samples.text, ()),
]

# As one types them in a shell, without a word about buffers: one answer for each record.
AS_THEY_STAND = [
    Row("tr", each("tr a-z A-Z"), "tr a-z A-Z", samples.long_text, ()),
    Row("sed", each("sed 's/[aeiou]/(&)/g'"), "sed 's/[aeiou]/(&)/g'", samples.long_text, ()),
    Row("cut", each("cut -c 1-20"), "cut -c 1-20", samples.long_text, ()),
    Row("gawk", each("gawk '{ print NR, $1 }'"), "gawk '{ print NR, $1 }'", samples.long_text,
        ("gawk",)),
    Row("perl", each(quoted(["perl", "-pe", "tr/a-z/A-Z/"])), "perl -pe 'tr/a-z/A-Z/'",
        samples.long_text, ("perl",)),
    Row("python3", each(quoted(["python3", "-c", UPPER_PYTHON])),
        shlex.join(["python3", "-c", UPPER_PYTHON]), samples.long_text, ("python3",)),
    Row("jq", each("jq -c .tags"), "jq -c .tags", samples.json_lines, ("jq",)),
    Row("lt-proc", each(f"lt-proc {ENG_SPA}/eng-spa.automorf.bin"),
        f"lt-proc {ENG_SPA}/eng-spa.automorf.bin", samples.apertium_lines, ("lt-proc",)),
]

# Any number of answers for each record, from tools that were told not to keep their output.
FILTERS = [
    Row("grep", filtered("grep --line-buffered e"), "grep e", samples.long_text, ()),
    Row("grep without hits", filtered("grep --line-buffered e"), "grep e", samples.text_without_e,
        (), is_silent=True),
    Row("rg", filtered("rg --line-buffered -N e"), "rg -N e", samples.text, ("rg",)),
    Row("sed that deletes", filtered("sed -u '/^ *$/d'"), "sed '/^ *$/d'", samples.text, ()),
    Row("sed that doubles", filtered("stdbuf -oL sed p"), "sed p", samples.long_text, ()),
    Row("gawk that expands",
        filtered("gawk '{ for (i = 1; i <= NF; i++) print $i; fflush() }'"),
        "gawk '{ for (i = 1; i <= NF; i++) print $i }'", samples.long_text, ("gawk",)),
    Row("mawk that expands",
        filtered("mawk -W interactive '{ for (i = 1; i <= NF; i++) print $i }'"),
        "mawk '{ for (i = 1; i <= NF; i++) print $i }'", samples.text, ("mawk",)),
    Row("jq that selects", filtered("jq --unbuffered -c 'select(.score < 0.5) | .tags[]'"),
        "jq -c 'select(.score < 0.5) | .tags[]'", samples.json_lines, ("jq",)),
    Row("perl that drops", filtered(quoted(["perl", "-ne", "$| = 1; print unless /^ /"])),
        "perl -ne 'print unless /^ /'", samples.long_text, ("perl",)),
    Row("python3 that drops", filtered(quoted(["python3", "-u", "-c", DROPPING_PYTHON])),
        shlex.join(["python3", "-c", DROPPING_PYTHON]), samples.long_text, ("python3",)),
    Row("bc with assignments", filtered("bc"), "bc", samples.assignments, ("bc",)),
    Row("sqlite3 that prints several rows", filtered("sqlite3 -batch"), "sqlite3 -batch",
        samples.rows_of_queries, ("sqlite3",)),
]

# Tools whose answers depend on what they were given before.
FILTERS_WITH_STATE = [
    Row("gawk that counts", filtered("gawk '{ print NR; fflush() }'"), "gawk '{ print NR }'",
        samples.text, ("gawk",)),
    Row("perl that drops every third", filtered(quoted(["perl", "-ne", "$| = 1; print if $. % 3"])),
        "perl -ne 'print if $. % 3'", samples.text, ("perl",)),
]

# What FILTERS has, as one types it in a shell.
FILTERS_AS_THEY_STAND = [
    Row("grep", filtered("grep e"), "grep e", samples.long_text, ()),
    Row("sed that deletes", filtered("sed '/^ *$/d'"), "sed '/^ *$/d'", samples.long_text, ()),
    Row("sed that doubles", filtered("sed p"), "sed p", samples.long_text, ()),
    Row("gawk that expands", filtered("gawk '{ for (i = 1; i <= NF; i++) print $i }'"),
        "gawk '{ for (i = 1; i <= NF; i++) print $i }'", samples.long_text, ("gawk",)),
    Row("tr into words", filtered("tr -cs '[:alpha:]' '\\n'"), "tr -cs '[:alpha:]' '\\n'",
        samples.prose, ()),
    Row("jq that selects", filtered("jq -c 'select(.score < 0.5) | .tags[]'"),
        "jq -c 'select(.score < 0.5) | .tags[]'", samples.json_lines, ("jq",)),
    Row("perl that drops", filtered(quoted(["perl", "-ne", "print if $. % 3"])),
        "perl -ne 'print if $. % 3'", samples.long_text, ("perl",)),
    Row("python3 that drops", filtered(quoted(["python3", "-c", DROPPING_PYTHON])),
        shlex.join(["python3", "-c", DROPPING_PYTHON]), samples.long_text, ("python3",)),
]
