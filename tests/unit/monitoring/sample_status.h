// A status as a cluster of two nodes tells it, in which every number is another; and the lines of
// Prometheus's text format, to look values up.

#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "core/histogram.h"
#include "wire/messages.h"

namespace leat::monitoring::testing {

inline Histogram::Counts histogram_of(Duration value, std::uint64_t times) {
  Histogram histogram;
  histogram.add(value, times);
  return histogram.counts();
}

// `base`: no two may be nearer than 100.
inline wire::StageOnNode stage_on_node(const std::string& node, std::uint64_t base) {
  wire::StageOnNode stage;
  stage.node = node;
  stage.records_in = base + 1;
  stage.records_out = base + 2;
  stage.bytes_in = base + 3;
  stage.bytes_out = base + 4;
  stage.failed = {{"exit", base + 5}, {"node-lost", base + 6}};
  stage.restarts = {{"exit", base + 7}, {"signal", 0}};
  stage.retried = base + 8;
  stage.dead_letters = base + 9;
  stage.dropped = base + 10;
  stage.leased = base + 11;
  stage.replicas = static_cast<std::uint32_t>(base + 12);
  stage.replicas_ready = static_cast<std::uint32_t>(base + 13);
  stage.busy_ns = (base + 14) * 500'000'000;
  stage.service = histogram_of(std::chrono::milliseconds(3), base + 15);
  return stage;
}

inline wire::Status sample_status() {
  wire::StageStatus tokenize;
  tokenize.name = "tokenize";
  tokenize.replicas = 20;
  tokenize.waiting = 21;
  tokenize.waiting_bytes = 22;
  tokenize.oldest_ns = 2'300'000'000;
  tokenize.held_back_ns = 2'400'000'000;
  tokenize.wait = histogram_of(std::chrono::microseconds(700), 25);
  tokenize.nodes = {stage_on_node("a", 100), stage_on_node("b", 200)};
  wire::StageStatus parse;
  parse.name = "parse";
  parse.nodes = {stage_on_node("a", 300)};
  wire::PipelineStatus news;
  news.name = "news";
  news.state = "running";
  news.queue_bytes = 31;
  news.queue_bytes_max = 32;
  news.records = 33;
  news.sessions = 34;
  news.producers = 35;
  news.consumers = 36;
  news.results = 37;
  news.results_oldest_ns = 3'800'000'000;
  news.back_pressure_ns = 2'500'000'000;
  news.stages = {tokenize, parse};
  return {.pipelines = {news},
          .nodes = {{.name = "a", .state = "up", .cores = 4, .replicas = 2, .labels = {}},
                    {.name = "b", .state = "draining", .cores = 8, .replicas = 1, .labels = {}}}};
}

// Every line of a text that is no comment: what stands before the value, and the value.
inline std::map<std::string, double> samples_of(const std::string& text) {
  std::map<std::string, double> samples;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    const std::size_t space = line.rfind(' ');
    if (!line.starts_with('#')) {
      samples[line.substr(0, space)] = std::strtod(line.c_str() + space + 1, nullptr);
    }
    at = end + 1;
  }
  return samples;
}

// Name and type of each metric of a text.
inline std::map<std::string, std::string> types_of(const std::string& text) {
  constexpr std::string_view kBegin = "# TYPE ";
  std::map<std::string, std::string> types;
  for (std::size_t at = text.find(kBegin); at != std::string::npos; at = text.find(kBegin, at)) {
    at += kBegin.size();
    const std::size_t space = text.find(' ', at);
    types[text.substr(at, space - at)] = text.substr(space + 1, text.find('\n', at) - space - 1);
  }
  return types;
}

}  // namespace leat::monitoring::testing
