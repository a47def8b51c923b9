#include "journal/engine_errors.h"

#include <algorithm>
#include <cctype>

namespace leat::journal {

namespace {

bool says(const rocksdb::Status& status, const char* words) {
  return status.ToString().find(words) != std::string::npos;
}

// RocksDB has no code for it.
bool is_lock_held(const rocksdb::Status& status) {
  return says(status, "lock hold by current process") ||
         (says(status, "While lock file") && says(status, "Resource temporarily unavailable"));
}

}  // namespace

std::string words_of(const rocksdb::Status& status) {
  const char* const state = status.getState();
  std::string words = state != nullptr ? state : status.ToString();
  std::replace_if(
      words.begin(), words.end(), [](unsigned char c) { return std::iscntrl(c) != 0; }, ' ');
  // The name that it tries last for a file that is not there, from a time before this journal.
  for (std::size_t at = 0; (at = words.find(".ldb", at)) != std::string::npos;) {
    words.replace(at, 4, ".sst");
  }
  return words;
}

tl::unexpected<Error> damaged(const std::string& directory, const std::string& what) {
  return failure(Errc::kMalformed,
                 "the journal in " + directory + " is damaged: " + what +
                     "; --salvage opens it with what can be read, and tells what it drops");
}

tl::unexpected<Error> explained(const std::string& directory, const rocksdb::Status& status) {
  if (status.IsNoSpace() || says(status, "No space left on device")) {
    return failure(Errc::kSystem, "no space left on the disk of " + directory);
  }
  if (says(status, "Disk quota exceeded")) {
    return failure(Errc::kSystem, "the quota for the disk of " + directory + " is used up");
  }
  if (is_lock_held(status)) {
    return failure(Errc::kUnavailable, "the journal in " + directory +
                                           " is open in another process; end it, or give another "
                                           "directory");
  }
  if (status.IsCorruption()) return damaged(directory, words_of(status));
  return failure(Errc::kSystem, "the journal in " + directory + ": " + words_of(status));
}

}  // namespace leat::journal
