// The keys of CURVE, by which broker, nodes and clients know each other over tcp, and the directory
// that they lie in. One directory serves one cluster; `leat keys new DIRECTORY` makes it:
//
//   broker.key   secret  the broker's alone
//   broker.pub           by which everybody else knows the broker
//   cluster.key  secret  of nodes and clients, who are trusted alike
//   cluster.pub          by which the broker knows them
//
// Each machine has the files that it needs: the broker's both of its own and cluster.pub, all
// others both of the cluster's and broker.pub.
//
// A key is 40 characters of Z85. What is secret never stands in an error. Free functions; any
// thread.

#pragma once

#include <string>

#include "core/result.h"

namespace leat::io {

struct KeyPair {
  std::string public_key;
  std::string secret_key;
};

[[nodiscard]] Result<KeyPair> make_key_pair();

// Makes the directory, or takes one that is closed to others, and new keys in it: mode 0700, secret
// files 0600, each file written whole and on disk when this returns. An error when one of the four
// is there already: nothing is ever replaced.
[[nodiscard]] Result<void> make_key_directory(const std::string& path);

// What the broker reads.
struct BrokerKeys {
  KeyPair own;
  std::string cluster_public_key;
};

// What nodes and clients read.
struct ClusterKeys {
  KeyPair own;
  std::string broker_public_key;
};

// Errors name the file and the remedy: missing; no key; a secret one that others can read, or any
// that others can change; a pair whose halves do not belong together.
[[nodiscard]] Result<BrokerKeys> read_broker_keys(const std::string& directory);
[[nodiscard]] Result<ClusterKeys> read_cluster_keys(const std::string& directory);

}  // namespace leat::io
