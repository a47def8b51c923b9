// What `leat probe` guesses from bytes: how a sample and what a tool printed for it lie in records.
// A guess proves nothing; it is what is worth trying, the most likely first.
//
// Pure. Values; any thread.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framing/framing.h"
#include "spec/pipeline_spec.h"

namespace leat::cli {

// How the sample may lie in records; one at the least.
[[nodiscard]] std::vector<framing::Framing> guess_inputs(std::string_view sample);

// Framings by which the text is exactly so many records.
[[nodiscard]] std::vector<framing::Framing> guess_outputs(std::string_view printed,
                                                          std::size_t records);

// A framing for a text of any number of records.
[[nodiscard]] framing::Framing guess_output_of_any(std::string_view printed);

// How to say where the banner ends; none where there is no way to say so.
[[nodiscard]] std::optional<spec::Prelude> guess_prelude(std::string_view banner,
                                                         const framing::Framing& output);

// Some programs flush each record only when they are told so: the command with the program's own
// flag for it; none for a program that is not known, or has the flag already.
[[nodiscard]] std::optional<std::vector<std::string>> with_flush_flag(
    const std::vector<std::string>& argv);

// What to know about a program that no trial finds out; empty for most.
[[nodiscard]] std::string advice_for(const std::vector<std::string>& argv);

}  // namespace leat::cli
