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

struct RecordReader::State {
  std::unique_ptr<http::ClientConnection> connection;
  http::SseParser parser;
};

RecordReader::RecordReader(std::unique_ptr<http::ClientConnection> connection)
    : state_(std::make_unique<State>(std::move(connection), http::SseParser{})) {}
RecordReader::RecordReader(RecordReader&&) noexcept = default;
RecordReader::~RecordReader() = default;
int RecordReader::fd() const {
  return state_->connection->fd();
}

base::Result<std::optional<core::AuditRecord>> RecordReader::next() {
  while (true) {
    std::optional<http::SseEvent> event = HV_TRY(state_->parser.next());
    if (event && event->type == "record") return HV_TRY(wire::parse<core::AuditRecord>(event->data));
    if (event) continue;
    std::string bytes = HV_TRY(state_->connection->read_body());
    if (bytes.empty()) return std::nullopt;
    state_->parser.feed(bytes);
  }
}

}  // namespace hv::client
