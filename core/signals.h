// The names of Linux's signals, so that what shows them needs none of the system's headers.

#pragma once

namespace leat {

// "SIGSEGV"; null for a number that has no name, as real-time signals.
[[nodiscard]] const char* signal_name(int number);

}  // namespace leat
