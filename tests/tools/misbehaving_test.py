#!/usr/bin/python3
"""Tools that misbehave through `leat pipe`: the bytes of all innocent records come out in order,
the culprits are dead letters with a readable reason, and nothing hangs or is left over.

    misbehaving_test.py LEAT [CLASS]...
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
import unittest

import leat_scene

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "misbehaving")
MEMORY_MAX = 2**30


def lines(count=1000, **culprits):
    """`w0`, `w1`, ...; a culprit stands at its number: lines(10, drop=[3])."""
    found = [f"w{i}" for i in range(count)]
    for word, places in culprits.items():
        for place in places:
            found[place] = word
    return found


def joined(words):
    return "".join(word + "\n" for word in words).encode()


class MisbehavingTest(leat_scene.LeatTest):
    """Tools that answer in capitals, when they do."""

    def setUp(self):
        super().setUp()
        for name in os.listdir(TOOLS):
            shutil.copy(os.path.join(TOOLS, name), self.folder)

    def stage(self, tool, more=""):
        """One stage of a tool in this test's folder."""
        keys = "".join(f"    {line}\n" for line in more.splitlines())
        return f"stages:\n  - name: tool\n    run: ./{tool}\n{keys}"

    def run_tool(self, tool, words, more="", deadline=leat_scene.DEADLINE):
        outcome = self.pipe(self.stage(tool, more), joined(words), deadline)
        self.check_nothing_left()
        self.assertLess(outcome.memory, MEMORY_MAX, outcome)
        return outcome

    def all_answered(self, outcome, words):
        self.assertEqual(outcome.code, 0, outcome)
        self.check_same(outcome.output, joined(words).upper(), outcome)
        self.assertEqual(outcome.letters, [], outcome)

    def all_but(self, outcome, words, culprits):
        """Every record is answered but the culprits, and these are the dead letters."""
        self.assertEqual(outcome.code, 1, outcome)
        innocents = [word for word in words if word not in culprits]
        self.check_same(outcome.output, joined(innocents).upper(), outcome)
        self.assertEqual(outcome.culprits(), [word for word in words if word in culprits], outcome)

    def stage_failed(self, outcome, *said):
        """No record is charged, and the message names the stage, the cause and a remedy."""
        self.assertEqual(outcome.code, 4, outcome)
        self.assertEqual(outcome.letters, [], outcome)
        for text in ("stage 'tool'", *said):
            self.assertIn(text, outcome.errors, outcome)

    def each_reason_says(self, outcome, *texts):
        for reason in outcome.reasons():
            for text in texts:
                self.assertIn(text, reason, outcome)


class Deaths(MisbehavingTest):
    """Tools that end when they should not."""

    def test_only_the_words_that_it_dies_of_are_lost(self):
        words = lines(exit=[0, 500], segv=[77], kill=[78, 999], half=[79])
        for replicas in (1, 3):
            with self.subTest(replicas=replicas):
                outcome = self.run_tool("dies.py", words, f"replicas: {replicas}")
                self.all_but(outcome, words, {"exit", "segv", "kill", "half"})
                self.tells_deaths(outcome)

    def tells_deaths(self, outcome):
        told = {letter["text"]: (letter["kind"], letter["status"]) for letter in outcome.letters}
        self.assertEqual(told, {"exit": ("exit", 1), "segv": ("signal", 11), "kill": ("signal", 9),
                                "half": ("exit", 5)})
        by_word = {letter["text"]: letter for letter in outcome.letters}
        self.assertIn("this word is too much", by_word["exit"]["stderr"])
        self.assertIn("SIGSEGV", by_word["segv"]["reason"])
        self.assertIn("SIGKILL", by_word["kill"]["reason"])

    def test_a_tool_that_fails_only_its_first_start_costs_nothing(self):
        words = lines()
        self.all_answered(self.run_tool("fails_once.sh", words), words)

    def test_a_record_that_fails_only_once_is_answered(self):
        words = lines(once=[321])
        self.all_answered(self.run_tool("fails_once_on_a_word.py", words), words)

    def test_a_tool_that_ends_before_its_input_needs_another_mode(self):
        for run in ("stdbuf -oL head -n 3", "head -n 3"):
            with self.subTest(run=run):
                outcome = self.pipe(f"stages:\n  - name: tool\n    run: {run}\n", joined(lines()))
                self.stage_failed(outcome, "mode: window")
        self.check_nothing_left()

    def test_an_option_that_it_does_not_know_is_told_in_its_own_words(self):
        outcome = self.pipe("stages:\n  - name: tool\n    run: grep --no-such-option x\n",
                            joined(lines()))
        self.stage_failed(outcome, "exited with status 2", "unrecognized option")

    def test_a_program_that_is_not_there_is_named(self):
        self.stage_failed(self.run_tool("no-such-tool", lines()), "no-such-tool",
                          "No such file or directory")

    def test_a_program_that_may_not_be_executed_is_named(self):
        os.chmod(self.path("dies.py"), 0o644)
        self.stage_failed(self.run_tool("dies.py", lines()), "dies.py", "Permission denied")


