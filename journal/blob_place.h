// Where a payload lies that RocksDB keeps in a file of payloads (a blob file): its own errors do
// not say. Inside journal/ only.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "journal/engine.h"

namespace leat::journal {

// "000012.blob at byte 345"; nothing when the key's value lies in no such file.
[[nodiscard]] std::optional<std::string> blob_place(const Engine& engine, Table table,
                                                    std::string_view key);

}  // namespace leat::journal
