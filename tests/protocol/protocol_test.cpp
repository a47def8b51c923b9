// The bytes in docs/protocol.md against the codec: every kind of message is shown, every example
// decodes to what its remarks say, and is encoded to just these bytes again.
//
// With LEAT_UPDATE_EXAMPLES=1 in the environment the document's examples are written anew; the
// difference is then reviewed like code.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <variant>

#include <catch2/catch.hpp>

#include "tests/protocol/annotate.h"
#include "tests/protocol/examples.h"
#include "wire/codec.h"

namespace leat::wire {
namespace {

constexpr const char* kFence = "```";

std::filesystem::path document() {
  return std::filesystem::path(__FILE__).parent_path() / "../../docs/protocol.md";
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

}  // namespace
}  // namespace leat::wire
