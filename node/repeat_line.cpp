#include "node/repeat_line.h"

#include <utility>
#include <vector>

#include "core/utf8.h"
#include "framing/stream.h"
#include "node/reframe.h"
#include "node/tagged.h"
#include "spec/shell_words.h"

namespace leat::node {

namespace {

// What the tool read. The middle is what the dead letter has; where that is much, it is not here.
struct Input {
  std::string_view head;
  std::string_view middle;
  std::string_view tail;
  bool is_much = false;
  bool is_text = false;  // If it is much: in the letter, too.
};

std::string octal(unsigned char byte) {
  std::string text = "\\";
  for (const int shift : {6, 3, 0}) {
    text += static_cast<char>('0' + (byte >> shift & 7));
  }
  return text;
}

std::string environment_of(const StartTool& order) {
  std::string text = "env";
  for (const auto& [name, value] : order.env) {
    text += " " + name + "=" + spec::shell_quote(value);
  }
  return text;
}

// `words` are quoted. To env a program with an equals sign in its path would be one more variable.
std::string command_of(const StartTool& order, const std::string& words) {
  const bool is_like_variable = order.argv.front().find('=') != std::string::npos;
  return environment_of(order) + (is_like_variable ? " sh -c '\"$0\" \"$@\"' " : " ") + words;
}

std::string print(std::string_view bytes) {
  return "printf " + printf_format(bytes);
}

// Standard output is what `input` says, with the dead letter on standard input.
std::string taken_from_letter(const Input& input) {
  std::string line = input.is_text ? "jq -j .text" : "jq -j .base64 | base64 -d";
  if (!input.head.empty()) line = print(input.head) + "; " + line;
  if (!input.tail.empty()) line += "; " + print(input.tail);
  return "{ " + line + "; }";
}

std::string within_limit(std::string line) {
  return line.size() > kRepeatLineMax ? "" : std::move(line);
}

std::string line_for(const StartTool& order, const Input& input) {
  // Its answers come by a pipe that nobody would read.
  if (order.answers) return "";
  const std::string folder = "cd " + spec::shell_quote(order.directory) + " && ";
  const std::string command = command_of(order, spec::shell_quote(order.argv));
  if (input.is_much) {
    return within_limit(folder + taken_from_letter(input) + " | " + command);
  }
  std::string all;
  all.append(input.head).append(input.middle).append(input.tail);
  return within_limit(folder + print(all) + " | " + command);
}

// A word with a variable in place of each of its holes.
std::string with_variable(std::string_view word, const std::vector<std::size_t>& holes) {
  std::string quoted;
  std::size_t from = 0;
  const auto add = [&quoted](std::string_view text) {
    if (!text.empty()) quoted += spec::shell_quote(text);
  };
  for (const std::size_t at : holes) {
    add(word.substr(from, at - from));
    quoted += "\"$record\"";
    from = at + std::string_view("{}").size();
  }
  add(word.substr(from));
  return quoted;
}

std::string line_with_file(const StartTool& order) {
  std::string words;
  for (std::size_t i = 0; i < order.argv.size(); ++i) {
    std::vector<std::size_t> holes;
    for (const spec::Hole& hole : order.file->holes) {
      if (hole.word == i) holes.push_back(hole.at);
    }
    const std::string& word = order.argv[i];
    words += (i == 0 ? "" : " ") +
             (holes.empty() ? spec::shell_quote(word) : with_variable(word, holes));
  }
  const std::string_view record = order.file->bytes.view();
  const std::string writes = record.size() > kRepeatedBytesMax
                                 ? taken_from_letter({.is_text = is_utf8(record)})
                                 : print(record);
  return "(record=$(mktemp) && trap 'rm -f \"$record\"' EXIT && " + writes +
         " > \"$record\" && cd " + spec::shell_quote(order.directory) + " && " +
         command_of(order, words) + " < /dev/null)";
}

// `is_letter_other`: the dead letter has other bytes than the tool was given.
std::string line_for_record(const StartTool& order, const Portion& record,
                            const framing::Framing& input, bool is_letter_other) {
  const Records& records = record.batch.records;
  const Bytes stream = framing::stream_of(records, input);
  const std::size_t end = record.is_unterminated ? records.separator.size() : 0;
  const std::string_view all = stream.view().substr(0, stream.size() - end);
  const std::size_t size = records.length(0);
  // Without a header the record comes first.
  const bool has_header = framing::has_headers(input);
  const std::size_t behind = input.kind == framing::Kind::kNetstring ? 1 : 0;
  const std::size_t at = has_header ? all.size() - behind - size : 0;
  // A newline may have been added to its last line, which the letter does not have.
  const bool may_differ = is_letter_other || input.kind == framing::Kind::kBlankLine;
  const bool is_much = all.size() > kRepeatedBytesMax;
  if (may_differ && is_much) return "";
  const std::string_view middle = all.substr(at, size);
  return line_for(order, {.head = all.substr(0, at),
                          .middle = is_much ? "" : middle,
                          .tail = all.substr(at + size),
                          .is_much = is_much,
                          .is_text = is_much && is_utf8(middle)});
}

}  // namespace

std::string printf_format(std::string_view bytes) {
  const bool is_text = is_utf8(bytes);
  std::string format = "'";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_first = format.size() == 1;
    const bool needs_octal = byte < 0x20 || byte == 0x7f || c == '\'' || (byte >= 0x80 && !is_text);
    if (c == '\n') {
      format += "\\n";
    } else if (c == '\\' || c == '%') {
      format.append(2, c);
    } else if (needs_octal || (c == '-' && is_first)) {  // It would begin an option.
      format += octal(byte);
    } else {
      format += c;
    }
  }
  return format + "'";
}

std::string repeat_line(const StartTool& order, const Portion& record, const spec::Stage& stage) {
  const framing::Framing input = tool_input(stage);
  if (stage.mode != spec::Mode::kTagged) {
    return line_for_record(order, record, input, stage.langpack.has_value());
  }
  Portion frame = record;
  frame.batch.records = encode_frames(record.batch.records, 0);
  return line_for_record(order, frame, input, true);
}

std::string repeat_line(const StartTool& order, const WindowWork& window,
                        const framing::Framing& input) {
  if (window.records() == 1) {
    Portion record;
    record.is_unterminated = window.is_unterminated;
    for (const Batch& slice : window.slices) {
      if (slice.records.count == 1) record.batch = slice;
    }
    return line_for_record(order, record, input, false);
  }
  std::size_t size = 0;
  bool is_text = true;
  for (const Batch& slice : window.slices) {
    size += slice.records.blob.size();
    is_text = is_text && is_utf8(slice.records.blob.view());
  }
  if (size > kRepeatedBytesMax) {
    const bool is_letter_other =
        window.is_reframed || window.is_unterminated || framing::has_headers(input);
    if (is_letter_other) return "";
    return line_for(order, {.is_much = true, .is_text = is_text});
  }
  std::string all;
  for (const Batch& slice : window.slices) {
    all += framing::stream_of(slice.records, input).view();
  }
  if (window.is_unterminated) all.resize(all.size() - framing::terminator(input).size());
  return line_for(order, {.middle = all});
}

std::string repeat_line_with_argument(const StartTool& order) {
  if (order.file) return within_limit(line_with_file(order));
  return within_limit("cd " + spec::shell_quote(order.directory) + " && " +
                      command_of(order, spec::shell_quote(order.argv)) + " < /dev/null");
}

}  // namespace leat::node
