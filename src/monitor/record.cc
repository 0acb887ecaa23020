#include "monitor/record.h"

#include <cstring>

#include "base/format.h"
#include "base/text.h"
#include "isolation/call_names.h"
#include "isolation/denied_calls.h"

namespace hv::monitor {
namespace {

using base::Failure;
using base::json::Array;
using base::json::Object;

enum class Tag : uint8_t { exec_attempt = 1, exec_observed = 2, denied_call = 3, exec_folded = 4, file_claim = 5 };
constexpr uint8_t flag_truncated = 1;
constexpr uint8_t flag_unreadable = 2;
constexpr uint8_t flag_redacted = 4;  // how many follows

class Writer {
 public:
  explicit Writer(Tag tag) { number(static_cast<uint8_t>(tag)); }
  template <typename T>
  Writer& number(T value) {
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Writer& text(std::string_view value) {
    number(static_cast<uint16_t>(std::min<size_t>(value.size(), UINT16_MAX)));
    bytes_.append(value.substr(0, UINT16_MAX));
    return *this;
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  template <typename T>
  T number() {
    T value{};
    if (rest_.size() < sizeof value) {
      good_ = false;
      rest_ = {};
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string text() {
    size_t size = number<uint16_t>();
    if (rest_.size() < size) {
      good_ = false;
      rest_ = {};
      return {};
    }
    std::string value(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return value;
  }
  void refuse_unless(bool condition) { good_ = good_ && condition; }
  bool good() const { return good_; }
  bool finished() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

ExecAttempt read_exec_attempt(Reader& reader) {
  ExecAttempt record;
  record.pid = reader.number<uint32_t>();
  record.parent = reader.number<uint32_t>();
  auto flags = reader.number<uint8_t>();
  reader.refuse_unless(flags <= (flag_truncated | flag_unreadable | flag_redacted));
  record.truncated = (flags & flag_truncated) != 0;
  record.unreadable = (flags & flag_unreadable) != 0;
  if ((flags & flag_redacted) != 0) {
    record.redacted = reader.number<uint16_t>();
    reader.refuse_unless(record.redacted > 0);
  }
  record.path = reader.text();
  record.directory = reader.text();
  auto count = reader.number<uint16_t>();
  for (uint16_t i = 0; i < count && reader.good(); ++i) record.arguments.push_back(reader.text());
  return record;
}

DeniedCall read_denied_call(Reader& reader) {
  DeniedCall record;
  record.pid = reader.number<uint32_t>();
  record.number = reader.number<int32_t>();
  auto foreign = reader.number<uint8_t>();
  reader.refuse_unless(foreign <= 1);
  record.foreign = foreign != 0;
  record.error = reader.number<int32_t>();
  for (uint64_t& argument : record.arguments) argument = reader.number<uint64_t>();
  record.count = reader.number<uint64_t>();
  return record;
}

FileClaim read_file_claim(Reader& reader) {
  FileClaim record;
  record.pid = reader.number<uint32_t>();
  auto kind = reader.number<uint8_t>();
  reader.refuse_unless(kind < core::Names<core::FileEventKind>::table.size());
  record.kind = static_cast<core::FileEventKind>(kind);
  record.call = reader.text();
  record.path = reader.text();
  record.old_path = reader.text();
  record.count = reader.number<uint64_t>();
  return record;
}

// The ledger holds JSON, which is UTF-8; what is not becomes visible escapes, and the payload says so.
std::string as_utf8(const std::string& text, bool& escaped) {
  if (base::is_valid_utf8(text)) return text;
  escaped = true;
  return base::printable(text);
}

core::Event exec_event(const ExecAttempt& record) {
  core::Event event;
  event.kind = "exec.started";
  event.trust = core::Trust::claimed;
  bool escaped = false;
  Array arguments;
  for (const std::string& argument : record.arguments) arguments.emplace_back(as_utf8(argument, escaped));
  event.payload = {{"pid", record.pid},
                   {"parent", record.parent},
                   {"path", as_utf8(record.path, escaped)},
                   {"arguments", std::move(arguments)},
                   {"directory", as_utf8(record.directory, escaped)}};
  if (record.truncated) event.payload["truncated"] = true;
  if (record.unreadable) event.payload["unreadable"] = true;
  if (escaped) event.payload["escaped"] = true;
  if (record.redacted > 0) event.payload["redacted"] = record.redacted;
  return event;
}

core::Event folded_event(const ExecFolded& record) {
  core::Event event;
  event.kind = "exec.repeated";
  event.trust = core::Trust::claimed;
  bool escaped = false;
  event.payload = {{"pid", record.pid},
                   {"path", as_utf8(record.path, escaped)},
                   {"directory", as_utf8(record.directory, escaped)},
                   {"count", record.count}};
  if (escaped) event.payload["escaped"] = true;
  return event;
}

core::Event observed_event(const ExecObserved& record) {
  core::Event event;
  event.kind = "exec.observed";
  event.trust = core::Trust::observed;
  bool escaped = false;
  event.payload = {{"pid", record.pid}, {"executable", as_utf8(record.executable, escaped)}};
  if (escaped) event.payload["escaped"] = true;
  return event;
}

core::Risk risk_of(const DeniedCall& record) {
  if (record.foreign) return core::Risk::high;
  switch (record.number) {
    // Ordinary programs try these and go on without.
    case SYS_io_uring_setup:
    case SYS_io_uring_enter:
    case SYS_io_uring_register:
    case SYS_personality:
    case SYS_socket:
    case SYS_name_to_handle_at:
      return core::Risk::info;
    case SYS_clone:
    case SYS_unshare:
    case SYS_sethostname:
    case SYS_perf_event_open:
      return core::Risk::low;
    // No honest agent asks for these.
    case SYS_bpf:
    case SYS_kexec_load:
    case SYS_kexec_file_load:
    case SYS_init_module:
    case SYS_finit_module:
    case SYS_open_by_handle_at:
    case SYS_setns:
    case SYS_ioctl:
      return core::Risk::high;
    default:
      return core::Risk::medium;
  }
}

core::Event denied_event(const DeniedCall& record) {
  core::Event event;
  event.kind = "call.denied";
  event.trust = core::Trust::observed;
  event.risk = risk_of(record);
  const isolation::DeniedCall* entry = record.foreign ? nullptr : isolation::find_denied_call(record.number);
  std::string name = entry != nullptr  ? std::string(entry->name)
                     : !record.foreign ? std::string(isolation::call_name(record.number))
                                       : std::string();
  if (name.empty()) name = base::format("{} {}", record.foreign ? "foreign" : "unknown", record.number);
  const char* error = ::strerrorname_np(record.error);
  Array arguments;
  for (uint64_t argument : record.arguments) arguments.emplace_back(base::format("{:#x}", argument));
  event.payload = {{"pid", record.pid},
                   {"call", std::move(name)},
                   {"error", error != nullptr ? std::string(error) : std::to_string(record.error)},
                   {"arguments", std::move(arguments)},
                   {"count", record.count}};
  return event;
}

core::Event file_event(const FileClaim& record) {
  core::Event event;
  event.kind = base::format("file.{}", core::name_of(record.kind));
  event.trust = core::Trust::claimed;
  bool escaped = false;
  event.payload = {
      {"pid", record.pid}, {"call", as_utf8(record.call, escaped)}, {"path", as_utf8(record.path, escaped)}};
  if (!record.old_path.empty()) event.payload["old_path"] = as_utf8(record.old_path, escaped);
  if (record.path.empty() && record.pid != 0) event.payload["unreadable"] = true;
  if (record.count != 1) event.payload["count"] = record.count;
  if (escaped) event.payload["escaped"] = true;
  return event;
}

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

std::string encode(const Record& record) {
  return std::visit(
      Overloaded{
          [](const ExecAttempt& r) {
            Writer writer(Tag::exec_attempt);
            auto flags =
                static_cast<uint8_t>((r.truncated ? flag_truncated : 0) | (r.unreadable ? flag_unreadable : 0) |
                                     (r.redacted > 0 ? flag_redacted : 0));
            writer.number(r.pid).number(r.parent).number(flags);
            if (r.redacted > 0) writer.number(r.redacted);
            writer.text(r.path).text(r.directory);
            size_t count = std::min<size_t>(r.arguments.size(), UINT16_MAX);
            writer.number(static_cast<uint16_t>(count));
            for (size_t i = 0; i < count; ++i) writer.text(r.arguments[i]);
            return writer.take();
          },
          [](const ExecFolded& r) {
            return Writer(Tag::exec_folded).number(r.pid).text(r.path).text(r.directory).number(r.count).take();
          },
          [](const FileClaim& r) {
            return Writer(Tag::file_claim)
                .number(r.pid)
                .number(static_cast<uint8_t>(r.kind))
                .text(r.call)
                .text(r.path)
                .text(r.old_path)
                .number(r.count)
                .take();
          },
          [](const ExecObserved& r) { return Writer(Tag::exec_observed).number(r.pid).text(r.executable).take(); },
          [](const DeniedCall& r) {
            Writer writer(Tag::denied_call);
            writer.number(r.pid).number(r.number).number(static_cast<uint8_t>(r.foreign)).number(r.error);
            for (uint64_t argument : r.arguments) writer.number(argument);
            return writer.number(r.count).take();
          }},
      record);
}

base::Result<Record> decode(std::string_view bytes) {
  Reader reader(bytes);
  Record record;
  switch (static_cast<Tag>(reader.number<uint8_t>())) {
    case Tag::exec_attempt:
      record = read_exec_attempt(reader);
      break;
    case Tag::exec_observed: {
      ExecObserved observed;
      observed.pid = reader.number<uint32_t>();
      observed.executable = reader.text();
      record = std::move(observed);
      break;
    }
    case Tag::exec_folded: {
      ExecFolded folded;
      folded.pid = reader.number<uint32_t>();
      folded.path = reader.text();
      folded.directory = reader.text();
      folded.count = reader.number<uint64_t>();
      record = std::move(folded);
      break;
    }
    case Tag::file_claim:
      record = read_file_claim(reader);
      break;
    case Tag::denied_call:
      record = read_denied_call(reader);
      break;
    default:
      return Failure(base::invalid_argument("monitor record: unknown tag"));
  }
  if (!reader.finished()) return Failure(base::invalid_argument("monitor record: malformed"));
  return record;
}

core::Event to_event(const Record& record) {
  return std::visit(
      Overloaded{[](const ExecAttempt& r) { return exec_event(r); },
                 [](const ExecFolded& r) { return folded_event(r); },
                 [](const ExecObserved& r) { return observed_event(r); },
                 [](const FileClaim& r) { return file_event(r); }, [](const DeniedCall& r) { return denied_event(r); }},
      record);
}

}  // namespace hv::monitor
