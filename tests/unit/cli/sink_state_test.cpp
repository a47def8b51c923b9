#include "cli/sink_state.h"

#include <string>

#include <catch2/catch.hpp>

using Catch::Contains;
using namespace leat::cli;

namespace {

SinkState some_state() {
  return {.pipeline = "news",
          .group = "a group\n100%",
          .producer = std::string("\0\xff", 2),
          .consumer = "recv-1",
          .epoch = 3,
          .delivery = UINT64_MAX,
          .length = 12345,
          .owed_terminator = "\n",
          .is_complete = true,
          .unconfirmed = {{.number = 7, .producer = {11, 12}, .first = leat::Position(9)},
                          {.number = 0, .producer = {11, 13}, .first = leat::Position({4, 5}, 6)}}};
}

}  // namespace

TEST_CASE("a sink's state is read as it was written, whatever bytes its names have") {
  const SinkState state = some_state();
  const auto read = parse_sink_state(to_text(state));
  REQUIRE(read);
  CHECK(read->group == state.group);
  CHECK(read->producer == state.producer);
  CHECK(read->delivery == state.delivery);
  CHECK(read->owed_terminator == "\n");
  CHECK(read->is_complete);
  REQUIRE(read->unconfirmed.size() == 2);
  CHECK(read->unconfirmed[1].producer == leat::ProducerId{11, 13});
  CHECK(read->unconfirmed[1].first == leat::Position({4, 5}, 6));
  CHECK(to_text(*read) == to_text(state));
}

TEST_CASE("no beginning of a sink's state is taken for one") {
  const std::string text = to_text(some_state());
  // Without its very last byte it says the same.
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    INFO(text.substr(0, size));
    CHECK_FALSE(parse_sink_state(text.substr(0, size)));
  }
}

TEST_CASE("what is wrong in a sink's state is told with its line") {
  const auto fault = [](const std::string& from, const std::string& to) {
    std::string text = to_text(some_state());
    text.replace(text.find(from), from.size(), to);
    const auto read = parse_sink_state(text);
    return read ? std::string() : read.error().message;
  };
  CHECK_THAT(fault("version 1", "version 2"), Contains("line 1"));
  CHECK_THAT(fault("epoch 3", "epoch -3"), Contains("line 6: a number"));
  CHECK_THAT(fault("owed %0a", "owed %0"), Contains("line 9: a word"));
  CHECK_THAT(fault("unconfirmed 2", "unconfirmed 99999999999"), Contains("a delivery"));
  CHECK_THAT(fault("4.5.6", "4..6"), Contains("a delivery"));
}
