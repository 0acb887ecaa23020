#include "cli/export_target.h"

#include <cerrno>
#include <cstdio>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/format.h"
#include "base/text.h"
#include "base/unix_socket.h"
#include "cli/exit_code.h"
#include "core/host_name.h"

namespace hv::cli {

namespace {

constexpr uint16_t kSyslogPort = 514;

base::Failure failed(std::string_view operation, std::string_view place) {
  return base::Failure(base::Error::from_errno(errno, operation, base::printable(place)));
}

}  // namespace

base::Result<ExportTarget> ExportTarget::open(Context& context, const std::string& place) {
  if (place.empty()) return ExportTarget(context, Kind::output, {}, {});
  if (place.starts_with("udp:")) return open_udp(context, std::string_view(place).substr(4));
  if (place.starts_with("unix:")) return open_unix(context, place.substr(5));
  std::string temporary = base::format("{}.{}.part", place, ::getpid());
  base::Fd fd = HV_TRY_CONTEXT(base::open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600), "export");
  ExportTarget target(context, Kind::file, place, std::move(fd));
  target.temporary_ = std::move(temporary);
  return target;
}

base::Result<ExportTarget> ExportTarget::open_udp(Context& context, std::string_view place) {
  core::HostPort target = HV_TRY_CONTEXT(core::parse_host_port(place, kSyslogPort), "--to udp");
  if (!target.host.address)
    return base::Failure(base::invalid_argument("--to udp: a name is not looked up here; give an address"));
  std::string text = target.host.address->text();
  sockaddr_in6 six{};
  sockaddr_in four{};
  bool is_four = ::inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1;
  if (!is_four && ::inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) != 1)
    return base::Failure(base::invalid_argument("--to udp: not an address: " + base::printable(text)));
  four.sin_family = AF_INET;
  six.sin6_family = AF_INET6;
  four.sin_port = six.sin6_port = htons(target.port);
  base::Fd fd(::socket(is_four ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return failed("export", place);
  int connected = is_four ? ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&four), sizeof four)
                          : ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&six), sizeof six);
  if (connected != 0) return failed("export", place);
  return ExportTarget(context, Kind::datagrams, std::string(place), std::move(fd));
}

base::Result<ExportTarget> ExportTarget::open_unix(Context& context, const std::string& path) {
  base::Result<base::Fd> fd = base::connect_unix(path, SOCK_DGRAM);
  if (fd) return ExportTarget(context, Kind::datagrams, path, *std::move(fd));
  if (fd.error().os_error() != EPROTOTYPE) return base::Failure(std::move(fd).error().with_context("export"));
  base::Fd stream = HV_TRY_CONTEXT(base::connect_unix(path, SOCK_STREAM), "export");
  return ExportTarget(context, Kind::stream, path, std::move(stream));
}

ExportTarget::~ExportTarget() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

base::Result<int> ExportTarget::write(std::string_view record) {
  if (kind_ == Kind::output)
    return context_->print(context_->output_is_terminal() ? base::printable_lines(record) : std::string(record));
  if (kind_ == Kind::datagrams) {
    HV_TRY(send(record));
  } else {
    HV_TRY_CONTEXT(base::write_all(fd_.get(), record), "export to " + base::printable(place_));
  }
  return kDone;
}

base::Status ExportTarget::send(std::string_view record) {
  if (::send(fd_.get(), record.data(), record.size(), MSG_NOSIGNAL) >= 0) return {};
  // A listener that was not there for the last datagram is told by the next: that one is sent again.
  if (errno == ECONNREFUSED && ::send(fd_.get(), record.data(), record.size(), MSG_NOSIGNAL) >= 0) return {};
  if (errno != EMSGSIZE && errno != ENOBUFS) return failed("export", place_);
  // The journal takes what is too long for a datagram as a sealed file in memory.
  base::Fd file(::memfd_create("record", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return failed("export", place_);
  HV_TRY(base::write_all(file.get(), record));
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
    return failed("export", place_);
  return base::send_message(fd_.get(), {}, {file.get()});
}

base::Status ExportTarget::finish() {
  if (kind_ != Kind::file) return {};
  if (::fsync(fd_.get()) != 0) return failed("export", place_);
  if (::rename(temporary_.c_str(), place_.c_str()) != 0) return failed("export", place_);
  temporary_.clear();
  return {};
}

}  // namespace hv::cli
