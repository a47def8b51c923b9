#include "io/spawn_failure.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/system_error.h"

namespace leat::io {

namespace {

constexpr std::string_view kDefaultPath = "/usr/bin:/bin";
constexpr std::size_t kHeadBytes = 4096;  // Of a program: its #! line or its ELF headers.
constexpr std::size_t kShownMax = 80;

// Where the child will look for `path`, seen from here.
std::string seen_from_here(const SpawnOptions& options, const std::string& path) {
  if (options.working_directory.empty() || path.starts_with('/')) return path;
  return options.working_directory + "/" + path;
}

// 0, or why this is no file that we may execute. The same answer as the system's own: it is asked
// with our effective rights, and root needs one x bit, too.
int execute_error(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

std::string search_path(const SpawnOptions& options) {
  constexpr std::string_view kName = "PATH=";
  for (const std::string& entry : options.environment) {
    if (entry.starts_with(kName)) return entry.substr(kName.size());
  }
  return std::string(kDefaultPath);
}

Errc code_for(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Errc::kNotFound;
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ETXTBSY:
      return Errc::kUnavailable;
    case E2BIG:
      return Errc::kInvalidArgument;
    default:
      return Errc::kSystem;
  }
}

std::string first_bytes(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string head(kHeadBytes, '\0');
  const ssize_t got = file.is_open() ? ::read(file.get(), head.data(), head.size()) : 0;
  head.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return head;
}

// Control characters would hide what is wrong: above all the \r of a script from another system.
std::string visible(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, kShownMax)) {
    if (c == '\r') {
      shown += "\\r";
    } else {
      shown += c;
    }
  }
  return shown;
}

// The program that a #! line names.
std::optional<std::string> script_interpreter(std::string_view head) {
  if (!head.starts_with("#!")) return std::nullopt;
  std::string_view line = head.substr(2, head.find('\n') - 2);
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return std::string(line.substr(0, line.find_first_of(" \t")));
}

template <typename T>
std::optional<T> value_at(std::string_view bytes, std::size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// The loader that a 64-bit binary asks for.
std::optional<std::string> elf_interpreter(std::string_view head) {
  if (!head.starts_with(ELFMAG)) return std::nullopt;
  const auto header = value_at<Elf64_Ehdr>(head, 0);
  if (!header || header->e_ident[EI_CLASS] != ELFCLASS64) return std::nullopt;
  for (std::size_t i = 0; i < header->e_phnum; ++i) {
    const auto segment = value_at<Elf64_Phdr>(head, header->e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment) return std::nullopt;
    if (segment->p_type != PT_INTERP || segment->p_offset >= head.size()) continue;
    const std::string_view name = head.substr(segment->p_offset, segment->p_filesz);
    return std::string(name.substr(0, name.find('\0')));
  }
  return std::nullopt;
}

// What to say of a file that is there and may be executed, and yet was not.
std::string explain_contents(const std::string& path, int error) {
  const std::string head = first_bytes(path);
  if (const auto script = script_interpreter(head)) {
    const int wrong = execute_error(*script);
    if (wrong == 0) return in_words(error);
    return "its first line asks for the interpreter '" + visible(*script) + "': " + in_words(wrong);
  }
  if (const auto loader = elf_interpreter(head); loader && error == ENOENT) {
    return "it asks for the loader '" + visible(*loader) + "': " + in_words(error);
  }
  if (error == ENOEXEC) {
    return in_words(error) + " (no binary of this machine, and no script with a #! line)";
  }
  return in_words(error);
}

Error cannot_start(const std::string& path, int error, const std::string& why) {
  return {code_for(error), "cannot start '" + path + "': " + why};
}

// 0, or why the child could not go there.
int enter_error(const std::string& folder) {
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0) return errno;
  if (!S_ISDIR(status.st_mode)) return ENOTDIR;
  return ::faccessat(AT_FDCWD, folder.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

std::optional<Error> explain_directory(const SpawnOptions& options, const std::string& path) {
  const std::string& folder = options.working_directory;
  const int wrong = folder.empty() ? 0 : enter_error(folder);
  if (wrong == 0) return std::nullopt;
  return cannot_start(path, wrong, "working directory '" + folder + "': " + in_words(wrong));
}

}  // namespace

Result<std::string> find_program(const SpawnOptions& options) {
  const std::string& name = options.argv.front();
  if (name.find('/') != std::string::npos) return name;
  const std::string path = search_path(options);
  std::optional<Error> refused;  // By the first file of that name that could not be executed.
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string folder = path.substr(begin, end - begin);
    std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
    const int wrong = execute_error(seen_from_here(options, candidate));
    if (wrong == 0) return candidate;
    if (!refused && wrong != ENOENT && wrong != ENOTDIR && wrong != EISDIR) {
      refused = explain_spawn_failure(options, candidate, wrong);
    }
    begin = end + 1;
  }
  if (refused) return tl::unexpected(*refused);
  if (auto error = explain_directory(options, name)) return tl::unexpected(*error);
  return failure(Errc::kNotFound,
                 "cannot start '" + name + "': " + in_words(ENOENT) + " in PATH " + path);
}

Error explain_spawn_failure(const SpawnOptions& options, const std::string& path, int error) {
  if (auto directory = explain_directory(options, path)) return *directory;
  if (code_for(error) == Errc::kUnavailable) return cannot_start(path, error, in_words(error));
  const std::string file = seen_from_here(options, path);
  const int wrong = execute_error(file);
  if (wrong == EACCES) {
    return cannot_start(path, wrong, in_words(wrong) + " (is it executable? see: chmod +x)");
  }
  if (wrong != 0) return cannot_start(path, wrong, in_words(wrong));
  return cannot_start(path, error, explain_contents(file, error));
}

}  // namespace leat::io
