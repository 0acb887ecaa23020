// The ledger: pages, single records, verification, and streams that follow it. A stream's place is an index of the
// ledger, so it resumes where it broke off and nothing is kept for those who read slowly.
#include <charconv>
#include <utility>

#include "api/handlers.h"
#include "api/pull_stream.h"
#include "base/clock.h"
#include "base/format.h"
#include "core/egress.h"
#include "http/sse.h"

namespace hv::api {

namespace {

constexpr uint64_t kPage = 200;

base::Result<core::AuditQuery> read_query(const Call& call) {
  core::AuditQuery query;
  const http::Target& target = call.target();
  query.sandbox = target.value("sandbox");
  query.kind = target.value("kind");
  query.principal = target.value("principal");
  query.path = target.value("path");
  query.host = target.value("host");
  query.text = target.value("text");
  if (auto verdict = target.value("verdict"))
    query.verdict = core::name_of(HV_TRY_CONTEXT(core::parse_name<core::Verdict>(*verdict), "'verdict'"));
  if (auto risk = target.value("risk")) query.risk = HV_TRY_CONTEXT(core::parse_risk(*risk), "'risk'");
  std::string order = target.value("order").value_or("oldest");
  if (order != "oldest" && order != "newest")
    return base::Failure(base::invalid_argument("'order' must be oldest or newest"));
  query.newest_first = order == "newest";
  if (auto since = target.value("since")) query.since = HV_TRY_CONTEXT(base::from_rfc3339(*since), "'since'");
  if (auto until = target.value("until")) query.until = HV_TRY_CONTEXT(base::from_rfc3339(*until), "'until'");
  query.after = HV_TRY(call.number("after"));
  query.before = HV_TRY(call.number("before"));
  query.limit = HV_TRY(call.number("limit")).value_or(query.limit);
  if (query.limit < 1 || query.limit > 10'000)
    return base::Failure(base::invalid_argument("'limit' must be from 1 to 10000"));
  return query;
}

// The next page with something in it, or the last one.
base::Result<core::AuditPage> next_page(service::Service& service, core::AuditQuery& query) {
  while (true) {
    core::AuditPage page = HV_TRY(service.audit_events(query));
    if (page.seen) query.after = *page.seen;
    if (!page.records.empty()) query.after = std::max(query.after.value_or(0), page.records.back().index);
    if (!page.records.empty() || page.complete) return page;
  }
}

// A stream's place is an index, so a slow reader misses nothing by being slow; what was pruned behind its back it is
// told of, before it goes on. Empty when nothing is missing.
base::Result<std::string> missed_since(service::Service& service, uint64_t after) {
  core::AuditQuery query;
  query.limit = 1;
  core::AuditPage page = HV_TRY(service.audit_events(query));
  if (page.records.empty() || page.records[0].index <= after + 1) return std::string();
  uint64_t last = page.records[0].index - 1;
  std::string data = base::format(R"({{"first":{},"last":{},"count":{}}})", after + 1, last, last - after);
  return http::format_sse({std::to_string(last), "missed", data});
}

void follow(Context& context, const std::shared_ptr<Call>& call, core::AuditQuery query) {
  query.limit = kPage;
  // What a client says it has seen last wins over where it first began.
  std::string_view last = call->request().headers.find("Last-Event-ID");
  if (!last.empty()) {
    uint64_t index = 0;
    auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), index);
    if (error != std::errc{} || end != last.data() + last.size())
      return call->refuse(base::invalid_argument("'Last-Event-ID' must be an index of the ledger"));
    query.after = index;
  }
  bool from_now = !query.after && !query.since;
  if (from_now) query.since = base::system_clock().wall();
  PullStream::start(context, call, [&](std::function<void()> wake) -> base::Result<PullStream::Source> {
    PullStream::Source source;
    source.head = {200, {{{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}}}, {}};
    source.beat = http::kSseKeepAlive;
    source.wake = call->service().watch_audit(std::move(wake));
    source.fetch = [service = call->shared_service(), query, from_now,
                    resumed = query.after]() mutable -> base::Result<PullStream::Piece> {
      std::string out;
      if (auto after = std::exchange(resumed, std::nullopt)) out = HV_TRY(missed_since(*service, *after));
      core::AuditPage page = HV_TRY(next_page(*service, query));
      // The time only finds the place to start from: what is recorded late must not be left out later.
      if (std::exchange(from_now, false)) query.since.reset();
      for (const core::AuditRecord& record : page.records)
        out += http::format_sse({std::to_string(record.index), "record", wire::to_text(record)});
      return PullStream::Piece{std::move(out), false};
    };
    return source;
  });
}

}  // namespace

