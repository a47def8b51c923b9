// Seeded chance, and the count of what it brought about: a run of many seeds in which some fault or
// effect never happened has not tested it.

#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>

#include "core/time.h"

namespace leat::sim {

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}

  // 0 to n - 1.
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + below(most - least + 1);
  }

  bool one_in(std::uint64_t n) { return below(n) == 0; }

  Duration up_to(Duration most) {
    return Duration(
        static_cast<Duration::rep>(below(static_cast<std::uint64_t>(most.count()) + 1)));
  }

 private:
  std::mt19937_64 random_;
};

// What happened, by name.
using Census = std::map<std::string, std::uint64_t>;

}  // namespace leat::sim
