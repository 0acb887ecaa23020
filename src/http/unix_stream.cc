#include <cerrno>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include "http/stream.h"

namespace hv::http {

namespace asio = boost::asio;

namespace {

base::Failure failure(const boost::system::error_code& error, std::string_view operation) {
  if (error == asio::error::operation_aborted) return base::Failure(base::cancelled(std::string(operation)));
  if (error.category() == boost::system::system_category())
    return base::Failure(base::Error::from_errno(error.value(), operation));
  return base::Failure(base::io_error(std::string(operation) + ": " + error.message()));
}

class UnixStream final : public Stream {
 public:
  UnixStream(Loop& loop, base::Fd fd) : socket_(loop.context()) {
    boost::system::error_code error;
    socket_.assign(asio::local::stream_protocol(), fd.get(), error);
    if (!error) fd.release();
  }

  void read_some(std::span<char> buffer, Done done) override {
    socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()),
                            [done = std::move(done)](const boost::system::error_code& error, size_t count) {
                              if (error == asio::error::eof) return done(size_t{0});
                              if (error) return done(failure(error, "read from client"));
                              done(count);
                            });
  }

  void write(std::string bytes, Done done) override {
    auto kept = std::make_shared<std::string>(std::move(bytes));
    asio::async_write(socket_, asio::buffer(*kept),
                      [kept, done = std::move(done)](const boost::system::error_code& error, size_t count) {
                        if (error) return done(failure(error, "write to client"));
                        done(count);
                      });
  }

  void on_gone(std::function<void()> callback) override {
    // EPOLLHUP: for a unix socket, both directions closed. A client that only finished writing does not count as gone.
    socket_.async_wait(asio::local::stream_protocol::socket::wait_error,
                       [callback = std::move(callback)](const boost::system::error_code& error) {
                         if (!error) callback();
                       });
  }

  void shut_down_write() override {
    boost::system::error_code ignored;  // the peer may have gone already
    socket_.shutdown(asio::local::stream_protocol::socket::shutdown_send, ignored);
  }

  base::Result<base::Fd> release() override {
    boost::system::error_code error;
    base::Fd fd(socket_.release(error));
    if (error) return failure(error, "release connection");
    HV_TRY(base::set_nonblocking(fd.get(), false));
    return fd;
  }

  void close() override {
    boost::system::error_code ignored;  // closing is the end either way
    socket_.close(ignored);
  }

 private:
  asio::local::stream_protocol::socket socket_;
};

}  // namespace

std::unique_ptr<Stream> make_unix_stream(Loop& loop, base::Fd socket) {
  return std::make_unique<UnixStream>(loop, std::move(socket));
}

}  // namespace hv::http
