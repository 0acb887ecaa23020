// What streams from the daemon to a front end: logs, exports, events.
#include <utility>

#include "client/client.h"
#include "http/client.h"
#include "http/sse.h"
#include "wire/types.h"

namespace hv::client {

ByteReader::ByteReader(std::unique_ptr<http::ClientConnection> connection) : connection_(std::move(connection)) {}
ByteReader::ByteReader(ByteReader&&) noexcept = default;
ByteReader::~ByteReader() = default;
base::Result<std::string> ByteReader::read() {
  return connection_->read_body();
}
int ByteReader::fd() const {
  return connection_->fd();
}

namespace {

// The events of one type, as values.
struct EventStream {
  std::unique_ptr<http::ClientConnection> connection;
  http::SseParser parser{};

  template <typename T>
  base::Result<std::optional<T>> next(std::string_view type) {
    while (true) {
      std::optional<http::SseEvent> event = HV_TRY(parser.next());
      if (event && event->type == type) return HV_TRY(wire::parse<T>(event->data));
      if (event) continue;
      std::string bytes = HV_TRY(connection->read_body());
      if (bytes.empty()) return std::nullopt;
      parser.feed(bytes);
    }
  }
};

}  // namespace

struct RecordReader::State : EventStream {};

RecordReader::RecordReader(std::unique_ptr<http::ClientConnection> connection)
    : state_(std::make_unique<State>(EventStream{std::move(connection)})) {}
RecordReader::RecordReader(RecordReader&&) noexcept = default;
RecordReader::~RecordReader() = default;
int RecordReader::fd() const {
  return state_->connection->fd();
}
base::Result<std::optional<core::AuditRecord>> RecordReader::next() {
  return state_->next<core::AuditRecord>("record");
}

struct UsageReader::State : EventStream {};

UsageReader::UsageReader(std::unique_ptr<http::ClientConnection> connection)
    : state_(std::make_unique<State>(EventStream{std::move(connection)})) {}
UsageReader::UsageReader(UsageReader&&) noexcept = default;
UsageReader::~UsageReader() = default;
int UsageReader::fd() const {
  return state_->connection->fd();
}
base::Result<std::optional<core::Usage>> UsageReader::next() {
  return state_->next<core::Usage>("usage");
}

}  // namespace hv::client
