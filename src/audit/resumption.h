// What a ledger that is opened again continues from: the checkpoint, the spool marks and the tree it had, each held
// against what is in the journal. What does not agree is refused: conflict, with the way to find out more.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "audit/file_layer.h"
#include "audit/key_store.h"
#include "audit/note.h"
#include "audit/segment.h"
#include "audit/spool_index.h"
#include "audit/tree_writer.h"
#include "base/result.h"

namespace hv::audit {

// What was sealed before, from the checkpoint of this or, between a hand-over and the next checkpoint, the previous
// key.
base::Result<Checkpoint> read_checkpoint(const std::string& directory, const KeyStore& keys);

// The newest saved marks, and the index from which the journal tells the rest.
std::pair<SpoolIndex, uint64_t> read_spool_marks(const std::string& directory,
                                                 const std::vector<SegmentFile>& segments);

// The tree of everything in the journal: from the published tiles where they are right, and from the journal's start
// where they are not.
base::Result<TreeWriter> rebuild_tree(const std::string& directory, FileLayer& files, const Checkpoint& sealed,
                                      uint64_t size);

}  // namespace hv::audit
