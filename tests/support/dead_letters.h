// The dead letters that a scene's run has left, as JSON.

#pragma once

#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/leat_process.h"

namespace leat::tests {

inline std::vector<nlohmann::json> letters_in(const Scene& scene) {
  std::vector<nlohmann::json> letters;
  std::istringstream file(scene.read("letters.jsonl"));
  for (std::string line; std::getline(file, line);) {
    letters.push_back(nlohmann::json::parse(line));
  }
  return letters;
}

inline nlohmann::json only_letter_in(const Scene& scene) {
  const std::vector<nlohmann::json> letters = letters_in(scene);
  REQUIRE(letters.size() == 1);
  return letters.front();
}

}  // namespace leat::tests
