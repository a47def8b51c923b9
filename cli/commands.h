// The commands of `leat`, once their arguments are read.

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "cli/front.h"
#include "cli/say.h"
#include "core/time.h"

namespace leat::cli {

inline constexpr const char* kProgramVersion = "0.1.0";

// ---- Files.

[[nodiscard]] ExitCode run_lint(const std::string& spec);

[[nodiscard]] ExitCode run_new_keys(const std::string& directory);

// ---- Records.

struct PipeArguments {
  BrokerArguments broker;                   // Of a deployed pipeline.
  std::string pipeline;                     // A path, or a deployed pipeline's name.
  std::string directory;                    // Of a file's tools; empty: the file's.
  std::optional<std::string> dead_letters;  // A path.
  std::optional<std::string> stderr_file;   // A path, or "-".
  bool shows_progress = false;
  bool shows_summary = false;
};

[[nodiscard]] ExitCode run_pipe(const PipeArguments& arguments);

struct SendArguments {
  BrokerArguments broker;
  std::string pipeline;
  std::string producer;                     // Empty: a new name.
  std::optional<std::string> dead_letters;  // A path.
  bool shows_progress = false;
};

[[nodiscard]] ExitCode run_send(const SendArguments& arguments);

struct ReceiveArguments {
  BrokerArguments broker;
  std::string pipeline;
  std::string group = "default";
  std::string producer;                     // Empty: all, for ever.
  std::optional<std::string> file;          // A path; none: standard output.
  std::optional<std::string> dead_letters;  // A path.
};

[[nodiscard]] ExitCode run_receive(const ReceiveArguments& arguments);

// ---- Pipelines and nodes.

struct DeployArguments {
  BrokerArguments broker;
  std::string spec;  // A path.
  bool waits = true;
  Duration timeout = std::chrono::seconds(60);  // For the pipeline to be whole.
};

[[nodiscard]] ExitCode run_deploy(const DeployArguments& arguments);

struct StatusArguments {
  BrokerArguments broker;
  std::string pipeline;  // Empty: all.
  bool as_json = false;
};

[[nodiscard]] ExitCode run_status(const StatusArguments& arguments);

struct ScaleArguments {
  BrokerArguments broker;
  std::string pipeline;
  std::string stage;
  std::uint32_t replicas = 0;
};

[[nodiscard]] ExitCode run_scale(const ScaleArguments& arguments);

struct PauseArguments {
  BrokerArguments broker;
  std::string pipeline;
  std::string stage;  // Empty: all.
};

[[nodiscard]] ExitCode run_pause(const PauseArguments& arguments);
[[nodiscard]] ExitCode run_resume(const PauseArguments& arguments);

struct DrainArguments {
  BrokerArguments broker;
  std::string node;
  bool waits = true;
};

[[nodiscard]] ExitCode run_drain(const DrainArguments& arguments);

struct RemoveArguments {
  BrokerArguments broker;
  std::string pipeline;
  bool drops = false;
};

[[nodiscard]] ExitCode run_remove(const RemoveArguments& arguments);

struct LogsArguments {
  BrokerArguments broker;
  std::string pipeline;
  std::string stage;  // Empty: all.
};

[[nodiscard]] ExitCode run_logs(const LogsArguments& arguments);

// ---- Daemons.

// How a daemon that others reach over the network tells friends from strangers.
struct SecurityArguments {
  std::string keys;  // A directory; empty: none.
  bool may_be_insecure = false;
};

struct BrokerDaemonArguments {
  std::string listen;  // Empty: this user's own address.
  std::uint16_t results_port = 0;
  std::string http;  // HOST:PORT; empty: none.
  SecurityArguments security;
};

[[nodiscard]] ExitCode run_broker(const BrokerDaemonArguments& arguments);

struct NodeDaemonArguments {
  std::string broker;  // Empty: this user's own address.
  std::string name;    // Empty: the host's.
  std::map<std::string, std::string> labels;
  std::uint32_t cores = 0;  // 0: the machine's.
  std::string advertise;    // A host; empty: the address towards the broker.
  std::string inlet_ports;  // "A-B"; empty: the system chooses.
  SecurityArguments security;
};

[[nodiscard]] ExitCode run_node(const NodeDaemonArguments& arguments);

// A broker and a node; of the node's arguments, those that tell what it is.
struct UpArguments {
  BrokerDaemonArguments broker;
  NodeDaemonArguments node;
};

[[nodiscard]] ExitCode run_up(const UpArguments& arguments);

}  // namespace leat::cli
