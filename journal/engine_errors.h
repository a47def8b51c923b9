// What RocksDB's errors mean to the user of a journal: one line each. Inside journal/ only.

#pragma once

#include <string>

#include <rocksdb/status.h>

#include "core/result.h"

namespace leat::journal {

// The store's errors, for a `status` that is not ok. See Store::open() for their codes.
[[nodiscard]] tl::unexpected<Error> explained(const std::string& directory,
                                              const rocksdb::Status& status);

// "the journal in DIR is damaged: WHAT; --salvage ...".
[[nodiscard]] tl::unexpected<Error> damaged(const std::string& directory, const std::string& what);

// A status' words in one line.
[[nodiscard]] std::string words_of(const rocksdb::Status& status);

}  // namespace leat::journal
