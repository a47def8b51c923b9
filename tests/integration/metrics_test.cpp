// What leaves the folder monitoring/ is read by programs that are not ours: Prometheus and its
// promtool, and people with the documents in hand. All must agree about the names.

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "io/clock.h"
#include "monitoring/exporter.h"
#include "monitoring/http_server.h"
#include "monitoring/pages.h"
#include "tests/support/deadline.h"
#include "tests/support/folder.h"
#include "tests/support/http_client.h"
#include "tests/support/running_tool.h"
#include "tests/unit/monitoring/sample_status.h"

namespace leat::monitoring {
namespace {

using nlohmann::json;
using tests::Folder;
using tests::HttpClient;
using tests::RunningTool;
using tests::wait_until;

std::string read_source(const std::string& path) {
  std::ifstream file(std::filesystem::path(LEAT_SOURCE) / path);
  if (!file) throw std::runtime_error("no " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string sample_text() {
  return metrics_text(testing::sample_status(),
                      {.version = "1.2.3", .age = std::chrono::milliseconds(10)});
}

// "well", or what promtool says when it finds something wrong.
std::string verdict(std::vector<std::string> arguments, const std::string& input = "") {
  arguments.insert(arguments.begin(), "promtool");
  RunningTool promtool(arguments);
  if (!promtool.feed(input)) return "it does not read";
  promtool.close_stdin();
  const std::string said = promtool.read_stdout() + promtool.read_stderr();
  return promtool.end().is_success() ? "well" : "promtool: " + said;
}

// What Grafana puts in place of its variables.
std::string filled_in(const std::string& expression) {
  const std::string with_range =
      std::regex_replace(expression, std::regex("\\$__rate_interval"), "10s");
  return std::regex_replace(with_range, std::regex("\\$pipeline"), ".+");
}

// Title of the panel, and what it asks Prometheus.
std::vector<std::pair<std::string, std::string>> dashboard_expressions() {
  const json dashboard = json::parse(read_source("monitoring/grafana/dashboards/leat.json"));
  std::vector<std::pair<std::string, std::string>> expressions;
  for (const json& panel : dashboard.at("panels")) {
    for (const json& target : panel.at("targets")) {
      expressions.emplace_back(panel.at("title"), filled_in(target.at("expr")));
    }
  }
  return expressions;
}

std::set<std::string> names_in(const std::string& text) {
  const std::regex name("leat_[a-z_]+");
  std::set<std::string> names;
  for (std::sregex_iterator at(text.begin(), text.end(), name), end; at != end; ++at) {
    names.insert(at->str());
  }
  return names;
}

// Of time series: with _bucket, _sum and _count.
std::set<std::string> exported_names() {
  std::set<std::string> names;
  for (const auto& [sample, value] : testing::samples_of(sample_text())) {
    names.insert(sample.substr(0, sample.find('{')));
  }
  return names;
}

TEST_CASE("promtool finds nothing wrong with the metrics") {
  CHECK(verdict({"check", "metrics"}, sample_text()) == "well");
  const std::string empty = metrics_text({}, {.version = "1.2.3", .age = std::nullopt});
  CHECK(verdict({"check", "metrics"}, empty) == "well");
  // It does look.
  CHECK(verdict({"check", "metrics"}, "leat_moon_phases 1\nleat_moon{ 1\n") != "well");
}

TEST_CASE("promtool can read metrics with any bytes in their labels") {
  wire::Status status = testing::sample_status();
  for (int byte = 0; byte < 256; ++byte) {
    wire::NodeStatus node;
    node.name = "a" + std::string(1, static_cast<char>(byte)) + "b";
    status.nodes.push_back(node);
  }
  CHECK(verdict({"check", "metrics"}, metrics_text(status, {.version = "\n\"\xff"})) == "well");
}

TEST_CASE("promtool finds nothing wrong with prometheus.yml") {
  const std::string path = std::filesystem::path(LEAT_SOURCE) / "monitoring/prometheus.yml";
  CHECK(verdict({"check", "config", path}) == "well");
}

TEST_CASE("promtool can read every expression of the dashboard") {
  json rules = json::array();
  for (const auto& [title, expression] : dashboard_expressions()) {
    rules.push_back({{"record", "r" + std::to_string(rules.size())}, {"expr", expression}});
  }
  REQUIRE(rules.size() > 20);
  const Folder folder;
  const auto check = [&folder](const json& all) {
    const json file = {{"groups", {{{"name", "dashboard"}, {"rules", all}}}}};
    return verdict({"check", "rules", folder.write("rules.yml", file.dump())});
  };
  CHECK(check(rules) == "well");
  rules.push_back({{"record", "wrong"}, {"expr", "sum by ("}});
  CHECK(check(rules) != "well");
}

TEST_CASE("every metric that the dashboard asks for is exported") {
  const std::set<std::string> exported = exported_names();
  for (const auto& [title, expression] : dashboard_expressions()) {
    INFO(title << ": " << expression);
    const std::set<std::string> asked = names_in(expression);
    CHECK_FALSE(asked.empty());
    CHECK(std::ranges::includes(exported, asked));
  }
}

TEST_CASE("docs/operations.md tells of every metric with its type, and of no other") {
  const std::regex row("\n\\| `(leat_[a-z_]+)` \\| ([a-z]+) \\|");
  const std::string text = read_source("docs/operations.md");
  std::map<std::string, std::string> told;
  for (std::sregex_iterator at(text.begin(), text.end(), row), end; at != end; ++at) {
    CHECK(told.emplace(at->str(1), at->str(2)).second);
  }
  CHECK(told == testing::types_of(sample_text()));
}

TEST_CASE("docker-compose.yml, prometheus.yml and the dashboard know one another") {
  const YAML::Node services = YAML::Load(read_source("docker-compose.yml"))["services"];
  const YAML::Node scrapes = YAML::Load(read_source("monitoring/prometheus.yml"))["scrape_configs"];
  const auto target = scrapes[0]["static_configs"][0]["targets"][0].as<std::string>();
  const auto host = target.substr(0, target.find(':'));
  REQUIRE(services[host]);
  const auto command = services[host]["command"].as<std::vector<std::string>>();
  CHECK(std::ranges::count(command, "--http=0.0.0.0" + target.substr(host.size())) == 1);
  const YAML::Node source =
      YAML::Load(read_source("monitoring/grafana/datasources/prometheus.yml"))["datasources"][0];
  const json dashboard = json::parse(read_source("monitoring/grafana/dashboards/leat.json"));
  for (const json& panel : dashboard.at("panels")) {
    CHECK(panel.at("datasource").at("uid") == source["uid"].as<std::string>());
  }
  for (const std::string service : {"prometheus", "grafana"}) {
    for (const auto& volume : services[service]["volumes"]) {
      const auto path = volume.as<std::string>().substr(0, volume.as<std::string>().find(':'));
      if (!path.starts_with("./")) continue;
      CHECK(std::filesystem::exists(std::filesystem::path(LEAT_SOURCE) / path));
    }
  }
}

// A real Prometheus that scrapes a server of ours five times a second.
class Prometheus {
 public:
  explicit Prometheus(const std::string& target)
      : prometheus_({"prometheus", "--config.file=" + folder_.write("prometheus.yml", R"(
global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs: [{job_name: leat, static_configs: [{targets: [")" + target + "\"]}]}]\n"),
                     "--storage.tsdb.path=" + folder_.path("data"),
                     "--web.listen-address=127.0.0.1:0"}) {
    const std::regex listens("Listening on\" address=(127.0.0.1:[0-9]+)");
    std::smatch found;
    std::string log;
    while (!std::regex_search(log, found, listens)) {
      const int errors = prometheus_.child().from_stderr.get();
      if (!tests::wait_for(errors, POLLIN)) throw std::runtime_error("no Prometheus: " + log);
      const std::string more = RunningTool::drain(errors);
      if (more.empty()) throw std::runtime_error("Prometheus ended: " + log);
      log += more;
    }
    address_ = found[1];
  }

  // The results of an instant query; null when there is no answer yet.
  [[nodiscard]] json query(const std::string& expression) {
    static_cast<void>(RunningTool::drain(prometheus_.child().from_stderr.get()));
    HttpClient client(address_);
    if (!client.send("GET /api/v1/query?query=" + escaped(expression) + " HTTP/1.0\r\n\r\n")) {
      return {};
    }
    std::string answer;
    if (!client.read_to_end(answer)) return {};
    const json body = json::parse(answer.substr(answer.find("\r\n\r\n") + 4), nullptr, false);
    if (!body.is_object() || body.value("status", "") != "success") return {};
    return body.at("data").at("result");
  }

  // Of the first result, once there is one; "none" at the deadline.
  [[nodiscard]] std::string value_of(const std::string& expression) {
    json result;
    const bool is_there = wait_until([&] {
      result = query(expression);
      return result.is_array() && !result.empty();
    });
    return is_there ? result.at(0).at("value").at(1).get<std::string>() : "none";
  }

 private:
  static std::string escaped(const std::string& text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string escaped;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      escaped += {'%', kDigits[byte / 16U], kDigits[byte % 16U]};
    }
    return escaped;
  }

  Folder folder_;
  RunningTool prometheus_;
  std::string address_;
};

TEST_CASE("a real Prometheus scrapes the metrics and answers every question of the dashboard") {
  const io::MonotonicClock clock;
  SnapshotBoard board;
  wire::Status status = testing::sample_status();
  status.nodes.push_back({.name = "any\xff\"\\\n", .state = "up", .cores = 16, .labels = {}});
  board.post(status, clock.now());
  const auto server = HttpServer::start("127.0.0.1:0", pages_of(board, "1.2.3"));
  REQUIRE(server.has_value());
  Prometheus prometheus((*server)->address());
  CHECK(prometheus.value_of("up") == "1");
  CHECK(prometheus.value_of("leat_pipeline_records_held{pipeline=\"news\"}") == "33");
  CHECK(prometheus.value_of("leat_node_cores{node=\"any\\\\xff\\\"\\\\\\n\"}") == "16");
  for (const auto& [title, expression] : dashboard_expressions()) {
    INFO(title << ": " << expression);
    CHECK(prometheus.value_of(expression) != "none");
  }
}

}  // namespace
}  // namespace leat::monitoring
