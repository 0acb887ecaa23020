#include "monitor/record.h"

#include <algorithm>
#include <cstring>

namespace hv::monitor {
namespace {

using base::Failure;

enum class Tag : uint8_t {
  exec_attempt = 1,
  exec_observed = 2,
  denied_call = 3,
  exec_folded = 4,
  file_claim = 5,
  processes_exited = 6,
  processes_unfollowed = 7,
  file_seen = 8,
};
constexpr uint8_t flag_truncated = 1;
constexpr uint8_t flag_unreadable = 2;
constexpr uint8_t flag_redacted = 4;  // how many follows
constexpr uint8_t flag_omitted = 8;   // the same, after it

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
  reader.refuse_unless(flags <= (flag_truncated | flag_unreadable | flag_redacted | flag_omitted));
  record.truncated = (flags & flag_truncated) != 0;
  record.unreadable = (flags & flag_unreadable) != 0;
  if ((flags & flag_redacted) != 0) {
    record.redacted = reader.number<uint16_t>();
    reader.refuse_unless(record.redacted > 0);
  }
  if ((flags & flag_omitted) != 0) {
    record.omitted = reader.number<uint16_t>();
    reader.refuse_unless(record.omitted > 0);
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

ProcessesExited read_processes_exited(Reader& reader) {
  ProcessesExited record;
  auto known = reader.number<uint8_t>();
  reader.refuse_unless(known <= 1);
  if (known == 1) record.wait_status = reader.number<int32_t>();
  record.executable = reader.text();
  auto count = reader.number<uint16_t>();
  reader.refuse_unless(count > 0);
  for (uint16_t i = 0; i < count && reader.good(); ++i) {
    ProcessEnded& ended = record.ended.emplace_back();
    ended.pid = reader.number<uint32_t>();
    ended.milliseconds = reader.number<uint32_t>();
  }
  return record;
}

ProcessesUnfollowed read_processes_unfollowed(Reader& reader) {
  ProcessesUnfollowed record;
  record.reason = reader.text();
  record.count = reader.number<uint64_t>();
  auto count = reader.number<uint16_t>();
  for (uint16_t i = 0; i < count && reader.good(); ++i) record.pids.push_back(reader.number<uint32_t>());
  return record;
}

FileSeen read_file_seen(Reader& reader) {
  FileSeen record;
  auto kind = reader.number<uint8_t>();
  reader.refuse_unless(kind < core::Names<core::FileEventKind>::table.size());
  record.kind = static_cast<core::FileEventKind>(kind);
  // One more than the type's number: 0 is not known.
  auto type = reader.number<uint8_t>();
  reader.refuse_unless(type <= core::Names<core::FileType>::table.size());
  if (type > 0) record.type = static_cast<core::FileType>(type - 1);
  record.mode = reader.number<uint32_t>();
  record.size = reader.number<uint64_t>();
  record.path = reader.text();
  record.old_path = reader.text();
  record.count = reader.number<uint64_t>();
  return record;
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
                                     (r.redacted > 0 ? flag_redacted : 0) | (r.omitted > 0 ? flag_omitted : 0));
            writer.number(r.pid).number(r.parent).number(flags);
            if (r.redacted > 0) writer.number(r.redacted);
            if (r.omitted > 0) writer.number(r.omitted);
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
          [](const ProcessesExited& r) {
            Writer writer(Tag::processes_exited);
            writer.number(static_cast<uint8_t>(r.wait_status.has_value()));
            if (r.wait_status) writer.number(*r.wait_status);
            size_t count = std::min<size_t>(r.ended.size(), UINT16_MAX);
            writer.text(r.executable).number(static_cast<uint16_t>(count));
            for (size_t i = 0; i < count; ++i) writer.number(r.ended[i].pid).number(r.ended[i].milliseconds);
            return writer.take();
          },
          [](const ProcessesUnfollowed& r) {
            Writer writer(Tag::processes_unfollowed);
            size_t count = std::min<size_t>(r.pids.size(), UINT16_MAX);
            writer.text(r.reason).number(r.count).number(static_cast<uint16_t>(count));
            for (size_t i = 0; i < count; ++i) writer.number(r.pids[i]);
            return writer.take();
          },
          [](const FileSeen& r) {
            return Writer(Tag::file_seen)
                .number(static_cast<uint8_t>(r.kind))
                .number(static_cast<uint8_t>(r.type ? static_cast<int>(*r.type) + 1 : 0))
                .number(r.mode)
                .number(r.size)
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
    case Tag::processes_exited:
      record = read_processes_exited(reader);
      break;
    case Tag::file_seen:
      record = read_file_seen(reader);
      break;
    case Tag::processes_unfollowed:
      record = read_processes_unfollowed(reader);
      break;
    default:
      return Failure(base::invalid_argument("monitor record: unknown tag"));
  }
  if (!reader.finished()) return Failure(base::invalid_argument("monitor record: malformed"));
  return record;
}

}  // namespace hv::monitor
