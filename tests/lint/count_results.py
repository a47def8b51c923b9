#!/usr/bin/python3
"""Counts a ctest run from its JUnit file: one last line "N passed, N failed". What was not run for
another reason than the test's own word (SKIP_...) failed; so did a run that left no file or ran
nothing."""

import sys
import xml.etree.ElementTree as tree


def count(text):
    """(passed, failed, names of those that failed) of a JUnit file's text."""
    try:
        cases = list(tree.fromstring(text).iter("testcase"))
    except tree.ParseError:
        return 0, 1, ["ctest's results cannot be read"]
    passed, failed = 0, []
    for case in cases:
        if case.get("status") == "run":
            passed += 1
        elif case.get("status") != "disabled" and not _chose_to_skip(case):
            failed.append(case.get("name", "a test without a name"))
    if not passed and not failed:
        failed = ["no test ran"]
    return passed, len(failed), failed


def _chose_to_skip(case):
    skipped = case.find("skipped")
    return skipped is not None and skipped.get("message", "").startswith("SKIP_")


def main():
    try:
        with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        text = ""
    passed, failed, names = count(text)
    for name in names:
        print(f"failed: {name}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