class Answers(MisbehavingTest):
    """Tools that answer too much, too little or too late."""

    def test_a_record_that_is_answered_twice_is_the_only_one_that_is_lost(self):
        words = lines(twice=[5, 6, 640])
        for replicas in (1, 3):
            with self.subTest(replicas=replicas):
                outcome = self.run_tool("answers_twice.py", words, f"replicas: {replicas}")
                self.all_but(outcome, words, {"twice"})
                self.assertEqual(set(outcome.kinds()), {"mismatch"}, outcome)
                self.each_reason_says(outcome, "answered 2 records for 1")

    def test_a_record_that_is_never_answered_is_the_only_one_that_is_lost(self):
        words = lines(drop=range(63, 1000, 64))
        outcome = self.run_tool("drops_a_word.py", words)
        self.all_but(outcome, words, {"drop"})
        self.assertEqual(set(outcome.kinds()), {"mismatch"}, outcome)

    def test_a_tool_that_drops_one_answer_in_64_loses_nothing(self):
        words = lines()
        self.all_answered(self.run_tool("drops_one_in_64.py", words), words)

    def test_answers_that_a_thread_gives_late_are_the_right_records(self):
        words = lines()
        self.all_answered(self.run_tool("answers_late.py", words), words)

    def test_answers_that_come_in_pieces_are_whole(self):
        words = lines(500)
        self.all_answered(self.run_tool("writes_half_an_answer.py", words), words)

    def test_a_record_without_an_answer_is_lost_at_its_timeout(self):
        words = lines(hang=[10, 700])
        outcome = self.run_tool("hangs.py", words, "timeout: 200ms\nretry: {attempts: 2}")
        self.all_but(outcome, words, {"hang"})
        self.assertEqual(outcome.kinds(), ["timeout", "timeout"], outcome)
        self.each_reason_says(outcome, "no answer for 200 ms")
        self.assertLess(outcome.seconds, 20, outcome)

    def test_a_tool_that_answers_nothing_is_the_stages_failure(self):
        outcome = self.run_tool("hangs.py", ["hang"] * 100,
                                "timeout: 50ms\nretry: {attempts: 1}")
        self.assertEqual(outcome.code, 4, outcome)
        self.assertIn("20 different records in a row failed", outcome.errors)
        self.assertEqual(outcome.output, b"")

    def test_a_tool_that_holds_one_answer_back_is_found_out(self):
        outcome = self.run_tool("holds_one_back.py", lines())
        self.stage_failed(outcome, "buffers its output", "mode: window")
        self.assertEqual(outcome.output, b"")

    def test_a_banner_in_the_place_of_answers_that_are_held_back_is_found_out(self):
        outcome = self.run_tool("holds_one_back_behind_banner.py", lines(30))
        self.assertNotIn(b"misbehaving 1.0", outcome.output, outcome)
        self.assertNotEqual(outcome.code, 0, outcome)

    def test_answers_may_be_any_bytes(self):
        numbers = [str(i) for i in range(500)]
        expected = self.plain("./answers_in_bytes.py", joined(numbers))
        outcome = self.run_tool("answers_in_bytes.py", numbers)
        self.assertEqual(outcome.code, 0, outcome)
        self.check_same(outcome.output, expected, outcome)


