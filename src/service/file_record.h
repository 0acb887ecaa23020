// What was found of a sandbox's files, as events of the ledger.
#pragma once

#include <string>

#include "core/event.h"
#include "core/file_event.h"

namespace hv::service {

// Kind, trust, sandbox, principal, payload.
core::Event to_event(const core::FileEvent& found, const std::string& sandbox_id);

// The numbering of a sandbox's file events, beside that of its spool.
std::string files_spool(const std::string& sandbox_id);

}  // namespace hv::service
