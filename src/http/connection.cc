#include "http/connection.h"

#include <atomic>
#include <utility>

#include "http/message.h"

namespace hv::http {

namespace {

class ChunkedBody final : public BodyWriter {
 public:
  ChunkedBody(std::shared_ptr<Connection> connection, bool chunked, bool keep_alive)
      : connection_(std::move(connection)), chunked_(chunked), keep_alive_(keep_alive) {}
  ~ChunkedBody() override {
    if (connection_) connection_->abandon();
  }

  void write(std::string_view bytes, std::function<void(bool)> written) override {
    if (!connection_) return written(false);
    // The empty chunk would be the end.
    if (bytes.empty()) return connection_->loop().post([written = std::move(written)] { written(true); });
    connection_->write(chunked_ ? chunk(bytes) : std::string(bytes), std::move(written));
  }

  void end() override {
    auto connection = std::exchange(connection_, nullptr);
    if (!connection) return;
    connection->write(chunked_ ? chunk({}) : std::string(), [connection, keep = keep_alive_ && chunked_](bool alive) {
      alive ? connection->body_done(keep) : connection->abandon();
    });
  }

 private:
  std::shared_ptr<Connection> connection_;
  bool chunked_;
  bool keep_alive_;
};

class ServerExchange final : public Exchange {
 public:
  ServerExchange(std::shared_ptr<Connection> connection, Request request)
      : connection_(std::move(connection)), request_(std::move(request)) {}

  ~ServerExchange() override {
    if (!answered_.exchange(true)) post({500, {}, {}});
  }

  const Request& request() const override { return request_; }
  const base::PeerCredentials& peer() const override { return connection_->peer(); }

  void respond(Response response) override {
    if (!answered_.exchange(true)) post(std::move(response));
  }

  std::unique_ptr<BodyWriter> stream(Response head) override {
    answered_ = true;
    bool chunked = !request_.http10;
    if (chunked) head.headers.add("Transfer-Encoding", "chunked");
    if (!chunked || !request_.keep_alive) head.headers.add("Connection", "close");
    auto writer = std::make_unique<HeadFirst>(
        serialize_head(head), std::make_unique<ChunkedBody>(connection_, chunked, request_.keep_alive), connection_);
    return writer;
  }

  base::Result<Upgraded> upgrade(Response head) override {
    answered_ = true;
    return connection_->upgrade(head);
  }

  void on_gone(std::function<void()> callback) override { connection_->watch_gone(std::move(callback)); }

 private:
  // The head goes out by itself at once, so that a client knows it is listened to before the first event; later pieces
  // wait for it.
  class HeadFirst final : public BodyWriter {
   public:
    HeadFirst(std::string head, std::unique_ptr<ChunkedBody> body, const std::shared_ptr<Connection>& connection)
        : shared_(std::make_shared<Shared>()) {
      shared_->body = std::move(body);
      connection->write(std::move(head), [shared = shared_](bool alive) {
        shared->head_done = true;
        shared->alive = alive;
        if (auto next = std::exchange(shared->next, nullptr)) next();
      });
    }
    ~HeadFirst() override {
      if (!shared_->ended) shared_->body.reset();
    }
    void write(std::string_view bytes, std::function<void(bool)> written) override {
      then([bytes = std::string(bytes), written = std::move(written), shared = shared_]() mutable {
        if (!shared->alive || !shared->body) return written(false);
        shared->body->write(bytes, std::move(written));
      });
    }
    void end() override {
      shared_->ended = true;
      then([shared = shared_] {
        if (shared->body && shared->alive) shared->body->end();
        shared->body.reset();
      });
    }

   private:
    struct Shared {
      std::unique_ptr<ChunkedBody> body;
      std::function<void()> next;
      bool head_done = false;
      bool alive = true;
      bool ended = false;
    };
    void then(std::function<void()> step) {
      if (shared_->head_done) return step();
      shared_->next = [before = std::exchange(shared_->next, nullptr), step = std::move(step)] {
        if (before) before();
        step();
      };
    }
    std::shared_ptr<Shared> shared_;
  };

  // On the loop's thread the answer is in the kernel when this returns: a handler may end the program next.
  void post(Response response) {
    auto task = [connection = connection_, response = std::move(response), keep = request_.keep_alive] {
      connection->respond(response, keep);
    };
    connection_->loop().dispatch(std::move(task));
  }

