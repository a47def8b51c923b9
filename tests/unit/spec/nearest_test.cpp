#include "spec/nearest.h"

#include <array>

#include <catch2/catch.hpp>

using leat::spec::nearest;

namespace {

constexpr std::array<std::string_view, 4> kWords = {"replicas", "retry", "run", "env"};

}  // namespace

TEST_CASE("a word with few edits is found") {
  CHECK(nearest("replica", kWords) == "replicas");
  CHECK(nearest("repilcas", kWords) == "replicas");
  CHECK(nearest("Replicas", kWords) == "replicas");
  CHECK(nearest("retrry", kWords) == "retry");
  CHECK(nearest("rnu", kWords) == "run");
}

TEST_CASE("a word that is like none is not explained") {
  CHECK_FALSE(nearest("", kWords));
  CHECK_FALSE(nearest("timeout", kWords));
  CHECK_FALSE(nearest("rx", kWords));
  CHECK_FALSE(nearest(std::string(100'000, 'r'), kWords));
}
