#include "tests/protocol/annotate.h"

#include <cstdint>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string_view>
#include <variant>
#include <vector>

#include "core/ensure.h"
#include "wire/fields_client.h"
#include "wire/fields_node.h"
#include "wire/fields_status.h"
#include "wire/kinds.h"
#include "wire/writer.h"

namespace leat::wire::testing {

namespace {

constexpr std::size_t kRemarkColumn = 30;

std::string hexadecimal(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    if (!text.empty()) text += ' ';
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
  return text;
}

std::string line(std::string_view bytes, const std::string& remark) {
  std::string text = bytes.empty() ? "-" : hexadecimal(bytes);
  text.resize(std::max(text.size() + 1, kRemarkColumn), ' ');
  return text + "; " + remark + '\n';
}

std::string in_quotes(std::string_view text) {
  std::string result = "\"";
  for (const char byte : text) {
    result += byte == '\n' ? std::string("\\n") : std::string(1, byte);
  }
  return result + '"';
}

// An archive that writes each field by a Writer and notes which bytes that gave.
class Annotator {
 public:
  template <class T>
  std::string message(const T& value) {
    writer_.array(1 + Writer::count_fields(value));
    note("an array of " + std::to_string(1 + Writer::count_fields(value)));
    writer_.number("kind", kKind<T>.number);
    note(std::string("kind: ") + kKind<T>.name);
    Fields<T>::list(*this, value);
    return header_ + payloads_;
  }

  void number(const char* name, std::uint64_t value, std::uint64_t = 0) {
    writer_.number(name, value);
    note(name, std::to_string(value));
  }

  void counter(const char* name, std::uint64_t value) { number(name, value); }

  void integer(const char* name, std::int32_t value) {
    writer_.integer(name, value);
    note(name, std::to_string(value));
  }

  void boolean(const char* name, bool value) {
    writer_.boolean(name, value);
    note(name, value ? "true" : "false");
  }

  template <class Enum>
  void enumerator(const char* name, Enum value, Enum last) {
    writer_.enumerator(name, value, last);
    note(name, std::to_string(static_cast<unsigned>(value)));
  }

  void text(const char* name, const std::string& value, std::size_t most) {
    writer_.text(name, value, most);
    note(name, in_quotes(value));
  }

  void bytes(const char* name, const std::string& value, std::size_t most) {
    writer_.bytes(name, value, most);
    note(name, in_quotes(value));
  }

  void map(const char* name, const std::map<std::string, std::string>& value, std::size_t most) {
    writer_.map(name, value, most);
    std::string pairs;
    for (const auto& [key, text_of_key] : value) {
      pairs += (pairs.empty() ? "" : ", ") + in_quotes(key) + ": " + in_quotes(text_of_key);
    }
    note(name, '{' + pairs + '}');
  }

  void position(const char* name, const Position& value) {
    writer_.position(name, value);
    note(name, to_string(value));
  }

  template <class T>
  void structure(const char* name, const T& value) {
    const std::uint32_t size = Writer::count_fields(value);
    writer_.array(size);
    note(name, "an array of " + std::to_string(size));
    indent_ += 2;
    Fields<T>::list(*this, value);
    indent_ -= 2;
  }

  template <class T>
  void list(const char* name, const std::vector<T>& values) {
    writer_.array(static_cast<std::uint32_t>(values.size()));
    note(name, values.empty() ? "an empty list" : "a list of " + std::to_string(values.size()));
    indent_ += 2;
    for (std::size_t i = 0; i < values.size(); ++i) {
      structure(('[' + std::to_string(i) + ']').c_str(), values[i]);
    }
    indent_ -= 2;
  }

  void payload(const Records& records) {
    payloads_ += '\n' + line(records.lengths.view(), "lengths");
    payloads_ += '\n' + line(records.blob.view(), in_quotes(records.blob.view()));
  }

  template <class Holds>
  void rule(const char*, Holds, const char*) {}

 private:
  void note(const std::string& name, const std::string& value) { note(name + ": " + value); }

  void note(const std::string& remark) {
    const std::string_view bytes = std::string_view(writer_.header()).substr(noted_);
    noted_ = writer_.header().size();
    header_ += line(bytes, std::string(indent_, ' ') + remark);
  }

  Writer writer_;
  std::size_t noted_ = 0;  // Bytes of the writer's header that stand in header_.
  std::size_t indent_ = 0;
  std::string header_;
  std::string payloads_;
};

}  // namespace

std::string annotated(const Message& message) {
  return std::visit([](const auto& value) { return Annotator().message(value); }, message);
}

Frames frames_of(const std::string& text) {
  std::vector<std::string> frames(1);
  std::istringstream lines(text);
  for (std::string of_text; std::getline(lines, of_text);) {
    if (of_text.empty()) {
      frames.emplace_back();
      continue;
    }
    std::istringstream words(of_text.substr(0, of_text.find(';')));
    for (std::string word; words >> word;) {
      if (word == "-") continue;
      ENSURE(word.size() == 2 && word.find_first_not_of("0123456789abcdef") == std::string::npos);
      frames.back() += static_cast<char>(std::strtoul(word.c_str(), nullptr, 16));
    }
  }
  Frames result;
  for (std::string& frame : frames) {
    result.push_back(Bytes::own(std::move(frame)));
  }
  return result;
}

}  // namespace leat::wire::testing
