#!/usr/bin/env python3
"""Planted bugs, each of which the simulation must catch.

  mutants.py list               the names
  mutants.py make NAME ROOT     the mutated source, on standard output
  mutants.py catch NAME PROGRAM runs the mutated simulation; fails unless it finds the bug

A mutant is a piece of one source file and what stands there instead. A piece that is not found,
or found twice, fails the build: mutants are kept with the code.
"""

import os
import subprocess
import sys

MUTANTS = {
    "lose-a-lease": (
        "broker/inlets.cpp",
        "session.flow().ledger(leased.vertex).give_back(range, key, cause);",
        "(void)range;",
    ),
    "deliver-twice": (
        "clients/cpp/session_core.cpp",
        "if (!is_ours || message.number <= handed_over_) return;",
        "if (!is_ours) return;",
    ),
    "commit-what-is-not-open": (
        "broker/flow.cpp",
        "!places_[vertex].ledger.is_open({run.first, run.inputs})",
        "false",
    ),
    "forget-to-settle-a-failure": (
        "broker/flow.cpp",
        "    settle(vertex, run.first, run.inputs);\n",
        "    if (run.outputs > 0) settle(vertex, run.first, run.inputs);\n",
    ),
    "deliver-out-of-order": (
        "broker/flow.cpp",
        "if (plan_.vertices[vertex].is_ordered && !has_all_before(vertex, head->first)) {",
        "if (plan_.vertices[vertex].is_ordered && false) {",
    ),
    "reuse-a-producer-id": (
        "broker/clients.cpp",
        "const ProducerId id{settings_.incarnation, ++id_count_};",
        "const ProducerId id{settings_.incarnation, 1000 + deployment.sessions().size()};",
    ),
    "reuse-a-tool-id": (
        "node/kept_replica.cpp",
        "  tool_ = ToolId{++next_tool};\n",
        "  tool_ = ToolId{1000 + post_.index + ++next_tool * 0};\n",
    ),
    "commit-before-rest": (
        "node/each_contract.cpp",
        "if (is_complete && (is_unseeable || is_hidden)) return",
        "if (is_complete && (!is_unseeable || is_unseeable || is_hidden)) return",
    ),
    "tell-others-what-a-tool-said": (
        "node/kept_replica.cpp",
        "  if (given_.is_empty()) heard_ = {};\n",
        "",
    ),
    "charge-an-innocent": (
        "node/each_contract.cpp",
        "if (given.count() == 1) suspicion.culprit = 0;",
        "if (given.count() > 0) suspicion.culprit = 0;",
    ),
    "forget-a-held-result": (
        "node/node_core.cpp",
        "results_.emplace(result.number, HeldResult{std::move(result), beats_});",
        "",
    ),
    "believe-that-leases-arrive": (
        "broker/inlet.cpp",
        "if (leased.missed >= 2) lost.push_back(number);",
        "",
    ),
    "never-give-up-on-a-record": (
        "node/blame.cpp",
        "  ++culprit.attempts;\n",
        "",
    ),
    "take-a-surplus-answer": (
        "node/each_contract.cpp",
        "if (answers <= owed) return std::nullopt;",
        "if (answers <= owed || owed > 0) return std::nullopt;",
    ),
    "end-before-the-end": (
        "broker/session.cpp",
        "flow_.has_all_arrived(plan_.sink()) &&",
        "flow_.has_end() &&",
    ),
    "never-send-input-again": (
        "clients/cpp/session_core.cpp",
        "if (before == State::kOpening || has_lost_input || has_lost_end) resend();",
        "if (before == State::kOpening || (has_lost_input && has_lost_end && false)) resend();",
    ),
    "admit-without-limit": (
        "broker/dispatch.cpp",
        "std::min(limits.session_bytes_max, limits.queue_bytes_max / 2 / count)",
        "std::size_t{1} << 30",
    ),
    "forget-what-a-lost-consumer-had": (
        "broker/outlet.cpp",
        "    if (untaken.parcel != 0) group.waiting.insert(untaken.parcel);\n",
        "    (void)untaken;\n",
    ),
    "give-a-parcel-to-two-of-a-group": (
        "broker/outlet.cpp",
        "if (*next != 0) group.waiting.erase(*next);",
        "if (*next != 0 && consumer.untaken_.size() > 1) group.waiting.erase(*next);",
    ),
    "close-what-still-works": (
        "broker/inlets.cpp",
        "if (inlet.has_retired()) retired.push_back(key);",
        "if (inlet.replicas() == 0) retired.push_back(key);",
    ),
    "an-ordered-stage-in-two-places": (
        "broker/inlets.cpp",
        "const bool must_wait = !is_there && is_ordered && has_inlet(segment);",
        "const bool must_wait = !is_there && is_ordered && has_inlet(segment) && false;",
    ),
    "forget-what-was-set-aside-at-a-deploy": (
        "broker/deployment.cpp",
        "session->second.flow().take_back_aside(vertex, aside.result.outputs.runs);",
        "(void)vertex;",
    ),
    "never-try-a-failing-stage-again": (
        "broker/broker_core.cpp",
        "if (deployment->failings().release_due(now)) is_placement_due_ = true;",
        "(void)deployment->failings().release_due(now);",
    ),
    "run-a-stage-anywhere": (
        "broker/nodes.cpp",
        "if (member.is_draining || !has_labels(member, stage)) {",
        "if (member.is_draining || (!has_labels(member, stage) && false)) {",
    ),
    "lease-to-a-paused-stage": (
        "broker/dispatch.cpp",
        "    while (may_work && dispatch_one(vertex, effects)) {",
        "    while (dispatch_one(vertex, effects)) {",
    ),
    "commit-a-filter-before-rest": (
        "node/filter_contract.cpp",
        "  if (sight.rest == Rest::kAtRest) {\n",
        "  if (sight.rest != Rest::kWithheld) {\n",
    ),
    "charge-an-innocent-of-a-filter": (
        "node/filter_contract.cpp",
        "if (given.count() == 1) suspicion.culprit = 0;",
        "if (given.count() > 0) suspicion.culprit = 0;",
    ),
    "mix-two-producers-outputs": (
        "node/filter_contract.cpp",
        "  if (given.is_empty()) return room;\n",
        "  return room;\n",
    ),
    "charge-an-innocent-of-tagged": (
        "node/tagged_end.cpp",
        "if (!culprit && inside_.count() == 1) culprit",
        "if (!culprit) culprit",
    ),
    "take-an-id-twice": (
        "node/tagged_inside.cpp",
        "  if (index >= piece.is_answered.size() || piece.is_answered[index]) return std::nullopt;\n",
        "  if (index >= piece.is_answered.size()) return std::nullopt;\n",
    ),
    "mix-two-leases-outputs": (
        "node/work_queue.cpp",
        "if (!room.next) return true;",
        "return true;",
    ),
}


