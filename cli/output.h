// Output writes results to standard output without ever waiting for its reader, and tells when a
// delivery is written.
//
// A producer's last record that had no terminator is written without one; should results of
// another producer follow, it gets it first, so that no two records become one.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "core/result.h"
#include "framing/framing.h"
#include "io/fd.h"
#include "wire/messages.h"

namespace leat::cli {

class Output {
 public:
  // Refuses a closed standard output.
  [[nodiscard]] static Result<Output> open();

  // How records are written; before the first.
  void set_framing(framing::Framing framing) { framing_ = std::move(framing); }

  void add(const wire::Delivery& delivery);

  // Writes what there is room for. The number of the last delivery that is written now, if that is
  // new. Errc::kUnavailable: the reader went away.
  [[nodiscard]] Result<std::optional<std::uint64_t>> write();

  [[nodiscard]] bool is_empty() const { return pieces_.empty(); }

  // Forgets the deliveries of which nothing is written yet.
  void drop_unstarted();

  [[nodiscard]] int fd() const { return fd_; }

  [[nodiscard]] std::uint64_t written_records() const { return written_records_; }

 private:
  struct Piece {
    Bytes bytes;                 // Perhaps none.
    std::uint64_t delivery = 0;  // Set on the last piece of one.
    std::uint64_t records = 0;
  };

  framing::Framing framing_;
  int fd_ = 1;
  io::Fd owned_;                      // Of a pipe: our own, non-blocking description.
  std::size_t write_max_ = SIZE_MAX;  // Where a write could wait: what never does.
  std::deque<Piece> pieces_;
  std::size_t written_of_first_ = 0;
  std::string owed_terminator_;  // Of the record that was added last.
  std::uint64_t written_records_ = 0;
};

}  // namespace leat::cli
