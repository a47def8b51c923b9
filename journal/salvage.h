// Salvaging: making a journal whole again by leaving out what cannot be read. Inside journal/ only.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "journal/engine.h"
#include "journal/store.h"

namespace leat::journal {

// Opens the engine in a directory with damaged tables; reads all that it holds. Table files that
// cannot be read go to the folder `lost` in there, and keys whose values cannot be read are erased.
// Where even the list of files (the manifest) is damaged RocksDB's own repair makes a new one,
// which knows no payload files: such payloads are lost. A line in `dropped` for each thing left
// out.
[[nodiscard]] Result<std::unique_ptr<Engine>> salvage(const std::string& directory,
                                                      const StoreOptions& options,
                                                      std::vector<std::string>& dropped);

}  // namespace leat::journal
