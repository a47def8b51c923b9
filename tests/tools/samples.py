"""What the tools are given: several hundred records of each kind, awkward ones among them."""

import json
import random
import re

LICENCES = "/usr/share/common-licenses/"
# What Apertium's stream format gives a meaning of its own.
APERTIUM_MARKS = re.compile(r"[\[\]\\@/^${}<>*~+#]")
AWKWARD_LINES = ["", " ", "\t", "Zürich, naïve, 東京 🙂", "a" * 5000, "trailing blanks   ",
                 "'single' \"double\" `back` \\", "-n", "--help", "0"]


def licence_lines(count=800):
    """Lines of real text, a third of them empty or nearly so."""
    with open(LICENCES + "GPL-3", encoding="utf-8") as file:
        return file.read().splitlines()[:count]


def text():
    """Lines of real text with awkward ones here and there."""
    lines = licence_lines()
    for i, line in enumerate(AWKWARD_LINES):
        lines.insert(70 * i + 1, line)
    return as_lines(lines)


def long_text():
    """Some ten thousand lines: more than a pipe and the tools' buffers hold."""
    return text() * 13 + b"x" * 300_000 + b"\n"


def as_lines(lines):
    return "".join(line + "\n" for line in lines).encode()


def spelling():
    """What ispell's protocol wants: ^ before each line, so that no line is a command."""
    return as_lines("^" + line[:1000] for line in licence_lines(400) + AWKWARD_LINES[3:])


def prose():
    """Lines without blank ones, of words."""
    return as_lines(line for line in licence_lines() if re.search(r"\w", line))


def japanese():
    sentences = ["すもももももももものうち", "猫は窓の外を見ている。", "", "東京都に住む。", "MeCab 0.996"]
    chance = random.Random(3)
    return as_lines("".join(chance.sample(sentences, chance.randint(1, 4))) for _ in range(600))


def apertium():
    """Pieces of English text, each with a NUL behind it, without the marks of the stream format."""
    lines = [APERTIUM_MARKS.sub(" ", line).strip() for line in licence_lines()]
    return "".join(line + "\0" for line in lines if line).encode()


def json_lines():
    chance = random.Random(5)
    words = licence_lines(100) + AWKWARD_LINES
    objects = [
        {"id": i, "text": chance.choice(words), "score": round(chance.random(), 6),
         "tags": chance.sample(["a", "b", "ü", "d e"], chance.randint(0, 4)), "none": None}
        for i in range(1500)
    ]
    return as_lines(json.dumps(each, ensure_ascii=bool(each["id"] % 2)) for each in objects)


def numbers(count=2000):
    chance = random.Random(7)
    return as_lines(str(chance.randint(-10**9, 10**9)) for _ in range(count))


def sums():
    """Expressions for bc, each of which prints one line."""
    chance = random.Random(9)
    return as_lines(f"{chance.randint(1, 10**9)} {chance.choice('+-*')} {chance.randint(1, 10**9)}"
                    for _ in range(1500))


def reversed_polish():
    """The same for dc."""
    chance = random.Random(11)
    return as_lines(f"{chance.randint(1, 999)} {chance.randint(1, 999)} {chance.choice('+-*')} p"
                    for _ in range(1500))


def table():
    """Columns that tabs separate."""
    chance = random.Random(13)
    return as_lines(f"{chance.choice('abcdef')}\t{i}\t{chance.randint(0, 999)}"
                    for i in range(2000))


def key_values():
    """Miller's own form."""
    return as_lines(f"i={i},word=w{i % 7},x={i * 37 % 101}" for i in range(600))


def fastq():
    """Records of four lines, of several lengths."""
    chance = random.Random(15)
    lines = []
    for i in range(500):
        length = chance.choice([1, 36, 75, 151, 3000])
        lines += [f"@read{i} made up", "".join(chance.choices("ACGTN", k=length)), "+",
                  "".join(chance.choices("!#5?FI@+", k=length))]
    return as_lines(lines)


def documents():
    """An XML document in each line."""
    return as_lines(f"<r><n>{i}</n><t>ü &amp; {i * i}</t></r>" for i in range(300))


def queries():
    """SQL, each of which prints one line."""
    return as_lines(f"select {i} * {i}, 'ü' || '{i}', hex({i});" for i in range(1500))


def json_values():
    """Values with no newline between them, some of several lines."""
    chance = random.Random(17)
    values = [[i, "ü\n", {"a": None}] if i % 3 else {"i": i, "text": "x" * chance.randint(0, 99)}
              for i in range(600)]
    return "".join(json.dumps(value, indent=chance.choice([None, 2])) for value in values).encode()


def text_without_e():
    return as_lines(line for line in licence_lines() if "e" not in line)


def words():
    """A few words in each line, without marks that end a sentence."""
    lines = (" ".join(re.findall(r"[A-Za-z]+", line)[:6]).lower() for line in licence_lines(300))
    return as_lines(line for line in lines if line)


def sentences():
    lines = ["The house is red.", "This is a test.", "", "I saw the man with the dog."]
    return as_lines(lines * 10)


def clauses():
    """Lines of several clauses, each of which espeak-ng prints as a line."""
    return as_lines(["one, two, three", "The house is red. Is it?", "no"] * 60)


def rows_of_queries():
    """SQL with none, one or several rows as an answer."""
    return as_lines(f"select column1, {i} from (values (1), (2), (3)) where column1 % 3 < {i % 4};"
                    for i in range(900))


def apertium_lines():
    """Lines of text, without the marks of Apertium's stream format."""
    return as_lines(APERTIUM_MARKS.sub(" ", line) for line in licence_lines())


def assignments():
    """Every third line prints nothing."""
    return as_lines(f"a = {i}" if i % 3 == 0 else f"a * {i}" for i in range(1200))


# For vislcg3 and cg-proc: after a determiner comes no verb.
GRAMMAR = """DELIMITERS = "<.>" ;
LIST V = V vblex ;
LIST DET = DET det ;
SECTION
REMOVE V IF (-1 DET) ;
"""


def cohort(word, *readings):
    return [f'"<{word}>"', *(f'\t"{word}" {reading}' for reading in readings)]


def sentence_cohorts(number):
    return [*cohort("the", "DET"), *cohort(f"house{number}", "N SG", "V INF"), *cohort("ü", "A"),
            *cohort(".", "PUNCT")]


def cohorts():
    return as_lines(line for i in range(400) for line in sentence_cohorts(i))


def flushed_cohorts():
    """The same, with a command behind each sentence that makes vislcg3 print it."""
    return as_lines(line for i in range(400)
                    for line in [*sentence_cohorts(i), "<STREAMCMD:FLUSH>"])
