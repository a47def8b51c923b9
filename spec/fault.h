// What is wrong with a spec, and where: how the functions of this folder fail. parse() adds the
// file's name and makes it an Error.

#pragma once

#include <string>
#include <utility>

#include "core/result.h"

namespace leat::spec {

// A place in the text, both counted from 0; columns in bytes.
struct Mark {
  std::size_t line = 0;
  std::size_t column = 0;
};

struct Fault {
  Mark mark;
  std::string message;  // "found X, expected Y".
};

template <typename T>
using Read = tl::expected<T, Fault>;

inline tl::unexpected<Fault> fault(Mark mark, std::string message) {
  return tl::unexpected<Fault>(Fault{mark, std::move(message)});
}

}  // namespace leat::spec
