#include "broker/placement.h"

#include <numeric>
#include <random>

#include <catch2/catch.hpp>

using namespace leat::broker;

namespace {

using Targets = std::vector<std::uint32_t>;

// Applied until nothing changes; how often that took.
int settle(std::uint32_t wanted, std::vector<Seat>& seats) {
  for (int rounds = 0; rounds < 10; ++rounds) {
    const Targets targets = spread(wanted, seats);
    bool has_changed = false;
    for (std::size_t i = 0; i < seats.size(); ++i) {
      has_changed = has_changed || seats[i].replicas != targets[i];
      seats[i].replicas = targets[i];
    }
    if (!has_changed) return rounds;
  }
  return 10;
}

}  // namespace

TEST_CASE("replicas are spread by cores") {
  CHECK(spread(4, {{.cores = 2}, {.cores = 2}}) == Targets{2, 2});
  CHECK(spread(4, {{.cores = 6}, {.cores = 2}}) == Targets{3, 1});
  CHECK(spread(3, {{.cores = 8}, {.cores = 8}, {.cores = 8}}) == Targets{1, 1, 1});
}

TEST_CASE("a node with other work gets less") {
  CHECK(spread(2, {{.cores = 4, .others = 4}, {.cores = 4}}) == Targets{0, 2});
  CHECK(spread(1, {{.cores = 4, .others = 1}, {.cores = 4}}) == Targets{0, 1});
}

TEST_CASE("a node that joins takes its share of several replicas, but not the only one") {
  CHECK(spread(4, {{.cores = 2, .replicas = 4}, {.cores = 2}}) == Targets{2, 2});
  CHECK(spread(1, {{.cores = 2, .others = 9, .replicas = 1}, {.cores = 2}}) == Targets{1, 0});
}

TEST_CASE("what may only be kept gets nothing more, and what must go goes") {
  CHECK(spread(3, {{.replicas = 1, .eligibility = Eligibility::kMayKeep}, {}}) == Targets{1, 2});
  CHECK(spread(2, {{.replicas = 2, .eligibility = Eligibility::kMustLose}, {}}) == Targets{0, 2});
  CHECK(spread(2, {{.replicas = 2, .eligibility = Eligibility::kMustLose}}) == Targets{0});
}

TEST_CASE("fewer are taken from where the load is highest") {
  CHECK(spread(2, {{.replicas = 3}, {.replicas = 1}}) == Targets{1, 1});
  CHECK(spread(0, {{.replicas = 3}, {.replicas = 1}}) == Targets{0, 0});
}

TEST_CASE("without a seat nothing is placed") {
  CHECK(spread(5, {}).empty());
  CHECK(spread(5, {{.eligibility = Eligibility::kMayKeep}}) == Targets{0});
}

TEST_CASE("every placement is a fixed point and adds up") {
  std::mt19937_64 random(1);
  const auto below = [&random](std::uint64_t end) {
    return static_cast<std::uint32_t>(random() % end);
  };
  for (int i = 0; i < 2000; ++i) {
    std::vector<Seat> seats(1 + below(6));
    for (Seat& seat : seats) {
      seat = {1 + below(8), below(9), below(5), static_cast<Eligibility>(below(3))};
    }
    const std::uint32_t wanted = below(20);
    REQUIRE(settle(wanted, seats) <= 1);
    std::uint32_t sum = 0;
    bool is_any_open = false;
    for (const Seat& seat : seats) {
      sum += seat.replicas;
      is_any_open = is_any_open || seat.eligibility == Eligibility::kMayGet;
      if (seat.eligibility == Eligibility::kMustLose) REQUIRE(seat.replicas == 0);
    }
    REQUIRE(sum <= wanted);
    if (is_any_open) REQUIRE(sum == wanted);
  }
}
