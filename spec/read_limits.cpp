#include "spec/read_limits.h"

#include <algorithm>
#include <array>

#include "spec/values.h"

namespace leat::spec {

namespace {

constexpr std::uint64_t kKiB = std::uint64_t{1} << 10;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kTiB = std::uint64_t{1} << 40;

constexpr std::size_t kHeaderBytes = 4 * kKiB;

constexpr std::array<Key<Limits>, 4> kLimitKeys = {
    {{"record_bytes",
      [](const YamlValue& yaml, Limits& limits) {
        return store(limits.record_bytes_max, read_size(yaml, {1, kGiB}));
      }},
     {"queue_bytes",
      [](const YamlValue& yaml, Limits& limits) {
        return store(limits.queue_bytes_max, read_size(yaml, {8 * kKiB, kTiB}));
      }},
     {"session_bytes",
      [](const YamlValue& yaml, Limits& limits) {
        return store(limits.session_bytes_max, read_size(yaml, {kKiB, kTiB}));
      }},
     {"lease_bytes", [](const YamlValue& yaml, Limits& limits) {
        return store(limits.lease_bytes_max, read_size(yaml, {kKiB, 64 * kMiB}));
      }}}};

// The number for a message: rounded up, so that it has few digits.
std::uint64_t rounded_up(std::uint64_t bytes) {
  std::uint64_t unit = 1;
  while (bytes / unit >= 16 * kKiB) {
    unit *= kKiB;
  }
  return (bytes + unit - 1) / unit * unit;
}

// What was not given shrinks with the queue, so that sessions leave room for answers and leases
// are several.
void shrink_to_queue(const YamlValue& yaml, Limits& limits) {
  if (yaml.find("session_bytes") == nullptr) {
    limits.session_bytes_max = std::min(limits.session_bytes_max, limits.queue_bytes_max / 2);
  }
  if (yaml.find("lease_bytes") == nullptr) {
    limits.lease_bytes_max = std::min(limits.lease_bytes_max, limits.queue_bytes_max / 8);
  }
}

Read<void> check_queue(const YamlValue& yaml, const Limits& limits) {
  const std::size_t needed = queue_bytes_needed(limits.record_bytes_max);
  if (limits.queue_bytes_max >= needed) return {};
  const YamlValue::Entry* given = yaml.find("queue_bytes");
  if (given == nullptr) given = yaml.find("record_bytes");
  return fault(given->value.mark, "found queue_bytes of " + size_text(limits.queue_bytes_max) +
                                      ", expected at least " + size_text(rounded_up(needed)) +
                                      ": room for a record of record_bytes (" +
                                      size_text(limits.record_bytes_max) + ") and its answer");
}

Read<void> check_within_queue(const YamlValue& yaml, std::string_view key, const Limits& limits) {
  const YamlValue::Entry* entry = yaml.find(key);
  if (entry == nullptr) return {};
  const auto size = read_size(entry->value, {0, limits.queue_bytes_max});
  if (size) return {};
  return unexpected_value(entry->value,
                          "at most queue_bytes, which is " + size_text(limits.queue_bytes_max));
}

}  // namespace

std::size_t queue_bytes_needed(std::size_t record_bytes_max) {
  return 2 * (record_bytes_max + kHeaderBytes);
}

Read<Limits> read_limits(const YamlValue& yaml) {
  Limits limits;
  if (auto read = read_map<Limits>(yaml, "limits", kLimitKeys, limits); !read) {
    return tl::unexpected(read.error());
  }
  if (auto fits = check_queue(yaml, limits); !fits) return tl::unexpected(fits.error());
  for (const std::string_view key : {"session_bytes", "lease_bytes"}) {
    if (auto fits = check_within_queue(yaml, key, limits); !fits) {
      return tl::unexpected(fits.error());
    }
  }
  shrink_to_queue(yaml, limits);
  return limits;
}

}  // namespace leat::spec