def make(name, root):
    path, piece, instead = MUTANTS[name]
    with open(os.path.join(root, path), encoding="utf-8") as source:
        text = source.read()
    if text.count(piece) != 1:
        sys.exit(f"{path}: mutant {name}: its piece is there {text.count(piece)} times, not once; "
                 "bring tests/sim/mutants.py up to date")
    sys.stdout.write(text.replace(piece, instead))


def catch(name, program):
    # A few seeds of every kind first: most bugs are found there, and sanitizers are slow.
    for seeds in (199, 1999):
        environment = {**os.environ, "LEAT_SIM_SEEDS": str(seeds)}
        run = subprocess.run([program, "--abort"], env=environment, capture_output=True, text=True,
                             check=False)
        # Only a found bug counts, not that some fault never happened.
        signs = ("repeat it", "ENSURE failed", "due to a fatal error condition", "AddressSanitizer")
        said = run.stdout + run.stderr
        if run.returncode != 0 and any(sign in said for sign in signs):
            return
    sys.exit(f"mutant {name} was not caught:\n{run.stdout[-800:]}\n{run.stderr[-800:]}")


if __name__ == "__main__":
    if sys.argv[1] == "list":
        print(";".join(f"{name}" for name in MUTANTS))
    elif sys.argv[1] == "make":
        make(*sys.argv[2:4])
    else:
        catch(*sys.argv[2:4])
