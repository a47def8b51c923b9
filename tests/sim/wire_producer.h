// A producer written against docs/protocol.md alone, without the client's library. Its records lie
// on a disk; one portion of them is under way at a time, with a beat behind it. It may die at any
// moment and come back as another process, with the next epoch: it goes on where the broker says.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wire/messages.h"

namespace leat::sim {

class WireProducer {
 public:
  struct Opening {
    std::string pipeline;
    std::string name;
    std::uint64_t epoch = 1;
  };

  // The disk must outlive it.
  WireProducer(Opening opening, const std::vector<std::string>& disk)
      : opening_(std::move(opening)), disk_(disk) {}

  [[nodiscard]] wire::Message open() const {
    return wire::OpenSession{.pipeline = opening_.pipeline,
                             .producer = opening_.name,
                             .epoch = opening_.epoch,
                             .use = wire::SessionUse::kSend};
  }

  // What it says to that.
  [[nodiscard]] std::vector<wire::Message> receive(const wire::Message& message);

  // To be called each second: what was lost is said again.
  [[nodiscard]] std::vector<wire::Message> beat();

  // All is accepted, or it was told why not.
  [[nodiscard]] bool is_over() const { return is_over_; }

  [[nodiscard]] const std::optional<std::string>& refusal() const { return refusal_; }

  // Records that the broker said to have.
  [[nodiscard]] std::uint64_t accepted() const { return accepted_; }

 private:
  [[nodiscard]] std::vector<wire::Message> go_on(const wire::SessionState& state);
  [[nodiscard]] wire::Message ask();

  Opening opening_;
  const std::vector<std::string>& disk_;
  std::optional<ProducerId> id_;
  std::uint64_t accepted_ = 0;
  std::uint64_t beats_ = 0;
  bool waits_ = false;  // For the answer to its last beat.
  bool is_over_ = false;
  std::optional<std::string> refusal_;
};

}  // namespace leat::sim
