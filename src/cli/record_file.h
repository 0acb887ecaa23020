// The records in a file that `audit export` wrote, as JSON lines or as a bundle, one after the other. Whether a bundle
// holds is `audit check`'s to say; here it is only read.
#pragma once

#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/audit_query.h"

namespace hv::cli {

class RecordFile {
 public:
  static base::Result<RecordFile> open(const std::string& path);
  bool is_bundle() const { return is_bundle_; }
  // The next record; nullopt at the end. Errors name the file and the line.
  base::Result<std::optional<core::AuditRecord>> next();

 private:
  RecordFile(std::string path, std::ifstream stream) : path_(std::move(path)), stream_(std::move(stream)) {}
  // False at the end of the file.
  base::Result<bool> read_line();
  base::Error fault(const base::Error& error) const;

  std::string path_;
  std::ifstream stream_;
  std::string line_;
  uint64_t number_ = 0;
  bool is_bundle_ = false;
  bool is_waiting_ = false;  // the line has been read and not given out
};

// One line of each form. nullopt: it is no record, as a bundle's last line.
base::Result<core::AuditRecord> parse_record_line(std::string_view line);
base::Result<std::optional<core::AuditRecord>> parse_bundle_line(std::string_view line);

}  // namespace hv::cli
