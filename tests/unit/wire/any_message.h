// Random messages that keep every rule, and whether two are equal, member by member.

#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tests/unit/wire/members.h"
#include "wire/messages.h"

namespace leat::wire::testing {

// ---- Equality.

template <class T>
bool are_equal(const T& a, const T& b);

template <class T>
bool are_equal(const std::vector<T>& a, const std::vector<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const T& x, const T& y) { return are_equal(x, y); });
}

template <class T>
bool are_equal(const T& a, const T& b) {
  if constexpr (std::equality_comparable<T>) {
    return a == b;
  } else {
    bool equal = true;
    for_each_member(a, b, [&equal](const auto& x, const auto& y) { equal &= are_equal(x, y); });
    return equal;
  }
}

inline bool are_equal(const Message& a, const Message& b) {
  return a.index() == b.index() &&
         std::visit([&b]<class T>(const T& of_a) { return are_equal(of_a, std::get<T>(b)); }, a);
}

// ---- Generation.

class AnyMessage {
 public:
  explicit AnyMessage(std::uint32_t seed) : random_(seed) {}

  // `kind` is an index into Message.
  Message make(std::size_t kind) { return make_from<0>(kind); }

 private:
  template <std::size_t kIndex>
  Message make_from(std::size_t kind) {
    if constexpr (kIndex < std::variant_size_v<Message>) {
      if (kind != kIndex) return make_from<kIndex + 1>(kind);
      Message message(std::in_place_index<kIndex>);
      fill(std::get<kIndex>(message));
      return message;
    } else {
      return {};
    }
  }

  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  // Small ones as often as large ones; never 0, and below 2^63.
  std::uint64_t number() { return std::max<std::uint64_t>(random_() >> (1 + below(63)), 1); }

  template <class T>
    requires std::is_aggregate_v<T>
  void fill(T& value) {
    for_each_member(value, value, [this](auto& member, auto&) { fill(member); });
  }

  template <std::unsigned_integral T>
  void fill(T& value) {
    value = std::max<T>(static_cast<T>(number()), 1);
  }

  void fill(bool& value) { value = below(2) == 1; }

  void fill(std::int32_t& value) { value = static_cast<std::int32_t>(random_()); }

  void fill(FailureKind& value) { value = static_cast<FailureKind>(below(8)); }

  void fill(SessionUse& value) { value = static_cast<SessionUse>(below(3)); }

  void fill(std::string& value) {
    value.resize(below(4) == 0 ? below(300) : below(12));
    std::generate(value.begin(), value.end(), [this] { return static_cast<char>(random_()); });
  }

  void fill(std::map<std::string, std::string>& value) {
    for (std::uint64_t i = below(4); i > 0; --i) {
      std::string key;
      fill(key);
      fill(value[key]);
    }
  }

  void fill(Position& value) {
    value = Position(number());
    for (std::uint64_t depth = below(8) == 0 ? Position::kDepthMax - 2 : below(3); depth > 0;
         --depth) {
      value = value.child(number() >> 1);
    }
  }

  template <class T>
  void fill(std::vector<T>& values) {
    values.resize(below(4));
    for (T& value : values) {
      fill(value);
    }
  }

  void fill(NumberRange& range) { range = {number() >> 1, number() >> 1}; }

  // Ascending, as an inlet's leases are.
  void fill(InletReport& inlet) {
    for_each_member(inlet, inlet, [this](auto& member, auto&) { fill(member); });
    std::uint64_t next = 1;
    for (NumberRange& range : inlet.leases) {
      range = {next + below(3), 1 + below(200)};
      next = range.first + range.count;
    }
  }

  void fill(Histogram::Counts& counts) {
    for (std::uint64_t bucket = below(9); bucket < Histogram::kBuckets; bucket += 1 + below(200)) {
      counts.emplace_back(static_cast<std::uint16_t>(bucket), number());
    }
  }

  void fill(Records& records) { records = records_of(static_cast<std::uint32_t>(below(5))); }

  Records records_of(std::uint32_t count) {
    std::string separator;
    fill(separator);
    RecordsBuilder builder(separator);
    for (std::uint32_t i = 0; i < count; ++i) {
      std::string record;
      fill(record);
      builder.add(record);
    }
    Records records = builder.take();
    fill(records.attributes);
    for (Attribute& attribute : records.attributes) {
      attribute.first = static_cast<std::uint32_t>(below(count + 1));
      attribute.count = static_cast<std::uint32_t>(below(count + 1 - attribute.first));
    }
    return records;
  }

  enum class Runs { kOneForOne, kAny };

  Batch batch_of(Runs kind) {
    Batch batch;
    fill(batch.producer);
    Position next(number() >> 2);
    if (below(2) == 1) next = next.child(number() >> 2);
    std::uint32_t outputs = 0;
    for (std::uint64_t i = 1 + below(3); i > 0; --i) {
      const auto inputs = static_cast<std::uint32_t>(1 + below(4));
      const auto others = static_cast<std::uint32_t>(below(4));
      batch.runs.push_back({next, inputs, kind == Runs::kOneForOne ? inputs : others});
      outputs += batch.runs.back().outputs;
      next = next.plus(inputs + below(2));
    }
    batch.records = records_of(outputs);
    return batch;
  }

  void fill(Batch& batch) { batch = batch_of(Runs::kAny); }

  void fill(Lease& lease) {
    for_each_member(lease, lease, [this](auto& member, auto&) { fill(member); });
    lease.slices.resize(1 + below(3));
    for (Batch& slice : lease.slices) {
      slice = batch_of(Runs::kOneForOne);
      if (lease.window) slice.producer = lease.slices.front().producer;
    }
    if (lease.window && below(4) == 0) {
      lease.slices.resize(1);
      lease.slices.front().runs = {{Position(number()), 1, 0}};
      lease.slices.front().records = records_of(0);
    }
  }

  // Some inputs of the runs that have no outputs failed.
  void fill(LeaseResult& result) {
    for_each_member(result, result, [this](auto& member, auto&) { fill(member); });
    result.failures.clear();
    for (const Run& run : result.outputs.runs) {
      if (run.outputs > 0) continue;
      Failure failure;
      fill(failure);
      failure.inputs = static_cast<std::uint32_t>(1 + below(run.inputs));
      failure.first = run.first.plus(below(run.inputs - failure.inputs + 1));
      result.failures.push_back(failure);
    }
    std::shuffle(result.failures.begin(), result.failures.end(), random_);
  }

  void fill(Submit& submit) {
    for_each_member(submit, submit, [this](auto& member, auto&) { fill(member); });
    submit.sequence >>= 2;
  }

  void fill(Failure& failure) {
    for_each_member(failure, failure, [this](auto& member, auto&) { fill(member); });
    failure.inputs %= 1000;
    failure.inputs += 1;
    failure.first = Position(failure.first.above(), failure.first.last() >> 2);
  }

  std::mt19937_64 random_;
};

}  // namespace leat::wire::testing
