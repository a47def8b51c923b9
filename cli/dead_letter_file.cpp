#include "cli/dead_letter_file.h"

#include <chrono>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/time_text.h"
#include "core/base64.h"
#include "core/signals.h"
#include "core/utf8.h"

namespace leat::cli {

namespace {

void put_bytes(nlohmann::ordered_json& object, const char* name, std::string_view bytes) {
  if (is_utf8(bytes)) {
    object[name] = bytes;
  } else {
    object[std::string(name) == "text" ? "base64" : std::string(name) + "_base64"] =
        to_base64(bytes);
  }
}

nlohmann::ordered_json begin(const DeadLetterFile::Source& source) {
  nlohmann::ordered_json object;
  object["pipeline"] = source.pipeline;
  if (!source.producer.empty()) object["producer"] = source.producer;
  object["time"] = time_text(std::chrono::system_clock::now());
  return object;
}

}  // namespace

Result<DeadLetterFile> DeadLetterFile::open(const std::string& path, Earlier earlier) {
  Result<SideFile> file = SideFile::open("dead letters", path, earlier);
  if (!file) return tl::unexpected(file.error());
  DeadLetterFile letters;
  letters.path_ = path;
  letters.file_ = *std::move(file);
  return letters;
}

Result<void> DeadLetterFile::add(const Source& source, const wire::DeadLetter& letter) {
  nlohmann::ordered_json object = begin(source);
  object["stage"] = letter.stage;
  object["node"] = letter.node;
  object["record"] = to_string(letter.failure.first);
  if (letter.failure.inputs != 1) object["records"] = letter.failure.inputs;
  object["attempts"] = letter.failure.attempts;
  object["kind"] = wire::name_of(letter.failure.kind);
  object["status"] = letter.failure.status;
  const bool is_signal = letter.failure.kind == wire::FailureKind::kSignal;
  const char* const signal = is_signal ? signal_name(letter.failure.status) : nullptr;
  if (signal != nullptr) object["signal"] = signal;
  const bool was_tried = letter.failure.elapsed_ns > 0;
  if (was_tried) {
    const std::uint64_t elapsed_us = letter.failure.elapsed_ns / 1000;
    object["elapsed_ms"] = static_cast<double>(elapsed_us) / 1000;
  }
  put_bytes(object, "reason", letter.failure.reason);
  put_bytes(object, "stderr", letter.failure.stderr_tail);
  std::string_view bytes = letter.records.blob.view();
  const bool is_one = letter.records.count == 1;
  if (is_one) bytes.remove_suffix(letter.records.separator.size());
  put_bytes(object, "text", bytes);
  if (!letter.failure.repeat.empty()) put_bytes(object, "repeat", letter.failure.repeat);
  return file_.write(object.dump() + "\n");
}

Result<void> DeadLetterFile::add_oversize(const Source& source, std::uint64_t record,
                                          std::uint64_t bytes) {
  nlohmann::ordered_json object = begin(source);
  object["stage"] = "";
  object["record"] = std::to_string(record);
  object["attempts"] = 0;
  object["kind"] = "oversize";
  object["reason"] = "the record is larger than limits.record_bytes and was not read";
  object["bytes"] = bytes;
  return file_.write(object.dump() + "\n");
}

}  // namespace leat::cli