class Starts(MisbehavingTest):
    """Tools that are slow to start, or speak before they are asked."""

    def test_a_tool_that_loads_for_a_second_loads_once(self):
        words = lines()
        outcome = self.run_tool("loads_slowly.py", words)
        self.all_answered(outcome, words)
        self.assertGreater(outcome.seconds, 1, outcome)
        self.assertLess(outcome.seconds, 10, outcome)

    def test_a_timeout_does_not_count_the_time_to_load(self):
        words = lines(3)
        self.all_answered(self.run_tool("loads_slowly.py", words, "timeout: 300ms"), words)

    def test_a_banner_is_found_out(self):
        for run in ("prints_a_banner.py", "prints_a_banner.py slowly"):
            with self.subTest(run=run):
                outcome = self.run_tool(run, lines(30), "retry: {attempts: 1}")
                self.stage_failed(outcome)
                self.assertEqual(outcome.output, b"", outcome)

    def test_the_remedy_for_a_banner_is_told(self):
        outcome = self.run_tool("prints_a_banner.py slowly", lines(30), "retry: {attempts: 1}")
        self.stage_failed(outcome, "prelude")

    def test_a_banner_that_is_declared_is_dropped(self):
        words = lines()
        for run in ("prints_a_banner.py", "prints_a_banner.py slowly"):
            for prelude in ("{records: 2}", "{until: '^ready$'}"):
                with self.subTest(run=run, prelude=prelude):
                    self.all_answered(self.run_tool(run, words, f"prelude: {prelude}"), words)

class Resources(MisbehavingTest):
    """Tools that take more than is good."""

    def test_a_leak_costs_no_record(self):
        words = lines()
        outcome = self.run_tool("leaks.py", words, "tool_limits: {memory: 200MiB}")
        self.all_answered(outcome, words)

    def test_a_record_that_needs_too_much_memory_is_the_only_one_that_is_lost(self):
        words = lines(300, huge=[150])
        outcome = self.run_tool("leaks.py", words, "tool_limits: {memory: 200MiB}")
        self.all_but(outcome, words, {"huge"})
        self.assertEqual(outcome.kinds(), ["exit"], outcome)
        self.each_reason_says(outcome, "memory")
        self.assertIn("MemoryError", outcome.letters[0]["stderr"])

    def test_a_record_that_is_answered_without_end_is_the_only_one_that_is_lost(self):
        words = lines(flood=[100])
        outcome = self.run_tool("floods.py", words, "retry: {attempts: 2}")
        self.all_but(outcome, words, {"flood"})
        self.assertEqual(outcome.kinds(), ["mismatch"], outcome)

    def test_an_answer_without_end_is_the_only_one_that_is_lost(self):
        words = lines(stream=[100])
        outcome = self.run_tool("floods.py", words, "retry: {attempts: 2}")
        self.all_but(outcome, words, {"stream"})
        self.assertEqual(outcome.kinds(), ["oversize"], outcome)
        self.each_reason_says(outcome, "record_bytes")

    def test_a_limit_of_its_output_ends_an_answer_sooner(self):
        words = lines(stream=[100])
        outcome = self.run_tool("floods.py", words, "tool_limits: {output: 1MiB}")
        self.all_but(outcome, words, {"stream"})
        self.assertEqual(outcome.kinds(), ["oversize"], outcome)
        self.each_reason_says(outcome, "tool_limits.output")

    def test_a_hundred_megabytes_on_standard_error_disturb_nothing(self):
        words = lines()
        self.all_answered(self.run_tool("complains.py", words), words)


class Surroundings(MisbehavingTest):
    """Tools that do odd things to their streams, children and signals."""

    def test_a_pipeline_of_children_for_each_record_answers_right(self):
        words = lines(300)
        self.all_answered(self.run_tool("pipeline_per_record.sh", words), words)

    def test_children_that_hold_the_output_open_are_ended(self):
        words = lines(child=[3, 40], far=[77])
        outcome = self.run_tool("leaves_children.sh", words, "grace: 200ms")
        self.assertEqual(outcome.code, 0, outcome)
        self.check_same(outcome.output, joined(words), outcome)
        self.assertLess(outcome.seconds, 10, outcome)

    def test_a_tool_that_closes_its_output_loses_the_record_that_made_it(self):
        words = lines(close=[100, 900])
        outcome = self.run_tool("closes_stdout.py", words)
        self.all_but(outcome, words, {"close"})
        self.assertEqual(outcome.kinds(), ["mismatch", "mismatch"], outcome)

    def test_the_reason_says_that_the_output_was_closed(self):
        outcome = self.run_tool("closes_stdout.py", lines(close=[100]))
        self.each_reason_says(outcome, "closed its standard output")

    def test_a_tool_that_closes_its_input_loses_the_record_that_made_it(self):
        words = lines(close=[100, 900])
        outcome = self.run_tool("closes_stdin.py", words, "timeout: 200ms\ngrace: 200ms")
        self.all_but(outcome, words, {"close"})

    def test_a_closed_input_is_found_out_without_a_timeout(self):
        words = lines(close=[100])
        outcome = self.run_tool("closes_stdin.py", words, "retry: {attempts: 1}", deadline=10)
        self.all_but(outcome, words, {"close"})
        self.each_reason_says(outcome, "closed its standard input")

    def test_a_tool_that_ignores_sigterm_is_killed(self):
        words = lines()
        outcome = self.run_tool("ignores_sigterm.py", words, "grace: 100ms")
        self.all_answered(outcome, words)
        self.assertLess(outcome.seconds, 5, outcome)


