#include "spec/read_surroundings.h"

#include <array>
#include <chrono>

#include "spec/values.h"

namespace leat::spec {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kTiB = std::uint64_t{1} << 40;
constexpr std::uint64_t kOpenFilesMax = std::uint64_t{1} << 20;
constexpr int kNiceMin = -20;
constexpr int kNiceMax = 19;
constexpr std::size_t kUserBytesMax = 256;

constexpr std::array<Key<Stage>, 4> kLimitKeys = {
    {{"memory",
      [](const YamlValue& yaml, Stage& stage) {
        return store(stage.surroundings.memory_bytes_max, read_size(yaml, {kMiB, kTiB}));
      }},
     {"open_files",
      [](const YamlValue& yaml, Stage& stage) {
        return store(stage.surroundings.open_files_max, read_count(yaml, {4, kOpenFilesMax}));
      }},
     {"cpu",
      [](const YamlValue& yaml, Stage& stage) {
        return store(stage.surroundings.cpu_time_max,
                     read_duration(yaml, {milliseconds(1), hours(24 * 365)}));
      }},
     {"output", [](const YamlValue& yaml, Stage& stage) {
        return store(stage.output_bytes_max, read_size(yaml, {1, kTiB}));
      }}}};

}  // namespace

Read<void> read_nice(const YamlValue& yaml, Stage& stage) {
  const std::string expected = "a whole number from -20 (first) to 19 (last)";
  if (yaml.kind != YamlValue::Kind::kScalar || yaml.is_quoted) {
    return unexpected_value(yaml, expected);
  }
  const bool is_negative = yaml.text.starts_with('-');
  const std::uint64_t most = is_negative ? -kNiceMin : kNiceMax;
  const auto number = parse_count(std::string_view(yaml.text).substr(is_negative ? 1 : 0),
                                  {is_negative ? 1U : 0U, most});
  if (!number) return unexpected_value(yaml, expected);
  stage.surroundings.nice = is_negative ? -static_cast<int>(*number) : static_cast<int>(*number);
  return {};
}

Read<void> read_user(const YamlValue& yaml, Stage& stage) {
  const std::string expected = "the name of a user of the nodes, such as nobody";
  auto name = read_argument(yaml, expected);
  if (!name) return tl::unexpected(name.error());
  const bool is_name = !name->empty() && name->size() <= kUserBytesMax &&
                       name->find_first_of(":/ \t\r\n") == std::string::npos;
  if (!is_name) return unexpected_value(yaml, expected);
  stage.surroundings.user = *std::move(name);
  return {};
}

Read<void> read_tool_limits(const YamlValue& yaml, Stage& stage) {
  if (yaml.kind == YamlValue::Kind::kMap && yaml.entries.empty()) {
    return unexpected_value(yaml, "at least one limit, such as {memory: 1GiB}");
  }
  return read_map<Stage>(yaml, "tool_limits", kLimitKeys, stage);
}

Read<void> check_tool_limits(const YamlValue& yaml, const Stage& stage, const Limits& limits) {
  if (!stage.output_bytes_max) return {};
  const bool is_kept = stage.mode != Mode::kWindow;
  const std::uint64_t most = is_kept ? limits.record_bytes_max : limits.queue_bytes_max;
  if (*stage.output_bytes_max <= most) return {};
  return unexpected_value(yaml.find("tool_limits")->value.find("output")->value,
                          std::string("at most ") + (is_kept ? "record_bytes" : "queue_bytes") +
                              ", which is " + size_text(most) + " (see limits)");
}

}  // namespace leat::spec