Answer list_audit_events(service::Service& service, const Call& call) {
  core::AuditQuery query = HV_TRY(read_query(call));
  return json_or_error(service.audit_events(query));
}

Answer get_audit_event(service::Service& service, const Call& call) {
  const std::string& text = call.parameter();
  uint64_t index = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc{} || end != text.data() + text.size())
    return base::Failure(base::invalid_argument("a record's index is a whole number"));
  return json_or_error(service.audit_event(index));
}

Answer post_audit_verify(service::Service& service, const Call& call) {
  std::string since = call.target().value("since").value_or("");
  if (!since.empty() && since != "last") return base::Failure(base::invalid_argument("'since' must be last"));
  return json_or_error(service.audit_verify(since == "last"));
}

Answer post_audit_prune(service::Service& service, const Call& call) {
  core::PruneRequest request = HV_TRY(call.body<core::PruneRequest>());
  return json_or_error(service.audit_prune(request));
}

void get_audit_tail(Context& context, std::shared_ptr<Call> call) {
  auto query = read_query(*call);
  query ? follow(context, call, *std::move(query)) : call->refuse(query.error());
}

void get_events(Context& context, std::shared_ptr<Call> call) {
  auto query = read_query(*call);
  if (!query) return call->refuse(query.error());
  query->kind = "sandbox.";
  follow(context, call, *std::move(query));
}

namespace {

void export_bundle(Context& context, const std::shared_ptr<Call>& call, const core::AuditQuery& query) {
  std::optional<std::string> remembered = call->target().value("checkpoint");
  PullStream::start(context, call, [&](const std::function<void()>&) -> base::Result<PullStream::Source> {
    PullStream::Source source;
    source.head = {200, {{{"Content-Type", "application/x-ndjson"}}}, {}};
    source.fetch = [service = call->shared_service(), query, remembered,
                    text = service::TextSource()]() mutable -> base::Result<PullStream::Piece> {
      // Made on the pool: it seals the ledger first.
      if (!text) text = HV_TRY(service->audit_bundle(query, remembered));
      std::optional<std::string> piece = HV_TRY(text());
      return PullStream::Piece{piece.value_or(""), !piece};
    };
    return source;
  });
}

}  // namespace

void get_audit_export(Context& context, std::shared_ptr<Call> call) {
  auto query = read_query(*call);
  if (!query) return call->refuse(query.error());
  std::string format = call->target().value("format").value_or("jsonl");
  if (format == "bundle") return export_bundle(context, call, *query);
  if (format != "jsonl" || call->target().value("checkpoint"))
    return call->refuse(base::unsupported("'format' must be jsonl, or bundle, which alone takes a checkpoint"));
  query->limit = kPage;
  PullStream::start(context, call, [&](const std::function<void()>&) -> base::Result<PullStream::Source> {
    PullStream::Source source;
    source.head = {200, {{{"Content-Type", "application/x-ndjson"}}}, {}};
    source.fetch = [service = call->shared_service(), query = *query]() mutable -> base::Result<PullStream::Piece> {
      core::AuditPage page = HV_TRY(next_page(*service, query));
      std::string out;
      for (const core::AuditRecord& record : page.records) out.append(wire::to_text(record)).append("\n");
      return PullStream::Piece{std::move(out), page.complete};
    };
    return source;
  });
}

}  // namespace hv::api
