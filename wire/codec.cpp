#include "wire/codec.h"

#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "wire/fields_client.h"
#include "wire/fields_node.h"
#include "wire/fields_status.h"
#include "wire/kinds.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace leat::wire {

namespace {

template <class T>
Result<Message> read(Reader& reader) {
  Message message(std::in_place_type<T>);
  reader.message(std::get<T>(message));
  if (reader.defect().empty()) return message;
  return failure(Errc::kMalformed, std::string(kKind<T>.name) + ": " + reader.defect());
}

template <std::size_t kIndex = 0>
Result<Message> read_kind(std::uint64_t kind, Reader& reader) {
  if constexpr (kIndex == std::variant_size_v<Message>) {
    return failure(Errc::kMalformed, "message: kind " + std::to_string(kind) + " is unknown");
  } else {
    using T = std::variant_alternative_t<kIndex, Message>;
    if (kind == kKind<T>.number) return read<T>(reader);
    return read_kind<kIndex + 1>(kind, reader);
  }
}

Result<Message> read_frames(const Frames& frames) {
  const Result<std::vector<Element>> header = parse_header(frames.front().view());
  if (!header) return tl::unexpected<Error>(header.error());
  Reader reader(*header, frames);
  const std::uint64_t kind = reader.kind();
  if (reader.defect().empty()) return read_kind(kind, reader);
  return failure(Errc::kMalformed, "message: " + reader.defect());
}

}  // namespace

Frames encode(const Message& message) {
  return std::visit([]<class T>(const T& value) { return Writer().write(kKind<T>.number, value); },
                    message);
}

Result<Message> decode(const Frames& frames) {
  if (frames.empty()) return failure(Errc::kMalformed, "message: it has no frames");
  try {
    return read_frames(frames);
  } catch (const std::exception& error) {
    return failure(Errc::kMalformed, std::string("message: cannot be read: ") + error.what());
  }
}

const char* kind_name(const Message& message) {
  return std::visit([]<class T>(const T&) { return kKind<T>.name; }, message);
}

}  // namespace leat::wire
