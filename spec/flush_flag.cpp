#include "spec/flush_flag.h"

namespace leat::spec {

namespace {

struct FlushFlag {
  std::string_view program;
  std::vector<std::string> words;
};

}  // namespace

std::string_view program_of(const std::vector<std::string>& argv) {
  const std::string_view program = argv.front();
  return program.substr(program.rfind('/') + 1);
}

std::vector<std::string> flush_flag(const std::vector<std::string>& argv) {
  // On Debian awk is mawk.
  static const std::vector<FlushFlag> flags = {{"awk", {"-W", "interactive"}},
                                               {"mawk", {"-W", "interactive"}},
                                               {"rg", {"--line-buffered"}},
                                               {"mlr", {"--records-per-batch", "1", "--fflush"}}};
  for (const FlushFlag& flag : flags) {
    if (program_of(argv) == flag.program) return flag.words;
  }
  return {};
}

}  // namespace leat::spec
