// The bytes in docs/protocol.md against the codec: every kind of message is shown, every example
// decodes to what its remarks say, and is encoded to just these bytes again. The tables of fields
// are compared with the examples' remarks.
//
// With LEAT_UPDATE_EXAMPLES=1 in the environment the document's examples are written anew; the
// difference is then reviewed like code.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/protocol/annotate.h"
#include "tests/protocol/examples.h"
#include "wire/codec.h"

namespace leat::wire {
namespace {

constexpr const char* kFence = "```";

std::filesystem::path document() {
  return std::filesystem::path(LEAT_SOURCE) / "docs/protocol.md";
}

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The document in pieces: text, and examples by the name behind their fence.
struct Piece {
  std::string text;
  std::string example;  // Empty for text between examples.
};

std::vector<Piece> pieces_of(const std::string& text) {
  std::vector<Piece> pieces(1);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const bool is_inside = !pieces.back().example.empty();
    if (is_inside && line == kFence) pieces.emplace_back();
    pieces.back().text += line + '\n';
    const std::string begin = std::string(kFence) + "hex ";
    if (line.starts_with(begin)) pieces.push_back({"", line.substr(begin.size())});
  }
  return pieces;
}

std::map<std::string, Message> examples_by_name() {
  std::map<std::string, Message> by_name;
  for (Message& message : testing::examples()) {
    const std::string name = kind_name(message);
    by_name.emplace(name, std::move(message));
  }
  return by_name;
}

TEST_CASE("docs/protocol.md shows every kind of message in bytes that say what it claims") {
  const std::map<std::string, Message> examples = examples_by_name();
  REQUIRE(examples.size() == std::variant_size_v<Message>);
  std::string updated;
  std::map<std::string, std::string> shown;
  for (const Piece& piece : pieces_of(read(document()))) {
    if (!piece.example.empty()) {
      INFO(piece.example);
      REQUIRE(examples.count(piece.example) == 1);
      shown[piece.example] = piece.text;
    }
    updated += piece.example.empty() ? piece.text : testing::annotated(examples.at(piece.example));
  }
  if (std::getenv("LEAT_UPDATE_EXAMPLES") != nullptr) {
    std::ofstream(document()) << updated;
    return;
  }
  for (const auto& [name, message] : examples) {
    INFO(name);
    REQUIRE(shown.count(name) == 1);
    CHECK(shown[name] == testing::annotated(message));
  }
}

TEST_CASE("the bytes of docs/protocol.md are decoded, and encoded as they were") {
  std::size_t decoded = 0;
  for (const Piece& piece : pieces_of(read(document()))) {
    if (piece.example.empty()) continue;
    const Frames frames = testing::frames_of(piece.text);
    const Result<Message> message = decode(frames);
    INFO(piece.example << ": " << (message ? "" : message.error().message));
    REQUIRE(message.has_value());
    CHECK(kind_name(*message) == piece.example);
    CHECK(encode(*message) == frames);
    CHECK(testing::annotated(*message) == piece.text);
    ++decoded;
  }
  CHECK(decoded == std::variant_size_v<Message>);
}

// ---- Tables.

struct Row {
  std::string field;
  std::string type;
};

// Tables of fields by what they describe: a message's name and number as in "lease (32)", or the
// name of what several messages carry.
using Tables = std::map<std::string, std::vector<Row>>;

// "| a | b | c |"; none in another line.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  if (!line.starts_with("| ")) return cells;
  std::size_t at = 2;
  for (std::size_t end = line.find(" |", at); end < line.size(); end = line.find(" |", at)) {
    cells.push_back(line.substr(at, end - at));
    at = std::min(end + 3, line.size());
  }
  return cells;
}

// What the table under this line describes: "### lease (32)" and "**node id, deployment id.** ..."
// do; nothing for another line.
std::vector<std::string> described_by(const std::string& line) {
  if (line.starts_with("### ")) return {line.substr(4)};
  if (!line.starts_with("**") || line.find(".**") == std::string::npos) return {};
  std::vector<std::string> names;
  std::istringstream list(line.substr(2, line.find(".**") - 2));
  for (std::string name; std::getline(list >> std::ws, name, ',');) {
    names.push_back(name);
  }
  return names;
}

Tables tables_of(const std::string& text) {
  Tables tables;
  std::vector<std::string> names;
  bool is_inside = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (const auto described = described_by(line); !described.empty()) {
      names = described;
      for (const std::string& name : names) {
        tables[name];
      }
    }
    const std::vector<std::string> cells = cells_of(line);
    if (!line.starts_with('|')) is_inside = false;
    for (const std::string& name : names) {
      if (is_inside && cells.size() == 3) tables[name].push_back({cells[0], cells[1]});
    }
    if (!cells.empty() && cells.front() == "field") is_inside = true;
  }
  return tables;
}

// A field that an example shows, and how deep it lies.
struct Shown {
  std::size_t indent = 0;
  std::string name;
};

std::vector<Shown> shown_in(const std::string& example) {
  std::vector<Shown> shown;
  std::istringstream lines(example);
  for (std::string line; std::getline(lines, line) && !line.empty();) {
    const std::string remark = line.substr(line.find("; ") + 2);
    const std::size_t begin = remark.find_first_not_of(' ');
    shown.push_back({begin, remark.substr(begin, remark.find(": ") - begin)});
  }
  // The array itself and the kind are no fields.
  shown.erase(shown.begin(), shown.begin() + 2);
  return shown;
}

// Follows a table and those of its types through what is shown from `at` on; where that ends.
std::size_t follow(const Tables& tables, const std::string& type, const std::vector<Shown>& shown,
                   std::size_t at, std::size_t indent) {
  INFO("table of " << type);
  REQUIRE(tables.count(type) == 1);
  for (const Row& row : tables.at(type)) {
    INFO("field " << row.field);
    REQUIRE(at < shown.size());
    REQUIRE(shown[at].name == row.field);
    REQUIRE(shown[at].indent == indent);
    ++at;
    const bool is_list = row.type.starts_with("list of ");
    const std::string element = is_list ? row.type.substr(8) : row.type;
    while (at < shown.size() && shown[at].indent > indent) {
      at = is_list ? follow(tables, element, shown, at + 1, indent + 4)
                   : follow(tables, element, shown, at, indent + 2);
    }
  }
  return at;
}

TEST_CASE("the tables of docs/protocol.md list the fields of every message in order") {
  const Tables tables = tables_of(read(document()));
  for (const auto& [name, message] : examples_by_name()) {
    INFO(name);
    const auto kind = static_cast<unsigned char>(encode(message).front().view()[1]);
    const std::vector<Shown> shown = shown_in(testing::annotated(message));
    CHECK(follow(tables, name + " (" + std::to_string(kind) + ")", shown, 0, 0) == shown.size());
  }
}

}  // namespace
}  // namespace leat::wire
