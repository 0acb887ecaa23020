#include "daemon/witness_client.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include <netdb.h>
#include <sys/socket.h>

#include "base/crypto.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "base/tls.h"
#include "http/client.h"
#include "http/response_reader.h"

namespace hv::daemon {

namespace {

constexpr std::chrono::seconds kPatience{20};
// A cosignature is a line.
constexpr size_t kLargestAnswer = 16384;

base::Result<base::Fd> connect_to(const WitnessUrl& url) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (int failed = ::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &list); failed != 0)
    return base::Failure(base::unavailable(base::format("find {}: {}", url.host, ::gai_strerror(failed))));
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, ::freeaddrinfo);
  int error = ECONNREFUSED;
  timeval patience{kPatience.count(), 0};
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    base::Fd socket(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, at->ai_protocol));
    // It bounds connect(2) too.
    if (socket && ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
        ::connect(socket.get(), at->ai_addr, at->ai_addrlen) == 0)
      return socket;
    error = errno == EINPROGRESS ? ETIMEDOUT : errno;
  }
  return base::Failure(base::Error::from_errno(error, "connect to", url.text()));
}

base::Result<http::Response> exchange_plainly(base::Fd socket, const http::Request& request) {
  http::Patience patience{
      kPatience, []() -> base::Status { return base::Failure(base::timed_out("the witness does not answer")); }};
  return http::ClientConnection(std::move(socket), std::move(patience)).exchange(request);
}

base::Result<http::Response> exchange_by_tls(base::TlsClient& connection, const http::Request& request) {
  HV_TRY(connection.write(http::serialize(request)));
  http::ResponseReader reader;
  std::string body;
  while (!reader.complete() && body.size() <= kLargestAnswer) {
    std::string bytes = HV_TRY(connection.read());
    HV_TRY(bytes.empty() ? reader.finish() : reader.feed(bytes));
    body += reader.take_body();
  }
  http::Response response = reader.head();
  response.body = std::move(body);
  return response;
}

base::Result<audit::WitnessAnswer> post(const WitnessUrl& url, const std::string& authorities,
                                        const std::string& body) {
  base::Fd socket = HV_TRY(connect_to(url));
  std::optional<base::TlsClient> secured;
  if (url.tls) secured = HV_TRY(base::TlsClient::connect(std::move(socket), {url.host, authorities, kPatience}));
  http::Request request;
  request.method = "POST";
  request.target = url.prefix + "/add-checkpoint";
  request.headers.add("Host", url.port == (url.tls ? "443" : "80") ? url.host : url.host + ":" + url.port);
  request.headers.add("Content-Type", "text/plain; charset=utf-8");
  request.body = body;
  request.keep_alive = false;
  // The client's own words are about the daemon, which it is for.
  base::Result<http::Response> answered =
      secured ? exchange_by_tls(*secured, request) : exchange_plainly(std::move(socket), request);
  if (!answered && answered.error().code() == base::ErrorCode::timeout) return base::Failure(answered.error());
  if (!answered)
    return base::Failure(base::unavailable(url.text() + " did not give a whole answer in HTTP/1.1")
                             .with_hint("is it a witness (c2sp.org/tlog-witness) that serves there?"));
  http::Response& response = *answered;
  if (response.body.size() > kLargestAnswer)
    return base::Failure(base::unavailable("the witness's answer is larger than a cosignature can be"));
  return audit::WitnessAnswer{response.status, std::move(response.body)};
}

bool is_plain(std::string_view text, std::string_view also) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || also.contains(c);
  });
}

}  // namespace

bool is_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

base::Result<WitnessUrl> WitnessUrl::parse(std::string_view text) {
  auto bad = [&](std::string_view why) {
    return base::Failure(base::invalid_argument(base::format("witness '{}': {}", base::printable(text), why))
                             .with_hint("such as http://127.0.0.1:8080/witness"));
  };
  if (!is_url(text)) return bad("not an http:// or https:// address");
  std::string_view rest = text.substr(text.find("//") + 2);
  size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  WitnessUrl url;
  url.tls = text.starts_with("https://");
  url.prefix = slash == std::string_view::npos ? "" : rest.substr(slash);
  while (url.prefix.ends_with('/')) url.prefix.pop_back();
  size_t colon = authority.find(':');
  url.host = authority.substr(0, colon);
  url.port = colon == std::string_view::npos ? (url.tls ? "443" : "80") : authority.substr(colon + 1);
  if (url.host.empty() || !is_plain(url.host, "-.")) return bad("its host is not a name or an IPv4 address");
  if (url.port.empty() || url.port.size() > 5 ||
      !std::ranges::all_of(url.port, [](char c) { return c >= '0' && c <= '9'; }) || std::stoi(url.port) > 65535)
    return bad("its port is not a number");
  if (!is_plain(url.prefix, "-._~/")) return bad("its path holds more than letters, digits and -._~/");
  return url;
}

std::string WitnessUrl::text() const {
  return base::format("{}://{}:{}{}", tls ? "https" : "http", host, port, prefix);
}

std::string kept_of(const core::Paths& paths, const WitnessUrl& url) {
  std::string name = base::to_hex(base::as_view(base::sha256(url.text()))).substr(0, 16);
  return paths.state + "/witnesses/" + name;
}

base::Result<audit::Witnessed> ask_witness(const core::Paths& paths, const WitnessUrl& url,
                                           const std::optional<std::string>& key, const std::string& authorities) {
  std::optional<audit::CosignerKey> cosigner;
  if (key) cosigner = HV_TRY_CONTEXT(audit::CosignerKey::parse(*key), "--key");
  return audit::witness_remotely(paths.ledger, kept_of(paths, url), cosigner,
                                 [&](const std::string& body) { return post(url, authorities, body); });
}

}  // namespace hv::daemon
