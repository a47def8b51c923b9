// Linked into tests in which threads meet around RocksDB. The distribution's library is not built
// with TSan, which therefore does not see its counts of references, and takes what the last user
// frees for a race. What has no frame in the library is told as ever.

#if defined(__SANITIZE_THREAD__)

// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): TSan's name.
extern "C" const char* __tsan_default_suppressions();

// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): TSan's name.
extern "C" const char* __tsan_default_suppressions() {
  return "race:librocksdb.so\n";
}

#endif
