#include "node/stderr_log.h"

#include <algorithm>

namespace leat::node {

namespace {

std::string numbered(std::uint32_t replica, bool is_cut, const std::string& text) {
  return "[" + std::to_string(replica) + "] " + (is_cut ? "..." : "") + text + "\n";
}

}  // namespace

void StderrLog::add(Speaker speaker, ToolId tool, std::string_view bytes) {
  Unended& line = unended_[speaker];
  if (line.tool != tool && !line.text.empty()) end_line(speaker, line);
  line.tool = tool;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, bytes.find('\n'));
    line.text.append(part);
    if (line.text.size() > kLineBytesMax) {
      line.text.erase(0, line.text.size() - kLineBytesMax);
      line.is_cut = true;
    }
    if (part.size() == bytes.size()) break;
    end_line(speaker, line);
    bytes.remove_prefix(part.size() + 1);
  }
  make_room(speaker);
}

void StderrLog::end_line(Speaker speaker, Unended& line) {
  lines_.push_back(numbered(speaker.replica, line.is_cut, line.text));
  bytes_ += lines_.back().size();
  line.text.clear();
  line.is_cut = false;
}

void StderrLog::make_room(Speaker newest) {
  std::size_t unended = 0;
  for (const auto& [speaker, line] : unended_) {
    unended += line.text.empty() ? 0 : numbered(speaker.replica, line.is_cut, line.text).size();
  }
  while (!lines_.empty() && bytes_ + unended > kBytesMax) {
    bytes_ -= lines_.front().size();
    lines_.pop_front();
  }
  for (auto& [speaker, line] : unended_) {
    if (unended <= kBytesMax) return;
    if (speaker == newest || line.text.empty()) continue;
    unended -= numbered(speaker.replica, line.is_cut, line.text).size();
    line.text.clear();
    line.is_cut = true;
  }
}

std::string StderrLog::text() const {
  std::string text;
  for (const std::string& line : lines_) {
    text += line;
  }
  for (const auto& [speaker, line] : unended_) {
    if (!line.text.empty()) text += numbered(speaker.replica, line.is_cut, line.text);
  }
  return text;
}

}  // namespace leat::node
