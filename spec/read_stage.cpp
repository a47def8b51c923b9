#include "spec/read_stage.h"

#include <algorithm>
#include <array>
#include <span>

#include "spec/check_framings.h"
#include "spec/read_command.h"
#include "spec/read_framing.h"
#include "spec/read_opening.h"
#include "spec/read_preset.h"
#include "spec/read_surroundings.h"
#include "spec/values.h"

namespace leat::spec {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kRecordsMax = 1'000'000'000;
constexpr std::uint64_t kWindowBytesMax = std::uint64_t{1} << 40;

Read<void> read_mode(const YamlValue& yaml, Stage& stage) {
  constexpr std::array<std::string_view, 4> kModes = {"each", "filter", "tagged", "window"};
  constexpr std::array<Mode, 4> kValues = {Mode::kEach, Mode::kFilter, Mode::kTagged,
                                           Mode::kWindow};
  const auto word = read_word(yaml, kModes);
  if (!word) return tl::unexpected(word.error());
  stage.mode = kValues.at(*word);
  return {};
}

constexpr std::array<Key<Window>, 3> kWindowKeys = {
    {{"records",
      [](const YamlValue& yaml, Window& window) {
        return store(window.records, read_count(yaml, {1, kRecordsMax}));
      }},
     {"bytes",
      [](const YamlValue& yaml, Window& window) {
        return store(window.bytes, read_size(yaml, {1, kWindowBytesMax}));
      }},
     {"time", [](const YamlValue& yaml, Window& window) {
        return store(window.time, read_duration(yaml, {milliseconds(1), hours(24)}));
      }}}};

Read<void> read_window(const YamlValue& yaml, Stage& stage) {
  stage.window = {};
  stage.window.all = yaml.kind == YamlValue::Kind::kScalar && yaml.text == "all";
  if (stage.window.all) return {};
  if (yaml.kind != YamlValue::Kind::kMap || yaml.entries.empty()) {
    return unexpected_value(yaml, "all, or a map of records, bytes or time");
  }
  return read_map<Window>(yaml, "window", kWindowKeys, stage.window);
}

Read<void> read_replicas(const YamlValue& yaml, Stage& stage) {
  if (yaml.kind == YamlValue::Kind::kScalar && yaml.text == "auto") {
    return fault(yaml.mark,
                 "found 'auto', which is not built yet, expected a whole number from 1 to 1024");
  }
  return store(stage.replicas, read_count(yaml, {1, kReplicasMax}));
}

constexpr std::array<Key<Stage>, 2> kRetryKeys = {
    {{"attempts", [](const YamlValue& yaml,
                     Stage& stage) { return store(stage.attempts, read_count(yaml, {1, 100})); }},
     {"backoff", [](const YamlValue& yaml, Stage& stage) {
        return store(stage.backoff, read_duration(yaml, {Duration(0), hours(1)}));
      }}}};

Read<void> read_buffering(const YamlValue& yaml, Stage& stage) {
  constexpr std::array<std::string_view, 4> kWords = {"auto", "pipe", "preload", "pty"};
  constexpr std::array<Buffering, 4> kValues = {Buffering::kAuto, Buffering::kPipe,
                                                Buffering::kPreload, Buffering::kPty};
  const auto word = read_word(yaml, kWords);
  if (!word) return tl::unexpected(word.error());
  stage.buffering = kValues.at(*word);
  return {};
}

Read<void> read_on_error(const YamlValue& yaml, Stage& stage) {
  constexpr std::array<std::string_view, 3> kWords = {"dead-letter", "drop", "stop"};
  constexpr std::array<OnError, 3> kValues = {OnError::kDeadLetter, OnError::kDrop, OnError::kStop};
  const auto word = read_word(yaml, kWords);
  if (!word) return tl::unexpected(word.error());
  stage.on_error = kValues.at(*word);
  return {};
}

Read<void> read_variable(const YamlValue::Entry& entry, Stage& stage) {
  constexpr std::array<std::string_view, 5> kOwn = {"LEAT_PIPELINE", "LEAT_STAGE", "LEAT_REPLICA",
                                                    "LEAT_GUARD", kAnswersVariable};
  if (entry.key.empty() ||
      entry.key.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
    return fault(entry.key_mark, "found " + quoted(entry.key) + ", expected a variable's name");
  }
  if (std::ranges::find(kOwn, entry.key) != kOwn.end()) {
    return fault(entry.key_mark, "found " + quoted(entry.key) +
                                     ", expected a variable that Leat does not set itself");
  }
  return store(stage.env[entry.key], read_argument(entry.value, "a variable's text ('' for none)"));
}

Read<void> read_env(const YamlValue& yaml, Stage& stage) {
  if (yaml.kind != YamlValue::Kind::kMap) {
    return unexpected_value(yaml, "a map of variables, such as {LANG: C}");
  }
  for (const YamlValue::Entry& entry : yaml.entries) {
    if (auto read = read_variable(entry, stage); !read) return read;
  }
  return {};
}

Read<void> read_labels(const YamlValue& yaml, Stage& stage) {
  if (yaml.kind != YamlValue::Kind::kMap || yaml.entries.empty()) {
    return unexpected_value(yaml, "a map of labels that a node must have, such as {gpu: \"true\"}");
  }
  for (const YamlValue::Entry& entry : yaml.entries) {
    if (entry.key.empty() || entry.key.find('=') != std::string::npos) {
      return fault(entry.key_mark, "found " + quoted(entry.key) + ", expected a label's name");
    }
    auto read = store(stage.labels[entry.key], read_argument(entry.value, "a label's text"));
    if (!read) return read;
  }
  return {};
}

Read<void> read_exit_code(const YamlValue& yaml, Stage& stage) {
  const auto code = read_count(yaml, {0, 255});
  if (!code) return tl::unexpected(code.error());
  const int value = static_cast<int>(*code);
  if (std::ranges::find(stage.exit_codes, value) != stage.exit_codes.end()) {
    return unexpected_value(yaml, "every exit code once");
  }
  stage.exit_codes.push_back(value);
  return {};
}

Read<void> read_exit_codes(const YamlValue& yaml, Stage& stage) {
  if (yaml.kind != YamlValue::Kind::kList || yaml.items.empty()) {
    return unexpected_value(yaml, "a list of exit codes that mean success, such as [0, 1]");
  }
  stage.exit_codes.clear();
  for (const YamlValue& item : yaml.items) {
    if (auto read = read_exit_code(item, stage); !read) return read;
  }
  return {};
}

Read<void> read_from(const YamlValue& yaml, StageDraft& draft) {
  if (yaml.kind == YamlValue::Kind::kList) {
    return fault(yaml.mark, "found a list, expected one stage's name: joins are not built yet");
  }
  auto name = read_name(yaml);
  if (!name) return tl::unexpected(name.error());
  draft.from = Name{*std::move(name), yaml.mark};
  return {};
}

// Read by read_command(), which needs both of them.
Read<void> leave_for_command(const YamlValue& /*yaml*/, StageDraft& /*draft*/) {
  return {};
}

constexpr std::array<Key<StageDraft>, 27> kStageKeys = {
    {{"name",
      [](const YamlValue& yaml, StageDraft& draft) {
        draft.name.mark = yaml.mark;
        return store(draft.name.text, read_name(yaml));
      }},
     {"run", leave_for_command},
     {"shell", leave_for_command},
     {"file", [](const YamlValue& yaml,
                 StageDraft& d) { return store(d.stage.is_record_in_file, read_truth(yaml)); }},
     {"from", read_from},
     {"replicas",
      [](const YamlValue& yaml, StageDraft& d) { return read_replicas(yaml, d.stage); }},
     {"mode", [](const YamlValue& yaml, StageDraft& d) { return read_mode(yaml, d.stage); }},
     {"window", [](const YamlValue& yaml, StageDraft& d) { return read_window(yaml, d.stage); }},
     {"input",
      [](const YamlValue& yaml, StageDraft& d) {
        d.input = yaml.mark;
        return store(d.stage.input, read_framing(yaml));
      }},
     {"output", [](const YamlValue& yaml,
                   StageDraft& d) { return store(d.stage.output, read_framing(yaml)); }},
     {"preset", [](const YamlValue& yaml, StageDraft& d) { return read_preset(yaml, d.stage); }},
     {"prelude", [](const YamlValue& yaml, StageDraft& d) { return read_prelude(yaml, d.stage); }},
     {"ready", [](const YamlValue& yaml, StageDraft& d) { return read_ready(yaml, d.stage); }},
     {"max_records",
      [](const YamlValue& yaml, StageDraft& d) {
        return store(d.stage.records_max, read_count(yaml, {1, kRecordsMax}));
      }},
     {"max_age",
      [](const YamlValue& yaml, StageDraft& d) {
        return store(d.stage.age_max, read_duration(yaml, {seconds(1), hours(24 * 365)}));
      }},
     {"buffering",
      [](const YamlValue& yaml, StageDraft& d) { return read_buffering(yaml, d.stage); }},
     {"in_flight",
      [](const YamlValue& yaml, StageDraft& d) {
        return store(d.stage.in_flight_max, read_count(yaml, {1, 65536}));
      }},
     {"timeout",
      [](const YamlValue& yaml, StageDraft& d) {
        return store(d.stage.timeout, read_duration(yaml, {milliseconds(1), hours(24)}));
      }},
     {"grace",
      [](const YamlValue& yaml, StageDraft& d) {
        return store(d.stage.grace, read_duration(yaml, {Duration(0), hours(1)}));
      }},
     {"retry", [](const YamlValue& yaml,
                  StageDraft& d) { return read_map<Stage>(yaml, "retry", kRetryKeys, d.stage); }},
     {"on_error",
      [](const YamlValue& yaml, StageDraft& d) { return read_on_error(yaml, d.stage); }},
     {"env", [](const YamlValue& yaml, StageDraft& d) { return read_env(yaml, d.stage); }},
     {"nice", [](const YamlValue& yaml, StageDraft& d) { return read_nice(yaml, d.stage); }},
     {"user", [](const YamlValue& yaml, StageDraft& d) { return read_user(yaml, d.stage); }},
     {"tool_limits",
      [](const YamlValue& yaml, StageDraft& d) { return read_tool_limits(yaml, d.stage); }},
     {"nodes", [](const YamlValue& yaml, StageDraft& d) { return read_labels(yaml, d.stage); }},
     {"exit_codes",
      [](const YamlValue& yaml, StageDraft& d) { return read_exit_codes(yaml, d.stage); }}}};

// A key that a mode has no use for, and why.
struct IdleKey {
  const char* word;
  const char* reason;
};

Read<void> refuse_keys(const YamlValue& yaml, std::span<const IdleKey> keys,
                       const std::string& where) {
  for (const IdleKey& key : keys) {
    const auto* const entry = yaml.find(key.word);
    if (entry == nullptr) continue;
    return fault(entry->key_mark, std::string("found ") + key.word + " in " + where + key.reason);
  }
  return {};
}

constexpr std::array<IdleKey, 2> kTaggedKeys = {
    {{"buffering", "it flushes each frame itself"},
     {"prelude", "it prints frames alone; `ready` passes over lines before them"}}};

std::string name_of(Mode mode) {
  switch (mode) {
    case Mode::kEach:
      return "mode each";
    case Mode::kFilter:
      return "mode filter";
    case Mode::kTagged:
      return "mode tagged";
    case Mode::kWindow:
      break;
  }
  return "mode window";
}

// Keys of mode window in a mode that keeps the tool alive, and the other way round.
Read<void> check_mode_kept(const YamlValue& yaml, const Stage& stage) {
  const std::string mode = name_of(stage.mode);
  if (!stage.holes.empty()) {
    return fault(mark_of_word(yaml, stage.holes.front().word),
                 "found '{}' in run in " + mode +
                     ", expected mode: window beside it, in which the "
                     "tool is started for each record; {{}} stands for {} itself");
  }
  if (const auto* entry = yaml.find("window")) {
    return fault(entry->key_mark, "found window in " + mode + ", expected mode: window beside it");
  }
  if (const auto* entry = yaml.find("exit_codes")) {
    return fault(entry->key_mark, "found exit_codes in " + mode +
                                      ", expected them in mode window only: in " + mode +
                                      " the tool stays alive");
  }
  if (stage.mode != Mode::kTagged) return {};
  return refuse_keys(yaml, kTaggedKeys, mode + ", expected none: ");
}

// Of a tool that is started for each record.
Read<void> settle_window_of_one(const YamlValue& yaml, Stage& stage) {
  const Window one{.records = 1};
  const YamlValue::Entry* window = yaml.find("window");
  if (window != nullptr && stage.window != one) {
    return fault(window->value.mark,
                 "found a window beside '{}' in run, expected none or {records: 1}: the tool is "
                 "started for each record");
  }
  stage.window = one;
  return {};
}

Read<void> check_window(const YamlValue& yaml, const Stage& stage, const Limits& limits) {
  const YamlValue::Entry* window = yaml.find("window");
  if (window == nullptr) {
    return fault(yaml.find("mode")->key_mark,
                 "found mode window without a window, expected window: {records: 1000} or "
                 "window: all beside it, or {} in run");
  }
  if (stage.window.bytes.value_or(0) <= limits.session_bytes_max) return {};
  return unexpected_value(
      window->value.find("bytes")->value,
      "at most session_bytes, which is " + size_text(limits.session_bytes_max) + " (see limits)");
}

// Keys of a tool that is kept alive.
constexpr const char* kOwnProcess = "each window has a process of its own";

constexpr std::array<IdleKey, 5> kKeptKeys = {
    {{"ready", kOwnProcess},
     {"max_records", kOwnProcess},
     {"max_age", kOwnProcess},
     {"in_flight", "a window is one unit"},
     {"buffering", "what a tool holds back it prints at the window's end"}}};

Read<void> check_mode_window(const YamlValue& yaml, Stage& stage, const Limits& limits) {
  auto kept = refuse_keys(yaml, kKeptKeys,
                          "mode window, expected it in modes that keep the tool alive only: ");
  if (!kept) return kept;
  return stage.holes.empty() ? check_window(yaml, stage, limits)
                             : settle_window_of_one(yaml, stage);
}

Read<void> check_file(const YamlValue& yaml, const Stage& stage) {
  const YamlValue::Entry* file = yaml.find("file");
  if (file == nullptr || !stage.holes.empty()) return {};
  return fault(file->key_mark,
               "found file without '{}' in run, expected {} where the file's path is to go");
}

}  // namespace

