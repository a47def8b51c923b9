#include "spec/read_preset.h"

#include <array>
#include <string>
#include <string_view>

#include "spec/values.h"

namespace leat::spec {

namespace {

using ContentType = Langpack::ContentType;

constexpr std::array<std::string_view, 1> kPresets = {"langpack"};
constexpr std::string_view kReadyLine = "PIPE_INIT_COMPLETE";

Read<void> read_content_type(const YamlValue& yaml, Langpack& langpack) {
  constexpr std::array<std::string_view, 4> kWords = {"auto", "text", "json", "binary"};
  constexpr std::array<ContentType, 4> kValues = {ContentType::kAuto, ContentType::kText,
                                                  ContentType::kJson, ContentType::kBinary};
  const auto word = read_word(yaml, kWords);
  if (!word) return tl::unexpected(word.error());
  langpack.content_type = kValues.at(*word);
  return {};
}

Read<void> read_pipe(const YamlValue& yaml, Langpack& langpack) {
  constexpr const char* kExpected = "the path of a named pipe, such as /tmp/algoout";
  if (auto read = store(langpack.pipe, read_argument(yaml, kExpected)); !read) return read;
  if (langpack.pipe.empty()) return unexpected_value(yaml, kExpected);
  return {};
}

constexpr std::array<Key<Langpack>, 2> kLangpackKeys = {
    {{"content_type", read_content_type}, {"pipe", read_pipe}}};

constexpr std::array<Key<Stage>, 1> kPresetKeys = {
    {{"langpack", [](const YamlValue& yaml, Stage& stage) {
        return read_map<Langpack>(yaml, "langpack", kLangpackKeys, stage.langpack.emplace());
      }}}};

// A key that the preset leaves no choice, and why.
struct SettledKey {
  const char* word;
  const char* reason;
};

Read<void> refuse_settled(const YamlValue& yaml, std::span<const SettledKey> keys,
                          const std::string& beside) {
  for (const SettledKey& key : keys) {
    const auto* const entry = yaml.find(key.word);
    if (entry == nullptr) continue;
    return fault(entry->key_mark, std::string("found ") + key.word + " beside " + beside +
                                      ", expected none: " + key.reason);
  }
  return {};
}

// One path is one process's at a time.
Read<void> check_fixed_pipe(const YamlValue& yaml, const Stage& stage) {
  constexpr std::array<SettledKey, 2> kKeys = {
      {{"max_records", "the next process is started while this one still has the pipe"},
       {"max_age", "the next process is started while this one still has the pipe"}}};
  if (stage.replicas > 1) {
    return fault(yaml.find("replicas")->value.mark,
                 "found " + std::to_string(stage.replicas) +
                     " replicas of a tool that answers on the named pipe " + stage.langpack->pipe +
                     ", expected replicas: 1, or a tool that looks for its pipe in " +
                     kAnswersVariable);
  }
  return refuse_settled(yaml, kKeys, "a pipe with a fixed path");
}

}  // namespace

Read<void> read_preset(const YamlValue& yaml, Stage& stage) {
  if (yaml.kind == YamlValue::Kind::kMap && yaml.entries.size() == 1) {
    return read_map<Stage>(yaml, "preset", kPresetKeys, stage);
  }
  if (yaml.kind == YamlValue::Kind::kMap) {
    return unexpected_value(yaml, "langpack, or {langpack: {content_type: WORD, pipe: PATH}}");
  }
  const auto word = read_word(yaml, kPresets);
  if (!word) return tl::unexpected(word.error());
  stage.langpack.emplace();
  return {};
}

Read<void> settle_preset(const YamlValue& yaml, Stage& stage) {
  constexpr std::array<SettledKey, 3> kKeys = {{{"in_flight", "one request is inside at a time"},
                                                {"buffering", "its answers come on a named pipe"},
                                                {"prelude", "its standard output is its own"}}};
  if (!stage.langpack) return {};
  if (stage.mode != Mode::kEach) {
    return unexpected_value(yaml.find("mode")->value,
                            "mode: each, or none, beside preset langpack");
  }
  if (auto checked = refuse_settled(yaml, kKeys, "preset langpack"); !checked) return checked;
  stage.in_flight_max = 1;
  stage.buffering = Buffering::kPipe;
  if (!stage.ready) stage.ready = Ready{.on_stdout = std::string(kReadyLine), .on_stderr = {}};
  return stage.langpack->pipe.empty() ? Read<void>() : check_fixed_pipe(yaml, stage);
}

}  // namespace leat::spec
