#include "tests/protocol/examples.h"

#include <string>
#include <string_view>

namespace leat::wire::testing {

namespace {

constexpr std::uint64_t kBroker = 1000;  // An incarnation.
constexpr ProducerId kProducer{kBroker, 7};
constexpr NodeId kNode{kBroker, 2};
constexpr SegmentId kSegment{{kBroker, 5}, 0};

Records lines(const std::vector<std::string_view>& texts) {
  RecordsBuilder builder("\n");
  for (const std::string_view text : texts) {
    builder.add(text);
  }
  return builder.take();
}

// Record 12 of the producer, which ends without a newline, killed its tool three times.
Failure failed_record() {
  return {.first = Position(12),
          .inputs = 1,
          .kind = FailureKind::kSignal,
          .status = 11,
          .attempts = 3,
          .reason = "killed by SIGSEGV",
          .stderr_tail = "oops\n",
          .elapsed_ns = 2'000'000,
          .repeat = "cd /srv/p && printf 'c' | parse"};
}

LogLine logged() {
  return {.replica = 1, .age_ns = 2'000'000'000, .record = "12", .text = "oops"};
}

// The last record of its stream had no newline.
Records unterminated() {
  Records records = lines({"c"});
  records.attributes = {{0, 1, std::string(kUnterminated), ""}};
  return records;
}

std::vector<Message> node_examples() {
  return {
      NodeJoin{
          .version = 1, .name = "a1", .incarnation = 3, .cores = 8, .labels = {{"gpu", "true"}}},
      NodeReport{.number = 300,
                 .inlets = {{.segment = kSegment,
                             .epoch = 1,
                             .address = "tcp://a1:5001",
                             .leases = {{.first = 4, .count = 3}},
                             .leases_max = 9,
                             .replicas = 2,
                             .replicas_ready = 2,
                             .retried = 4,
                             .restarts = {{"exit", 1}}}}},
      InletCredit{.segment = kSegment, .epoch = 1, .leases_max = 10},
      StageFailed{.segment = kSegment,
                  .epoch = 1,
                  .stage = "parse",
                  .reason = "not found",
                  .stderr_tail = ""},
      NodeLeave{},
      NodeLogs{.reply_to = "c1", .pipeline = "p", .stage = "parse", .lines = {logged()}},
      NodeWelcome{.version = 1,
                  .incarnation = kBroker,
                  .node = kNode,
                  .results_address = "tcp://b:5000",
                  .beat_ms = 1000},
      OpenInlet{.segment = kSegment,
                .epoch = 1,
                .spec_text = "pipeline: p\n",
                .directory = "/srv/p",
                .replicas = 2,
                .ordered = false},
      CloseInlet{.segment = kSegment},
      ResultsDone{.results = {{.first = 1, .count = 2}, {.first = 5, .count = 1}}},
      BrokerBeat{.number = 300, .inlets = {{.segment = kSegment, .epoch = 1, .sent = 6}}},
      Dismissed{},
      LogsWanted{.segment = kSegment, .reply_to = "c1"},
  };
}

std::vector<Message> data_examples() {
  return {
      Lease{.segment = kSegment,
            .epoch = 1,
            .number = 6,
            .window = false,
            .alone = false,
            .slices = {{.producer = kProducer,
                        .runs = {{.first = Position(10), .inputs = 3, .outputs = 3}},
                        .records = lines({"a", "bb", ""})}},
            .wants_stderr = true},
      LeaseResult{.node = kNode,
                  .segment = kSegment,
                  .epoch = 1,
                  .lease = 6,
                  .number = 42,
                  .outputs = {.producer = kProducer,
                              .runs = {{.first = Position(10), .inputs = 2, .outputs = 2},
                                       {.first = Position(12), .inputs = 1, .outputs = 0}},
                              .records = lines({"A", "BB"})},
                  .failures = {failed_record()},
                  .busy_ns = 1500,
                  .service = {{59, 2}},
                  .said = {.text = "a?\n", .bytes_left_out = 0}},
  };
}

StageOnNode stage_on_node() {
  return {.node = "a1",
          .records_in = 13,
          .records_out = 12,
          .bytes_in = 200,
          .bytes_out = 190,
          .failed = {{"signal", 1}},
          .restarts = {{"signal", 3}},
          .retried = 2,
          .dead_letters = 1,
          .dropped = 0,
          .leased = 5,
          .replicas = 2,
          .replicas_ready = 2,
          .busy_ns = 1500,
          .service = {{59, 12}}};
}

PipelineStatus status_of_pipeline() {
  return {.name = "p",
          .state = "running",
          .queue_bytes = 4096,
          .queue_bytes_max = 1 << 28,
          .records = 7,
          .sessions = 1,
          .producers = 1,
          .consumers = 1,
          .results = 2,
          .results_oldest_ns = 900,
          .back_pressure_ns = 1000,
          .stages = {{.name = "parse",
                      .replicas = 2,
                      .trouble = "",
                      .failing = false,
                      .waiting = 0,
                      .waiting_bytes = 0,
                      .oldest_ns = 1200,
                      .held_back_ns = 0,
                      .wait = {{60, 18}},
                      .nodes = {stage_on_node()},
                      .paused = false}}};
}

std::vector<Message> client_examples() {
  return {
      Deploy{.version = 1, .file = "p.yml", .directory = "/srv/p", .spec_text = "pipeline: p\n"},
      OpenSession{.version = 1,
                  .pipeline = "p",
                  .producer = "recv-1",
                  .epoch = 1,
                  .taken = 0,
                  .use = SessionUse::kReceive,
                  .group = "default",
                  .from = "send-1",
                  .wants_stderr = false},
      Submit{.producer = kProducer, .epoch = 1, .sequence = 12, .records = unterminated()},
      EndOfInput{.producer = kProducer, .epoch = 1, .total = 13},
      Taken{.producer = kProducer, .epoch = 1, .delivery = 4, .beat = 0},
      CloseSession{.producer = kProducer, .epoch = 1},
      StatusRequest{.pipeline = "p"},
      Describe{.pipeline = "p"},
      Scale{.pipeline = "p", .stage = "parse", .replicas = 4},
      Drain{.node = "a1"},
      Remove{.pipeline = "p", .drop = true},
      LogsRequest{.pipeline = "p", .stage = "parse"},
      Pause{.pipeline = "p", .stage = "parse", .is_paused = true},
      Deployed{.deployment = {kBroker, 5}, .pipeline = "p", .changes = "stage parse: new"},
      Description{.file = "p.yml", .directory = "/srv/p", .spec_text = "pipeline: p\n"},
      SessionState{.producer = kProducer,
                   .epoch = 1,
                   .next_sequence = 13,
                   .bytes_max = 1 << 20,
                   .has_end = true,
                   .deliveries = 4,
                   .beat = 0},
      Delivery{.producer = kProducer,
               .epoch = 1,
               .number = 5,
               .from = "send-1",
               .outputs = {.producer = kProducer,
                           .runs = {{.first = Position(10), .inputs = 2, .outputs = 2}},
                           .records = lines({"A", "BB"})},
               .dead_letters = {{.failure = failed_record(),
                                 .stage = "parse",
                                 .node = "a1",
                                 .records = unterminated()}},
               .dropped = 0,
               .is_last = true,
               .said = {{.stage = "parse",
                         .node = "a1",
                         .said = {.text = "a?\n", .bytes_left_out = 0}}}},
      SessionFailed{.producer = "pipe-1", .reason = "removed"},
      Refused{.what = "submit", .reason = "no such session"},
      Status{.pipelines = {status_of_pipeline()},
             .nodes = {{.name = "a1",
                        .state = "up",
                        .cores = 8,
                        .replicas = 2,
                        .labels = {{"gpu", "true"}}}}},
      Done{.what = "remove", .count = 3},
      Logs{.pipeline = "p", .stage = "parse", .node = "a1", .lines = {logged()}},
  };
}

}  // namespace

std::vector<Message> examples() {
  std::vector<Message> all = node_examples();
  for (const std::vector<Message>& more : {data_examples(), client_examples()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

}  // namespace leat::wire::testing
