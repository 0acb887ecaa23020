// Where an export goes: standard output, a file, or a socket. A file is there when the export has ended well, and not
// before: one that failed leaves nothing.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "cli/context.h"

namespace hv::cli {

class ExportTarget {
 public:
  // Empty: standard output. "udp:ADDRESS[:PORT]" (514) and "unix:PATH" take one record a datagram; everything else is a
  // file's name.
  static base::Result<ExportTarget> open(Context& context, const std::string& place);
  ExportTarget(ExportTarget&&) noexcept = default;
  ~ExportTarget();

  bool is_file() const { return kind_ == Kind::file; }
  bool takes_datagrams() const { return kind_ == Kind::datagrams; }
  // The exit code: not 0 when the reader of standard output has gone.
  base::Result<int> write(std::string_view record);
  base::Status finish();

 private:
  enum class Kind { output, file, datagrams, stream };
  ExportTarget(Context& context, Kind kind, std::string place, base::Fd fd)
      : context_(&context), kind_(kind), place_(std::move(place)), fd_(std::move(fd)) {}
  static base::Result<ExportTarget> open_udp(Context& context, std::string_view place);
  static base::Result<ExportTarget> open_unix(Context& context, const std::string& path);
  base::Status send(std::string_view record);

  Context* context_;
  Kind kind_;
  std::string place_;
  base::Fd fd_;
  std::string temporary_;
};

}  // namespace hv::cli
