#include "gateway/dns_exchange.h"

#include <array>
#include <cerrno>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "gateway/socket_address.h"

namespace hv::gateway {

namespace {

base::Failure fail(int error_number) {
  return base::Failure(base::Error::from_errno(error_number, "ask the host's DNS server"));
}

}  // namespace

std::unique_ptr<DnsExchange> DnsExchange::start(base::EventLoop& loop, const NameServer& server, uint16_t port,
                                                network::DnsQuestion question, std::chrono::milliseconds timeout,
                                                Done done) {
  std::unique_ptr<DnsExchange> made(new DnsExchange(loop, std::move(question), std::move(done)));
  DnsExchange* self = made.get();
  self->server_ = server;
  self->port_ = port;
  base::Status opened = self->open(SOCK_DGRAM);
  std::string query = network::write_query(self->question_);
  int problem = 0;
  if (!opened) problem = opened.error().os_error() != 0 ? opened.error().os_error() : EIO;
  if (problem == 0 && ::send(self->socket_.get(), query.data(), query.size(), MSG_NOSIGNAL) < 0) problem = errno;
  // A server that cannot even be sent to is told of like one that does not answer, only sooner.
  self->timer_ = loop.after(problem == 0 ? timeout : std::chrono::milliseconds(0), [self, problem] {
    self->timer_ = 0;
    self->finish(fail(problem != 0 ? problem : ETIMEDOUT));
  });
  return made;
}

DnsExchange::~DnsExchange() {
  if (socket_) loop_.unwatch(socket_.get());
  if (timer_ != 0) loop_.cancel(timer_);
}

base::Status DnsExchange::open(int type) {
  SocketAddress to = to_socket_address(server_.address, port_, server_.scope);
  if (socket_) loop_.unwatch(socket_.get());
  socket_ = base::Fd(::socket(to.family(), type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) return fail(errno);
  // Connected: the kernel lets only this server's answers in, and a port unreachable comes back as an error.
  if (::connect(socket_.get(), to.get(), to.size) != 0 && errno != EINPROGRESS) return fail(errno);
  if (type == SOCK_DGRAM) return loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t) { on_datagram(); });
  return loop_.watch(socket_.get(), EPOLLIN | EPOLLOUT, [this](uint32_t events) { on_stream(events); });
}

void DnsExchange::on_datagram() {
  std::array<char, 4096> buffer;
  ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    return finish(fail(errno));
  }
  auto reply = network::parse_reply({buffer.data(), static_cast<size_t>(count)}, question_);
  if (!reply && reply.error().code() == base::ErrorCode::conflict) return;
  if (!reply || !reply->truncated) return finish(std::move(reply));
  std::string query = network::write_query(question_);
  out_ = {static_cast<char>(query.size() >> 8), static_cast<char>(query.size() & 0xff)};
  out_ += query;
  if (base::Status opened = open(SOCK_STREAM); !opened) finish(base::Failure(std::move(opened).error()));
}

void DnsExchange::on_stream(uint32_t) {
  if (!out_.empty()) {
    ssize_t sent = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return finish(fail(errno));
    if (sent > 0) out_.erase(0, static_cast<size_t>(sent));
    if (out_.empty()) static_cast<void>(loop_.modify(socket_.get(), EPOLLIN));
    return;
  }
  std::array<char, 4096> buffer;
  ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return finish(fail(count == 0 ? ECONNRESET : errno));
  in_.append(buffer.data(), static_cast<size_t>(count));
  if (in_.size() < 2) return;
  size_t size = static_cast<size_t>(static_cast<uint8_t>(in_[0])) << 8 | static_cast<uint8_t>(in_[1]);
  if (in_.size() < size + 2) return;
  finish(network::parse_reply(std::string_view(in_).substr(2, size), question_));
}

void DnsExchange::finish(base::Result<network::DnsReply> reply) {
  if (!done_) return;
  if (socket_) loop_.unwatch(socket_.get());
  if (timer_ != 0) loop_.cancel(timer_);
  timer_ = 0;
  // The exchange may be destroyed by what follows.
  Done done = std::exchange(done_, nullptr);
  done(std::move(reply));
}

}  // namespace hv::gateway
