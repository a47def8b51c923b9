#include "framing/stream.h"

#include <string>
#include <string_view>
#include <utility>

namespace leat::framing {

namespace {

void append_netstring(std::string_view record, std::string& stream) {
  stream.append(std::to_string(record.size())).append(1, ':').append(record).append(1, ',');
}

void append_length32(std::string_view record, std::string& stream) {
  for (const int shift : {24, 16, 8, 0}) {
    stream += static_cast<char>(record.size() >> shift & 0xff);
  }
  stream.append(record);
}

}  // namespace

Bytes stream_of(const Records& records, const Framing& framing) {
  if (!has_headers(framing)) return records.blob;
  std::string stream;
  stream.reserve(records.bytes());
  RecordReader reader(records);
  while (!reader.is_done()) {
    if (framing.kind == Kind::kNetstring) {
      append_netstring(reader.next(), stream);
    } else {
      append_length32(reader.next(), stream);
    }
  }
  return Bytes::own(std::move(stream));
}

}  // namespace leat::framing
