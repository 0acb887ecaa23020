#include "base/tls.h"

#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/format.h"
#include "base/text.h"

namespace hv::base {

namespace {

// Where distributions keep the authorities that the machine trusts; OpenSSL's own default is Debian's alone.
constexpr std::array kBundles{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                              "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Connection = std::unique_ptr<SSL, decltype(&SSL_free)>;

std::string last_error() {
  unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  return code == 0 ? "" : reason != nullptr ? reason : "an unnamed error";
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  return ::inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

Status trust(SSL_CTX* context, const std::string& authorities) {
  if (!authorities.empty()) {
    if (SSL_CTX_load_verify_file(context, authorities.c_str()) == 1) return {};
    return Failure(invalid_argument(format("read certificates from {}: {}", printable(authorities), last_error()))
                       .with_hint("a file of the authority's certificates in PEM"));
  }
  (void)SSL_CTX_set_default_verify_dir(context);
  for (const char* bundle : kBundles)
    if (path_exists(bundle)) (void)SSL_CTX_load_verify_file(context, bundle);
  ERR_clear_error();
  return {};
}

Result<Context> make_context(const std::string& authorities) {
  Context context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1)
    return Failure(internal_error("prepare TLS: " + last_error()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  HV_TRY(trust(context.get(), authorities));
  return context;
}

Result<Connection> make_connection(SSL_CTX* context, int socket, const std::string& host) {
  Connection connection(SSL_new(context), &SSL_free);
  if (!connection || SSL_set_fd(connection.get(), socket) != 1)
    return Failure(internal_error("prepare TLS: " + last_error()));
  X509_VERIFY_PARAM* wanted = SSL_get0_param(connection.get());
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  bool set = is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1
                              : SSL_set1_host(connection.get(), host.c_str()) == 1 &&
                                    SSL_set_tlsext_host_name(connection.get(), host.c_str()) == 1;
  if (!set)
    return Failure(invalid_argument(format("'{}' is not a host that a certificate can be for", printable(host))));
  return connection;
}

}  // namespace

struct TlsClient::State {
  Fd socket;
  Context context;
  Connection connection;
  std::string host;
  std::chrono::steady_clock::time_point end;

  // Waits for what the last call lacked; a failure when it has failed for good.
  Status wait(int result, std::string_view what) {
    int lacking = SSL_get_error(connection.get(), result);
    if (lacking != SSL_ERROR_WANT_READ && lacking != SSL_ERROR_WANT_WRITE) return failed(lacking, what);
    for (;;) {
      auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      pollfd waiting{socket.get(), static_cast<short>(lacking == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0};
      int ready = left.count() <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left.count()));
      if (ready > 0) return {};
      if (ready == 0) return Failure(timed_out(format("{} {}: it does not answer", what, host)));
      if (errno != EINTR) return Failure(Error::from_errno(errno, what, host));
    }
  }

  Failure failed(int error, std::string_view what) const {
    long verdict = SSL_get_verify_result(connection.get());
    if (verdict != X509_V_OK)
      return Failure(denied(format("{} {}: its certificate: {}", what, host, X509_verify_cert_error_string(verdict)))
                         .with_hint(verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH
                                        ? "it is for another host: use the name that it was made for"
                                        : "for an authority of your own, name the file of its certificate with --ca"));
    int cause = errno;
    if (error == SSL_ERROR_SYSCALL && cause != 0) return Failure(Error::from_errno(cause, what, host));
    std::string reason = last_error();
    int code = ERR_GET_REASON(ERR_peek_last_error());
    bool plain =
        code == SSL_R_WRONG_VERSION_NUMBER || code == SSL_R_HTTP_REQUEST || code == SSL_R_PACKET_LENGTH_TOO_LONG;
    if (plain)
      return Failure(unavailable(format("{} {}: what answers there does not speak TLS", what, host))
                         .with_hint("is it the right port, or an http:// address?"));
    return Failure(unavailable(format("{} {}: {}", what, host, reason.empty() ? "it closed the connection" : reason)));
  }
};

void TlsClient::Free::operator()(State* state) const {
  if (state != nullptr && SSL_is_init_finished(state->connection.get())) (void)SSL_shutdown(state->connection.get());
  delete state;
}

Result<TlsClient> TlsClient::connect(Fd socket, const Options& options) {
  ERR_clear_error();
  Context context = HV_TRY(make_context(options.authorities));
  if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0)
    return Failure(Error::from_errno(errno, "prepare the connection to", options.host));
  Connection connection = HV_TRY(make_connection(context.get(), socket.get(), options.host));
  std::unique_ptr<State, Free> state(new State{std::move(socket), std::move(context), std::move(connection),
                                               options.host, std::chrono::steady_clock::now() + options.patience});
  for (;;) {
    errno = 0;
    int result = SSL_connect(state->connection.get());
    if (result == 1) return TlsClient(std::move(state));
    HV_TRY(state->wait(result, "speak TLS with"));
  }
}

Status TlsClient::write(std::string_view bytes) {
  while (!bytes.empty()) {
    ERR_clear_error();
    errno = 0;
    size_t written = 0;
    // The same bytes again after a wait, as it demands.
    if (int result = SSL_write_ex(state_->connection.get(), bytes.data(), bytes.size(), &written); result != 1)
      HV_TRY(state_->wait(result, "write to"));
    bytes.remove_prefix(written);
  }
  return {};
}

Result<std::string> TlsClient::read() {
  std::string bytes(16384, '\0');
  for (;;) {
    ERR_clear_error();
    errno = 0;
    size_t count = 0;
    int result = SSL_read_ex(state_->connection.get(), bytes.data(), bytes.size(), &count);
    if (result == 1) {
      bytes.resize(count);
      return bytes;
    }
    if (SSL_get_error(state_->connection.get(), result) == SSL_ERROR_ZERO_RETURN) return std::string();
    HV_TRY(state_->wait(result, "read from"));
  }
}

}  // namespace hv::base
