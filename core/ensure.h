// ENSURE(condition) states what must already be true. It stays on in release builds: a process
// whose invariants are broken stops, and its supervisor restarts it from a known state. It is for
// our own mistakes only; anything that the outside world can cause is an Error (core/result.h).

#pragma once

namespace leat {

[[noreturn]] void ensure_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace leat

#define ENSURE(condition) \
  ((condition) ? static_cast<void>(0) : ::leat::ensure_failed(#condition, __FILE__, __LINE__))