  std::shared_ptr<Connection> connection_;
  Request request_;
  std::atomic<bool> answered_ = false;
};

}  // namespace

Connection::Connection(std::shared_ptr<Server::State> server, std::unique_ptr<Stream> stream,
                       base::PeerCredentials peer, bool admitted)
    : server_(std::move(server)),
      stream_(std::move(stream)),
      peer_(peer),
      admitted_(admitted),
      parser_(server_->options.limits) {
  server_->connections.insert(this);
}

Connection::~Connection() {
  server_->connections.erase(this);
}

void Connection::arm_timeout() {
  std::weak_ptr<Connection> weak = weak_from_this();
  timeout_ = loop().after(server_->options.request_timeout, [weak] {
    if (auto self = weak.lock()) self->fault(408, "the request did not arrive in time");
  });
}

void Connection::proceed() {
  if (closed_) return;
  while (!input_.empty() && !parser_.complete()) {
    auto used = parser_.feed(input_);
    if (!used) return fault(used.error().status, used.error().message);
    input_.erase(0, *used);
  }
  if (parser_.complete()) return dispatch();
  if (parser_.wants_continue()) {
    return stream_->write("HTTP/1.1 100 Continue\r\n\r\n",
                          [self = shared_from_this()](const base::Result<size_t>& written) {
                            written ? self->read_more() : self->abandon();
                          });
  }
  read_more();
}

void Connection::read_more() {
  stream_->read_some(buffer_, [self = shared_from_this()](const base::Result<size_t>& count) {
    if (self->closed_ || self->finishing_) return;
    // The end between requests, or inside one: either way there is nobody to answer, or nothing.
    if (!count || *count == 0) {
      if (count && self->parser_.started()) return self->fault(400, "the request broke off");
      return self->abandon();
    }
    if (!self->parser_.started()) self->arm_timeout();
    self->input_.append(self->buffer_.data(), *count);
    self->proceed();
  });
}

void Connection::dispatch() {
  timeout_.reset();
  if (server_->stopped) return abandon();
  Request request = parser_.take();
  if (!admitted_) return fault(403, "this socket belongs to another user");
  server_->handler(std::make_shared<ServerExchange>(shared_from_this(), std::move(request)));
}

void Connection::respond(const Response& response, bool keep_alive) {
  if (closed_) return;
  bool keep = keep_alive && !server_->stopped;
  gone_ = nullptr;
  stream_->write(serialize(response, keep), [self = shared_from_this(), keep](const base::Result<size_t>& written) {
    if (!written) return self->abandon();
    keep ? self->proceed() : self->linger();
  });
}

void Connection::write(std::string bytes, std::function<void(bool)> written) {
  if (closed_) return loop().post([written = std::move(written)] { written(false); });
  stream_->write(std::move(bytes),
                 [self = shared_from_this(), written = std::move(written)](const base::Result<size_t>& count) {
                   written(count.has_value() && !self->closed_);
                 });
}

void Connection::body_done(bool keep_alive) {
  gone_ = nullptr;
  keep_alive ? proceed() : linger();
}

base::Result<Upgraded> Connection::upgrade(const Response& head) {
  if (closed_) return base::Failure(base::cancelled("the client has gone"));
  closed_ = true;
  gone_ = nullptr;
  base::Fd fd = HV_TRY(stream_->release());
  // The answer to the first request on a connection always fits the socket's buffer; a client that pipelined megabytes
  // before it waits here.
  HV_TRY(base::send_message(fd.get(), serialize_head(head)));
  return Upgraded{std::move(fd), std::move(input_)};
}

void Connection::watch_gone(std::function<void()> callback) {
  if (closed_) return loop().post(std::move(callback));
  gone_ = std::move(callback);
  // One watch serves all requests of the connection.
  if (std::exchange(watched_, true)) return;
  stream_->on_gone([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->abandon();
  });
}

void Connection::abandon() {
  timeout_.reset();
  if (std::exchange(closed_, true)) return;
  stream_->close();
  if (auto gone = std::exchange(gone_, nullptr)) gone();
}

void Connection::fault(int status, std::string_view message) {
  if (std::exchange(finishing_, true)) return;
  respond(server_->options.fault ? server_->options.fault(status, message) : Response{status, {}, std::string(message)},
          false);
}

void Connection::linger() {
  // Closing with unread bytes would reset the connection and could take the answer with it: read a while, to nowhere.
  if (closed_) return;
  stream_->shut_down_write();
  std::weak_ptr<Connection> weak = weak_from_this();
  timeout_ = loop().after(std::chrono::seconds(1), [weak] {
    if (auto self = weak.lock()) self->abandon();
  });
  auto drain = [](auto again, std::shared_ptr<Connection> self) -> void {
    self->stream_->read_some(self->buffer_, [again, self](const base::Result<size_t>& count) {
      if (self->closed_) return;
      if (!count || *count == 0) return self->abandon();
      again(again, self);
    });
  };
  drain(drain, shared_from_this());
}

}  // namespace hv::http
