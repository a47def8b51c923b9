#include "cli/remote_pipeline.h"

#include <array>
#include <chrono>
#include <cstdio>

#include <unistd.h>

#include "cli/ask.h"
#include "spec/parse.h"

namespace leat::cli {

Attempt<spec::Pipeline> describe(Front& front, const Signals& signals,
                                 const std::string& pipeline) {
  const Attempt<wire::Description> answer =
      ask<wire::Description>(front, signals, wire::Describe{pipeline});
  if (!answer) return tl::unexpected(answer.error());
  Result<spec::Pipeline> parsed = spec::parse({answer->spec_text, answer->file, answer->directory});
  if (!parsed) {
    return trouble(ExitCode::kBroker,
                   "the broker runs a pipeline that this client cannot read; are "
                   "they of one version? " +
                       parsed.error().message);
  }
  return std::move(*parsed);
}

std::string new_producer(const std::string& prefix) {
  std::array<char, 65> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  return prefix + "-" + host.data() + "-" + std::to_string(::getpid()) + "-" + std::to_string(us);
}

}  // namespace leat::cli