Read<StageDraft> read_stage(const YamlValue& yaml, const StageContext& context) {
  StageDraft draft;
  if (const auto* limits = yaml.find("limits")) {
    return fault(limits->key_mark,
                 "found limits in a stage, expected tool_limits: what each process of the tool may "
                 "use; limits are the pipeline's and stand beside stages");
  }
  draft.stage.input = context.framing;
  draft.stage.output = context.framing;
  if (auto read = read_map<StageDraft>(yaml, "a stage", kStageKeys, draft); !read) {
    return tl::unexpected(read.error());
  }
  if (draft.name.text.empty()) {
    return fault(yaml.mark, "found a stage without a name, expected name: WORD");
  }
  auto command = read_command(yaml, context.directory);
  if (!command) return tl::unexpected(command.error());
  draft.stage.argv = std::move(command->argv);
  draft.stage.holes = std::move(command->holes);
  if (auto fits = check_file(yaml, draft.stage); !fits) return tl::unexpected(fits.error());
  if (auto set = settle_preset(yaml, draft.stage); !set) return tl::unexpected(set.error());
  const auto fits = draft.stage.mode == Mode::kWindow
                        ? check_mode_window(yaml, draft.stage, context.limits)
                        : check_mode_kept(yaml, draft.stage);
  if (!fits) return tl::unexpected(fits.error());
  if (auto read = check_tool_limits(yaml, draft.stage, context.limits); !read) {
    return tl::unexpected(read.error());
  }
  if (auto framed = check_framings(yaml, draft.stage, draft.name.mark); !framed) {
    return tl::unexpected(framed.error());
  }
  if (auto kept = check_prelude(yaml, draft.stage); !kept) return tl::unexpected(kept.error());
  if (draft.stage.prelude && draft.stage.prelude->is_kept) {
    draft.keep = yaml.find("prelude")->value.find("keep")->value.mark;
  }
  draft.stage.name = draft.name.text;
  return draft;
}

}  // namespace leat::spec
