// Brings the sandbox's changes to the host: all of the selected ones or, after any failure, none.
//
// Everything is staged first (new contents as temporary files beside their targets, pre-images in the journal), so that
// a full disk shows before anything has changed. Then each file is exchanged by one rename that checks what it
// displaced: what the host changed meanwhile is put back and reported.
#pragma once

#include "core/change.h"
#include "workspace/diff.h"
#include "workspace/journal.h"
#include "workspace/places.h"
#include "workspace/review.h"

namespace hv::workspace {

struct Applied {
  core::ApplyReport report;
  std::optional<Journal> journal;  // of what was done; absent for a dry run and where nothing went
};

struct ApplyRules {
  std::vector<std::string> also_held = {};  // what may be accepted although no file changed there: commits contain it
  const Review* review = nullptr;           // what was shown; a file that is not so now is reported as a conflict
};

// Takes back what a crash left half-done, before anything else.
base::Result<Applied> apply(const Opened& places, const core::ApplyRequest& request, const LineDiffer& differ,
                            const ApplyRules& rules = {});

// The steps, in the order in which they must happen: files away, directories away, directories made, files put, modes
// set.
std::vector<Step> plan_steps(const Tree& host, const std::vector<const Change*>& going, const std::string& prefix);

}  // namespace hv::workspace
