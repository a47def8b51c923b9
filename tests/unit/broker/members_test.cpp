#include "broker/members.h"

#include <catch2/catch.hpp>

using leat::Instant;
using leat::NodeId;
using leat::Result;
using leat::broker::Members;
using namespace std::chrono_literals;
namespace wire = leat::wire;

namespace {

constexpr Instant kNow{1s};

wire::NodeJoin join_of(const std::string& name, std::uint64_t incarnation = 1) {
  return {.name = name, .incarnation = incarnation, .cores = 4, .labels = {{"gpu", "true"}}};
}

Members members_of(std::size_t count_max = 100) {
  return {9, 5s, count_max};
}

}  // namespace

TEST_CASE("a node that is back keeps its id, under whatever peer it speaks now") {
  Members members = members_of();
  const Result<NodeId> first = members.join(join_of("a"), "peer", kNow);
  REQUIRE(first);
  CHECK(first->incarnation == 9);
  members.member(*first).is_ready = true;
  const Result<NodeId> again = members.join(join_of("a"), "other", kNow);
  REQUIRE(again);
  CHECK(*again == *first);
  CHECK(members.all().size() == 1);
  CHECK_FALSE(members.member(*again).is_ready);
  CHECK(members.heard("other", kNow) == *first);
  CHECK_FALSE(members.heard("peer", kNow));
}

TEST_CASE("a node that is back is still to be drained, and one that is new is not") {
  Members members = members_of();
  const Result<NodeId> first = members.join(join_of("a"), "peer", kNow);
  REQUIRE(first);
  members.member(*first).is_draining = true;
  CHECK(members.member(*members.join(join_of("a"), "peer", kNow)).is_draining);
  members.remove(*first);
  const Result<NodeId> fresh = members.join(join_of("a"), "peer", kNow);
  REQUIRE(fresh);
  CHECK(*fresh != *first);
  CHECK_FALSE(members.member(*fresh).is_draining);
}

TEST_CASE("a name that a living node has is refused to another one, until that is lost") {
  Members members = members_of();
  const Result<NodeId> first = members.join(join_of("a", 1), "peer", kNow);
  REQUIRE(first);
  const Result<NodeId> second = members.join(join_of("a", 2), "other", kNow);
  REQUIRE_FALSE(second);
  CHECK(second.error().message.find("'a'") != std::string::npos);
  members.remove(*first);
  CHECK(members.join(join_of("a", 2), "other", kNow));
}

TEST_CASE("a node of another version is refused with both versions") {
  Members members = members_of();
  wire::NodeJoin join = join_of("a");
  join.version = 77;
  const Result<NodeId> node = members.join(join, "peer", kNow);
  REQUIRE_FALSE(node);
  CHECK(node.error().message.find("77") != std::string::npos);
  CHECK(node.error().message.find(std::to_string(wire::kVersion)) != std::string::npos);
}

TEST_CASE("a node without a name is refused") {
  Members members = members_of();
  CHECK_FALSE(members.join(join_of(""), "peer", kNow));
  CHECK(members.all().empty());
}

TEST_CASE("a peer is one node") {
  Members members = members_of();
  REQUIRE(members.join(join_of("a"), "peer", kNow));
  const Result<NodeId> second = members.join(join_of("b"), "peer", kNow);
  REQUIRE_FALSE(second);
  CHECK(second.error().message.find("'a'") != std::string::npos);
  CHECK(members.all().size() == 1);
}

TEST_CASE("there are so many nodes and no more") {
  Members members = members_of(3);
  for (const char* const name : {"a", "b", "c"}) {
    REQUIRE(members.join(join_of(name), name, kNow));
  }
  const Result<NodeId> fourth = members.join(join_of("d"), "d", kNow);
  REQUIRE_FALSE(fourth);
  CHECK(fourth.error().message.find("3") != std::string::npos);
  CHECK(members.join(join_of("a"), "a", kNow));
}

TEST_CASE("a node is silent when it was not heard for so long, and not before") {
  Members members = members_of();
  CHECK_FALSE(members.next_deadline());
  const Result<NodeId> a = members.join(join_of("a"), "a", kNow);
  const Result<NodeId> b = members.join(join_of("b"), "b", kNow + 1s);
  REQUIRE((a && b));
  CHECK(members.next_deadline() == kNow + 5s);
  CHECK(members.silent(kNow + 4999ms).empty());
  CHECK(members.silent(kNow + 5s) == std::vector<NodeId>{*a});
  CHECK(members.heard("a", kNow + 5s) == *a);
  CHECK(members.silent(kNow + 5s).empty());
  CHECK(members.next_deadline() == kNow + 6s);
  CHECK(members.silent(kNow + 6s) == std::vector<NodeId>{*b});
}

TEST_CASE("who has not joined is nobody") {
  Members members = members_of();
  CHECK_FALSE(members.heard("peer", kNow));
}
