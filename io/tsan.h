// What ThreadSanitizer cannot see: libzmq is not built with it, so that a message handed from one
// thread to another looks like a race. In other builds these do nothing.

#pragma once

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace leat::io {

// One tag for all sockets: which thread a message came from is not known at its arrival.
inline char message_tag;

// Before a message is given to ZeroMQ.
inline void before_handing_over() {
#ifdef __SANITIZE_THREAD__
  __tsan_release(&message_tag);
#endif
}

// After a message, or what it shared, came back from ZeroMQ.
inline void after_taking_over() {
#ifdef __SANITIZE_THREAD__
  __tsan_acquire(&message_tag);
#endif
}

}  // namespace leat::io
