// Records in the native protocol of systemd's journal: fields that `journalctl HYDRAVISOR_KIND=exec.started` finds.
#pragma once

#include <string>

#include "core/audit_query.h"

namespace hv::formats {

// One datagram.
std::string to_journal(const core::AuditRecord& record);

}  // namespace hv::formats
