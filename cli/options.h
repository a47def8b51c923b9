// Options that several commands share, and how their values are read.

#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "cli/front.h"
#include "core/time.h"

namespace leat::cli {

// --broker and --keys.
void add_broker_options(CLI::App& command, BrokerArguments& arguments);

// These and --timeout, for the broker's first word.
void add_client_options(CLI::App& command, BrokerArguments& arguments);

// An option whose value is a time: "5s".
CLI::Option* add_time(CLI::App& command, const std::string& name, Duration& into,
                      const std::string& description);

}  // namespace leat::cli
