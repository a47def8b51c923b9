#include "node/stderr_log.h"

#include <algorithm>

namespace leat::node {

namespace {

std::string numbered(std::uint32_t replica, bool is_cut, const std::string& text) {
  return "[" + std::to_string(replica) + "] " + (is_cut ? "..." : "") + text + "\n";
}

}  // namespace

void StderrLog::add(std::uint32_t replica, ToolId tool, std::string_view bytes) {
  Unended& line = unended_[replica];
  if (line.tool != tool && !line.text.empty()) end_line(replica, line);
  line.tool = tool;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, bytes.find('\n'));
    line.text.append(part);
    if (line.text.size() > kLineBytesMax) {
      line.text.erase(0, line.text.size() - kLineBytesMax);
      line.is_cut = true;
    }
    if (part.size() == bytes.size()) break;
    end_line(replica, line);
    bytes.remove_prefix(part.size() + 1);
  }
  make_room(replica);
}

void StderrLog::end_line(std::uint32_t replica, Unended& line) {
  lines_.push_back(numbered(replica, line.is_cut, line.text));
  bytes_ += lines_.back().size();
  line.text.clear();
  line.is_cut = false;
}

void StderrLog::make_room(std::uint32_t newest) {
  std::size_t unended = 0;
  for (const auto& [replica, line] : unended_) {
    unended += line.text.empty() ? 0 : numbered(replica, line.is_cut, line.text).size();
  }
  while (!lines_.empty() && bytes_ + unended > kBytesMax) {
    bytes_ -= lines_.front().size();
    lines_.pop_front();
  }
  for (auto& [replica, line] : unended_) {
    if (unended <= kBytesMax) return;
    if (replica == newest || line.text.empty()) continue;
    unended -= numbered(replica, line.is_cut, line.text).size();
    line.text.clear();
    line.is_cut = true;
  }
}

std::string StderrLog::text() const {
  std::string text;
  for (const std::string& line : lines_) {
    text += line;
  }
  for (const auto& [replica, line] : unended_) {
    if (!line.text.empty()) text += numbered(replica, line.is_cut, line.text);
  }
  return text;
}

}  // namespace leat::node
