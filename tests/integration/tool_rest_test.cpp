// What the node is told when it asks whether a tool is at rest.

#include <cstddef>

#include <catch2/catch.hpp>

#include "tests/support/hosted_tools.h"

namespace leat::node {

using tests::HostedTools;

TEST_CASE("a tool is at rest only when all that its wide pipe held was told") {
  constexpr std::size_t kSize = 900'000;
  HostedTools tools;
  const ToolId tool =
      tools.start(tools.order({"perl", "-e", "$| = 1; while (<STDIN>) { print 'x' x 900000 }"}));
  tools.feed(tool, "\n");
  // Nothing is read meanwhile, but by the looks.
  REQUIRE(tests::wait_until([&] {
    tools.carry_out(LookAtTool{tool, 1});
    return tools.of(tool).looks.back() != Rest::kBusy;
  }));
  CHECK(tools.of(tool).looks.back() == Rest::kAtRest);
  CHECK(tools.of(tool).printed.size() == kSize);
}

}  // namespace leat::node
