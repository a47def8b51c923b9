#include "io/surroundings.h"

#include <cerrno>

#include "io/system_error.h"

namespace leat::io {

namespace {

bool changes_user(const Surroundings& surroundings) {
  return surroundings.user && !surroundings.user->is_ourselves();
}

std::string what_failed(const Surroundings& surroundings, StartStep step) {
  switch (step) {
    case StartStep::kNice:
      return "its niceness cannot be set to " + std::to_string(surroundings.nice.value_or(0));
    case StartStep::kCpu:
      return "its processor time cannot be limited to " +
             std::to_string(surroundings.cpu_seconds_max.value_or(0)) + " s";
    case StartStep::kOpenFiles:
      return "its open files cannot be limited to " +
             std::to_string(surroundings.open_files_max.value_or(0));
    case StartStep::kMemory:
      return "its memory cannot be limited to " +
             std::to_string(surroundings.memory_bytes_max.value_or(0)) + " bytes";
    case StartStep::kGroup:
    case StartStep::kMainGroup:
    case StartStep::kUser:
      return "it cannot run as the user '" +
             (surroundings.user ? surroundings.user->name : std::string()) + "'";
    case StartStep::kProgram:
      break;
  }
  return "it cannot be executed";
}

std::string remedy_for(StartStep step, int error) {
  if (error != EPERM) return "";
  switch (step) {
    case StartStep::kCpu:
    case StartStep::kOpenFiles:
    case StartStep::kMemory:
      return " (the node's own limit is lower: see ulimit -H)";
    case StartStep::kGroup:
    case StartStep::kMainGroup:
    case StartStep::kUser:
      return " (the node must run as root to change the user, or as that user)";
    case StartStep::kNice:
    case StartStep::kProgram:
      break;
  }
  return "";
}

}  // namespace

bool Surroundings::is_ours() const {
  const bool is_free = !cpu_seconds_max && !open_files_max && !memory_bytes_max;
  return !nice && is_free && !changes_user(*this);
}

std::vector<std::string> Surroundings::to_arguments() const {
  std::vector<std::string> arguments;
  const auto add = [&arguments](StartStep step, std::uint64_t number) {
    arguments.push_back(start_word(step, '=', number));
  };
  // First what may need rights that another user has not.
  if (nice) add(StartStep::kNice, std::uint64_t{20} + static_cast<std::uint64_t>(*nice));
  if (cpu_seconds_max) add(StartStep::kCpu, *cpu_seconds_max);
  if (open_files_max) add(StartStep::kOpenFiles, *open_files_max);
  if (changes_user(*this)) {
    for (const gid_t group : user->groups) {
      add(StartStep::kGroup, group);
    }
    add(StartStep::kMainGroup, user->group);
    add(StartStep::kUser, user->id);
  }
  // Last, for the other steps may need some.
  if (memory_bytes_max) add(StartStep::kMemory, *memory_bytes_max);
  return arguments;
}

Error explain_step_failure(const Surroundings& surroundings, const std::string& path,
                           StartStep step, int error) {
  const bool may_pass = error == EAGAIN || error == ENOMEM;
  return {may_pass ? Errc::kUnavailable : Errc::kSystem,
          "cannot start '" + path + "': " + what_failed(surroundings, step) + ": " +
              in_words(error) + remedy_for(step, error)};
}

}  // namespace leat::io
