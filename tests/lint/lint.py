#!/usr/bin/python3
"""Checks what STYLE and the compiler leave to people: `./dev lint`. Each rule is a function from
the tree of files to findings; the self-tests in lint_test.py show what each one catches."""

import os
import sys

import code_rules
import layers
import shape_rules
from source import read_tree

RULES = (
    layers.check_direction,
    layers.check_roots,
    layers.check_libraries,
    layers.check_packages,
    code_rules.check_pure_includes,
    code_rules.check_pure_names,
    code_rules.check_banned_names,
    code_rules.check_macros,
    code_rules.check_words,
    code_rules.check_everywhere,
    code_rules.check_nolint,
    code_rules.check_names_of_files,
    code_rules.check_names_of_tests,
    shape_rules.check_length,
    shape_rules.check_headers,
    shape_rules.check_architecture,
    shape_rules.check_links,
    shape_rules.check_mentions,
)


def findings(tree):
    found = [finding for rule in RULES for finding in rule(tree)]
    return sorted(found, key=lambda f: (f.path, f.line, f.rule))


def main():
    root = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
    tree = read_tree(root)
    if not tree.cpp():
        sys.exit("lint: found no source file to look at")
    found = findings(tree)
    for finding in found:
        print(finding)
    errors = sum(not finding.is_warning for finding in found)
    print(f"lint: {len(tree.texts)} files, {errors} errors, {len(found) - errors} warnings")
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
