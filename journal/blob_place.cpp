#include "journal/blob_place.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

#include <rocksdb/utilities/debug.h>

namespace leat::journal {

namespace {

constexpr char kInBlobFile = 1;  // The first byte of such a reference.

// Seven bits in each byte, the lowest first; the top bit says that more follow.
std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    number |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return number;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> blob_place(const Engine& engine, Table table, std::string_view key) {
  const rocksdb::Slice slice(key.data(), key.size());
  std::vector<rocksdb::KeyVersion> versions;
  const auto status =
      rocksdb::GetAllKeyVersions(&engine.db(), engine.family(table), slice, slice, 1, &versions);
  if (!status.ok() || versions.empty() || versions.front().GetTypeName() != "TypeBlobIndex") {
    return std::nullopt;
  }
  std::string_view reference = versions.front().value;
  if (reference.empty() || reference.front() != kInBlobFile) return std::nullopt;
  reference.remove_prefix(1);
  const auto file = take_varint(reference);
  const auto offset = take_varint(reference);
  if (!file || !offset) return std::nullopt;
  std::array<char, 32> name{};
  (void)std::snprintf(name.data(), name.size(), "%06llu.blob",
                      static_cast<unsigned long long>(*file));
  return std::string(name.data()) + " at byte " + std::to_string(*offset);
}

}  // namespace leat::journal
