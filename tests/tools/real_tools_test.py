#!/usr/bin/python3
"""Real tools of the distribution through `leat pipe`, as a user would write their stages.

    real_tools_test.py LEAT [CLASS]...

The output must be what the tool prints by itself for the same input, byte for byte. A tool that is
not installed is a skipped test.
"""

import shutil
import subprocess

import leat_scene
import rows
import samples


def tests_of(table):
    """Gives a class a test for each row."""
    def fill(into):
        for row in table:
            test = test_of(row)
            name = "test_" + "".join(c if c.isalnum() else "_" for c in row.name)
            setattr(into, name, test)
        return into
    return fill


def test_of(row):
    def test(self):
        self.check(row)
    test.__doc__ = f"{row.name}: the bytes of the tool by itself"
    return test


class ToolTest(leat_scene.LeatTest):
    """Checks one row."""

    def check(self, row):
        self.require(row.needs)
        self.write("grammar.cg3", samples.GRAMMAR)
        if row.before:
            subprocess.run(["sh", "-c", row.before], cwd=self.folder, env=leat_scene.CLEAN,
                           check=True, stderr=subprocess.DEVNULL)
        given = row.given()
        expected = self.plain(row.plain, given)
        self.assertEqual(expected == b"", row.is_silent, f"by itself: {row.plain}")
        outcome = self.pipe(row.stages, given)
        self.assertEqual(outcome.code, 0, outcome)
        self.check_same(outcome.output, expected, outcome)
        self.assertEqual(outcome.letters, [], outcome)
        self.check_nothing_left()

    def require(self, programs):
        for program in programs:
            if shutil.which(program, path=leat_scene.CLEAN["PATH"]) is None:
                self.skipTest(f"{program} is not installed")


@tests_of(rows.LANGUAGE)
class LanguageTools(ToolTest):
    """Tools that know languages."""

    def test_link_parser_without_its_dictionary(self):
        """link-parser ends without its dictionary: its words are in the error"""
        self.require(["link-parser"])
        outcome = self.pipe(rows.each("link-parser xx"), samples.sentences())
        self.assertEqual(outcome.code, 4, outcome)
        self.assertIn("stage 'tool'", outcome.errors)
        self.assertIn("Could not open dictionary", outcome.errors)
        self.assertEqual((outcome.output, outcome.letters), (b"", []), outcome)
        self.check_nothing_left()


@tests_of(rows.APERTIUM)
class ApertiumTools(ToolTest):
    """Tools of Apertium."""


@tests_of(rows.LINES)
class LineTools(ToolTest):
    """Tools that were told to answer each line at once."""


@tests_of(rows.WINDOWS)
class WindowTools(ToolTest):
    """Tools that need the end of their input."""


@tests_of(rows.AS_THEY_STAND)
class ToolsAsTheyStand(ToolTest):
    """Tools without any option for the sake of Leat."""


@tests_of(rows.FILTERS)
class FilterTools(ToolTest):
    """Tools that print any number of answers for each record."""

    def test_tools_whose_rest_cannot_be_seen_are_refused_with_the_reason(self):
        for run, given in (("mlr --records-per-batch 1 --fflush filter '$x > 50'",
                            samples.key_values()), ("espeak-ng -q -x", samples.clauses())):
            with self.subTest(run=run):
                self.require([run.split()[0]])
                outcome = self.pipe(rows.filtered(run), given)
                self.assertEqual((outcome.code, outcome.output), (4, b""), outcome)
                self.assertIn("threads", outcome.errors)
                self.assertIn("use mode: window", outcome.errors)
                self.check_nothing_left()


@tests_of(rows.FILTERS_WITH_STATE)
class FiltersWithState(ToolTest):
    """Tools with one replica, whose state must last from the first record to the last."""


@tests_of(rows.FILTERS_AS_THEY_STAND)
class FiltersAsTheyStand(ToolTest):
    """The same without any option for the sake of Leat."""


if __name__ == "__main__":
    leat_scene.main()