class Filters(MisbehavingTest):
    """The same in mode `filter`, where a record may have any number of answers."""

    def run_filter(self, tool, words, more=""):
        return self.run_tool(tool, words, "mode: filter\n" + more)

    def test_only_the_words_that_it_dies_of_are_lost(self):
        words = lines(exit=[0, 500], segv=[77], kill=[78, 999], half=[79])
        for replicas in (1, 3):
            with self.subTest(replicas=replicas):
                outcome = self.run_filter("dies.py", words, f"replicas: {replicas}")
                self.all_but(outcome, words, {"exit", "segv", "kill", "half"})

    def test_no_answer_and_two_answers_are_right(self):
        words = lines(drop=range(3, 1000, 7))
        outcome = self.run_filter("drops_a_word.py", words)
        self.all_answered(outcome, [word for word in words if word != "drop"])
        words = lines(twice=[3, 700])
        twice = [again for word in words for again in [word] * (1 + (word == "twice"))]
        self.all_answered(self.run_filter("answers_twice.py", words), twice)

    def test_a_tool_that_holds_one_answer_back_is_refused(self):
        outcome = self.run_filter("holds_one_back.py", lines())
        self.stage_failed(outcome, "buffers its output", "mode: window")

    def test_a_banner_is_found_out_and_the_remedy_is_told(self):
        self.stage_failed(self.run_filter("prints_a_banner.py", lines()), "prelude")

    def test_a_record_that_it_hangs_on_is_lost_at_its_timeout(self):
        words = lines(300, hang=[10, 250])
        outcome = self.run_filter("hangs.py", words, "timeout: 200ms\nretry: {attempts: 2}")
        self.all_but(outcome, words, {"hang"})
        self.assertEqual(outcome.kinds(), ["timeout", "timeout"], outcome)

    def test_a_tool_that_closes_its_output_loses_the_record_that_made_it(self):
        words = lines(close=[100])
        self.all_but(self.run_filter("closes_stdout.py", words), words, {"close"})


class Endings(MisbehavingTest):
    """Pipes that end before their input does."""

    def test_a_pipe_whose_tool_hangs_can_be_interrupted(self):
        words = joined(["w0", "hang", "w1"])
        code, output, _ = self.interrupt("hangs.py", words, until_readable("stdout"))
        self.assertEqual((code, output), (130, b"W0\n"))
        self.check_nothing_left()

    def test_a_pipe_whose_tool_hangs_says_so(self):
        words = joined(["w0", "hang", "w1"])
        _, _, errors = self.interrupt("hangs.py", words, until_readable("stderr"))
        self.assertIn("timeout", errors)

    def test_a_tool_that_prints_without_end_before_it_is_asked_is_the_stages_failure(self):
        outcome = self.run_tool("floods_at_start.sh", lines(), deadline=10)
        self.stage_failed(outcome, "before it was given a record")

    def test_a_pipe_is_interrupted_while_a_dead_tools_child_holds_its_output(self):
        code, _, _ = self.interrupt("leaves_a_child_and_exits.sh", b"w0\n", self.until_a_tool_died)
        self.assertEqual(code, 130)
        self.check_nothing_left()

    def until_a_tool_died(self, _):
        """Its child says so: it belongs to another parent."""
        end = time.monotonic() + 8
        while time.monotonic() < end:
            for process in self.leftovers():
                if leat_scene.words_of(process).endswith("sleep 1000 ") and is_orphan(process):
                    return

    def interrupt(self, tool, given, until):
        """(exit code, output, errors) of a pipe that is interrupted when `until` has returned."""
        self.write("tools.yml", "pipeline: tools\n" + self.stage(tool))
        with subprocess.Popen(
            [self.leat, "pipe", self.path("tools.yml")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**leat_scene.CLEAN, leat_scene.MARK: self.mark},
        ) as process:
            process.stdin.write(given)
            process.stdin.flush()
            until(process)
            process.send_signal(signal.SIGTERM)
            try:
                output, errors = process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            return process.returncode, output, errors.decode()


