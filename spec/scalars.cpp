#include "spec/scalars.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "spec/yaml_tree.h"

namespace leat::spec {

namespace {

struct Unit {
  std::string_view word;
  std::uint64_t value;
};

constexpr std::array<Unit, 5> kDurationUnits = {{{"us", 1'000},
                                                 {"ms", 1'000'000},
                                                 {"s", 1'000'000'000},
                                                 {"m", 60'000'000'000},
                                                 {"h", 3'600'000'000'000}}};

constexpr std::uint64_t kKibi = 1024;

constexpr std::array<Unit, 11> kSizeUnits = {{{"", 1},
                                              {"B", 1},
                                              {"kB", 1'000},
                                              {"KB", 1'000},
                                              {"MB", 1'000'000},
                                              {"GB", 1'000'000'000},
                                              {"TB", 1'000'000'000'000},
                                              {"KiB", kKibi},
                                              {"MiB", kKibi* kKibi},
                                              {"GiB", kKibi* kKibi* kKibi},
                                              {"TiB", kKibi* kKibi* kKibi* kKibi}}};

constexpr std::array<Unit, 5> kSizeTexts = {{{"", 1},
                                             {"KiB", kKibi},
                                             {"MiB", kKibi* kKibi},
                                             {"GiB", kKibi* kKibi* kKibi},
                                             {"TiB", kKibi* kKibi* kKibi* kKibi}}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// All of the text must be digits, without a leading zero.
std::optional<std::uint64_t> whole_number(std::string_view digits) {
  if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : digits) {
    if (!is_digit(digit) || __builtin_mul_overflow(number, 10U, &number) ||
        __builtin_add_overflow(number, static_cast<unsigned>(digit - '0'), &number)) {
      return std::nullopt;
    }
  }
  return number;
}

std::optional<std::uint64_t> unit_value(std::string_view word, std::span<const Unit> units) {
  const auto unit = std::ranges::find(units, word, &Unit::word);
  if (unit == units.end()) return std::nullopt;
  return unit->value;
}

// Nothing, too, when the product does not fit.
std::optional<std::uint64_t> number_with_unit(std::string_view text, std::span<const Unit> units) {
  const auto digits =
      static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
  const auto number = whole_number(text.substr(0, digits));
  const auto unit = unit_value(text.substr(digits), units);
  std::uint64_t product = 0;
  if (!number || !unit || __builtin_mul_overflow(*number, *unit, &product)) return std::nullopt;
  return product;
}

std::string text_with_unit(std::uint64_t value, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.value == 0) best = &unit;
  }
  return std::to_string(value / best->value) + std::string(best->word);
}

tl::unexpected<Error> refused(std::string_view text, const std::string& expected) {
  return failure(Errc::kInvalidArgument, "found " + quoted(text) + ", expected " + expected);
}

bool is_within(std::uint64_t value, Range<std::uint64_t> range) {
  return range.min <= value && value <= range.max;
}

}  // namespace

Result<std::uint64_t> parse_count(std::string_view text, Range<std::uint64_t> range) {
  const auto number = whole_number(text);
  if (number && is_within(*number, range)) return *number;
  const bool has_leading_zero = text.size() > 1 && text.front() == '0';
  return refused(text, "a whole number from " + std::to_string(range.min) + " to " +
                           std::to_string(range.max) +
                           (has_leading_zero ? ", without a leading zero" : ""));
}

Result<Duration> parse_duration(std::string_view text, Range<Duration> range) {
  const auto count = number_with_unit(text, kDurationUnits);
  const auto min = static_cast<std::uint64_t>(range.min.count());
  const auto max = static_cast<std::uint64_t>(range.max.count());
  if (count && is_within(*count, {min, max})) return Duration(static_cast<std::int64_t>(*count));
  const std::string limits =
      " from " + duration_text(range.min) + " to " + duration_text(range.max);
  if (count) return refused(text, "a duration" + limits);
  if (whole_number(text)) {
    return refused(text, "a duration with its unit, such as " + std::string(text) + "ms or " +
                             std::string(text) + "s");
  }
  return refused(text, "a duration" + limits + ", such as 100ms, 30s or 5m");
}

Result<std::uint64_t> parse_size(std::string_view text, Range<std::uint64_t> range) {
  const auto size = number_with_unit(text, kSizeUnits);
  if (size && is_within(*size, range)) return *size;
  const std::string limits = " from " + size_text(range.min) + " to " + size_text(range.max);
  return refused(text, "a size" + limits + (size ? "" : ", such as 64MiB, 1GB or 1000"));
}

std::string duration_text(Duration duration) {
  const auto count = static_cast<std::uint64_t>(duration.count());
  return count == 0 ? "0s" : text_with_unit(count, kDurationUnits);
}

std::string size_text(std::uint64_t bytes) {
  return text_with_unit(bytes, kSizeTexts);
}

}  // namespace leat::spec
