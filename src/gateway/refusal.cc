#include "gateway/refusal.h"

#include "base/text.h"

namespace hv::gateway {

namespace {

std::string_view phrase(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 504:
      return "Gateway Timeout";
    default:
      return "Forbidden";
  }
}

}  // namespace

Refusal Refusal::by(const network::Decision& decision, std::string_view sandbox) {
  Refusal refusal;
  refusal.verdict = decision.verdict;
  refusal.rule = decision.rule_text;
  refusal.origin = decision.origin;
  refusal.reason = decision.reason;
  if (decision.verdict == core::Verdict::ask) refusal.reason += ", and nobody can be asked yet";
  refusal.command = decision.command(sandbox);
  return refusal;
}

Refusal Refusal::because(std::string_view rule, std::string reason, int status) {
  Refusal refusal;
  refusal.status = status;
  refusal.rule = rule;
  refusal.reason = std::move(reason);
  return refusal;
}

std::string http_refusal(const Refusal& refusal, std::string_view what) {
  std::string body = "hydravisor: " + base::printable(what);
  body += refusal.status == 403 ? " was refused.\n" : " failed.\n";
  if (!refusal.reason.empty()) body += "reason: " + base::printable(refusal.reason) + "\n";
  if (!refusal.rule.empty()) body += "rule: " + base::printable(refusal.rule) + "\n";
  if (!refusal.command.empty()) body += "to allow it, on the host: " + base::printable(refusal.command) + "\n";
  std::string head = "HTTP/1.1 " + std::to_string(refusal.status) + " ";
  head += phrase(refusal.status);
  head += "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " + std::to_string(body.size());
  head += "\r\nCache-Control: no-store\r\nConnection: close\r\nX-Hydravisor: refused\r\n\r\n";
  return head + body;
}

}  // namespace hv::gateway