def until_readable(stream):
    """Waits until a process has said something there, or for a while."""
    return lambda process: leat_scene.wait_readable(getattr(process, stream), 8)


def is_orphan(process):
    """Whether its parent is not the one that started it with this mark."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:
            parent = int(file.read().rpartition(")")[2].split()[1])
        return parent == 1 or not leat_scene.words_of(parent).count("leaves_a_child")
    return False


class Windows(MisbehavingTest):
    """The same in mode `window`, where a process has a hundred records and then its end."""

    def run_windows(self, tool, words, more=""):
        return self.run_tool(tool, words, "mode: window\nwindow: {records: 100}\n" + more)

    def all_but_windows(self, outcome, words, lost):
        """The windows that begin at these records are dead letters, whole."""
        self.assertEqual(outcome.code, 1, outcome)
        innocents = [word for i, word in enumerate(words) if i - i % 100 not in lost]
        self.check_same(outcome.output, joined(innocents).upper(), outcome)
        self.assertEqual([(letter["record"], letter["records"]) for letter in
                          sorted(outcome.letters, key=leat_scene.place_of)],
                         [(str(begin), 100) for begin in lost], outcome)

    def test_a_window_in_which_it_dies_is_lost_whole(self):
        words = lines(exit=[150], segv=[399], half=[900])
        outcome = self.run_windows("dies.py", words, "replicas: 2")
        self.all_but_windows(outcome, words, [100, 300, 900])
        self.assertEqual(outcome.kinds(), ["exit", "signal", "exit"], outcome)

    def test_answers_need_not_be_one_for_each_record(self):
        for tool in ("drops_one_in_64.py", "answers_twice.py", "holds_one_back.py"):
            with self.subTest(tool=tool):
                words = lines(twice=[7, 707])
                given = [joined(words[i:i + 100]) for i in range(0, 1000, 100)]
                outcome = self.run_windows(tool, words)
                self.assertEqual(outcome.code, 0, outcome)
                expected = b"".join(self.plain(f"./{tool}", each) for each in given)
                self.check_same(outcome.output, expected, outcome)

    def test_a_window_that_hangs_is_lost_at_its_timeout(self):
        words = lines(300, hang=[250])
        outcome = self.run_windows("hangs.py", words, "timeout: 1s\nretry: {attempts: 1}")
        self.all_but_windows(outcome, words, [200])
        self.assertEqual(outcome.kinds(), ["timeout"], outcome)

    def test_a_window_that_is_answered_without_end_is_lost_whole(self):
        words = lines(300, flood=[150])
        outcome = self.run_windows("floods.py", words, "tool_limits: {output: 1MiB}")
        self.all_but_windows(outcome, words, [100])
        self.assertEqual(outcome.kinds(), ["oversize"], outcome)

    def test_a_tool_that_reads_only_the_first_records_gives_its_result(self):
        outcome = self.pipe("stages:\n  - name: tool\n    run: head -n 1\n    mode: window\n"
                            "    window: all\n", joined(lines(200_000)))
        self.assertEqual((outcome.code, outcome.output), (0, b"w0\n"), outcome)
        self.check_nothing_left()

    def test_children_that_hold_the_output_open_do_not_hold_the_window(self):
        words = lines(300, child=[3], far=[150])
        outcome = self.run_windows("leaves_children.sh", words)
        self.assertEqual(outcome.code, 0, outcome)
        self.check_same(outcome.output, joined(words), outcome)
        self.assertLess(outcome.seconds, 10, outcome)

    def test_a_tool_that_stays_after_its_input_is_lost_at_its_timeout_alone(self):
        words = lines(100)
        outcome = self.run_windows("ignores_sigterm.py", words,
                                   "timeout: 500ms\ngrace: 200ms\nretry: {attempts: 1}")
        self.all_but_windows(outcome, words, [0])
        self.assertEqual(outcome.kinds(), ["timeout"], outcome)


if __name__ == "__main__":
    leat_scene.main()
