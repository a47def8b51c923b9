#include "monitoring/pages.h"

#include <chrono>
#include <string>

#include <catch2/catch.hpp>

#include "io/clock.h"
#include "tests/unit/monitoring/sample_status.h"

namespace leat::monitoring {
namespace {

TEST_CASE("a broker is not ready before its first status, nor when its loop has been silent") {
  const io::MonotonicClock clock;
  SnapshotBoard board;
  const Pages pages = pages_of(board, "1.2.3");
  CHECK(pages.trouble() == "the broker has not begun to serve yet");
  board.post({}, clock.now());
  CHECK(pages.trouble().empty());
  board.post({}, clock.now() + -std::chrono::milliseconds(7500));
  CHECK(pages.trouble() == "the broker has told nothing for 7 s: it hangs");
  board.post({}, clock.now());
  CHECK(pages.trouble().empty());
}

TEST_CASE("the metrics are those of the status posted last, with its age") {
  const io::MonotonicClock clock;
  SnapshotBoard board;
  const Pages pages = pages_of(board, "1.2.3");
  CHECK(testing::samples_of(pages.metrics()).size() == 1);
  wire::Status status = testing::sample_status();
  board.post(status, clock.now() + -std::chrono::seconds(100));
  auto told = testing::samples_of(pages.metrics());
  CHECK(told.at("leat_pipeline_records_held{pipeline=\"news\"}") == 33);
  CHECK(told.at("leat_status_age_seconds") >= 100);
  status.pipelines[0].records = 34;
  board.post(status, clock.now());
  told = testing::samples_of(pages.metrics());
  CHECK(told.at("leat_pipeline_records_held{pipeline=\"news\"}") == 34);
  CHECK(told.at("leat_status_age_seconds") < 100);
}

}  // namespace
}  // namespace leat::monitoring
