#include "service/proof_cases.h"

#include <charconv>
#include <utility>

#include "audit/reader.h"
#include "base/crypto.h"
#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "service/proof_subject.h"
#include "wire/types.h"

namespace hv::service {

using base::Failure;
using base::Result;
using base::Status;

namespace {

constexpr const char* kKind = "probe.proof";

Result<core::ProofInfo> to_proof(const audit::Entry& entry, const audit::Ledger::Standing& standing) {
  core::Event event = HV_TRY(audit::to_event(entry));
  if (event.kind != kKind)
    return Failure(base::not_found(base::format("record {} of the ledger is no proof", entry.envelope.index)));
  core::ProofInfo info;
  info.index = entry.envelope.index;
  info.time = event.wall;
  info.sandbox = event.sandbox;
  info.proof = HV_TRY(wire::from_json<core::Proof>(event.payload));
  if (info.index < standing.sealed) {
    info.durability = core::Durability::sealed;
  } else if (info.index < standing.durable) {
    info.durability = core::Durability::durable;
  }
  return info;
}

std::string why_not(const core::ProofInfo& info) {
  if (!info.proof.held)
    return base::format("{} of {} probes got through in the last one, record {} of the ledger",
                        info.proof.failed.size(), info.proof.verdicts.size(), info.index);
  if (info.durability != core::Durability::sealed) return "the last one is not signed yet";
  return "";
}

}  // namespace

// One for each kind of start: whoever proves one policy does not forget the proof of another.
std::string ProofCases::place_of(const core::ProofSubject& subject) const {
  std::string key = base::join(subject.variant, ",");
  return with_.directory + "/" +
         base::to_hex(base::as_view(base::sha256({subject.policy_digest, "\n", key}))).substr(0, 32);
}

void ProofCases::sign(const std::string& sandbox, const core::Proof& proof, Reply<uint64_t> reply) {
  core::Event event;
  event.kind = kKind;
  event.sandbox = sandbox;
  event.principal = with_.principal;
  event.risk = proof.held ? core::Risk::info : core::Risk::high;
  event.payload = wire::to_json(proof).as_object();
  Result<uint64_t> index = with_.ledger.record(event);
  if (!index) return reply(Failure(std::move(index).error().with_context("record the proof")));
  with_.later([this, index = *index, place = place_of(proof.subject), reply = std::move(reply)] {
    auto keep = [&]() -> Status {
      HV_TRY_CONTEXT(with_.ledger.seal(), base::format("sign the proof, record {} of the ledger", index));
      HV_TRY(base::make_directories(with_.directory, 0700));
      return base::replace_file(place, std::to_string(index) + "\n");
    };
    Status kept = keep();
    with_.loop.post([reply, index, kept = std::move(kept)]() mutable {
      reply(kept ? Result<uint64_t>(index) : Failure(std::move(kept).error()));
    });
  });
}

Result<core::ProofInfo> ProofCases::read(uint64_t index) const {
  audit::Ledger::Standing standing = with_.ledger.standing();
  audit::Reader reader(with_.ledger.directory());
  audit::Entry entry = HV_TRY(reader.at(index));
  return to_proof(entry, standing);
}

Result<core::Proof> ProofCases::at(uint64_t index) const {
  core::ProofInfo info = HV_TRY(read(index));
  if (std::string reason = why_not(info); !reason.empty()) return Failure(base::denied(reason));
  return std::move(info.proof);
}

Result<uint64_t> ProofCases::find(const core::ProofSubject& wanted,
                                  std::optional<std::chrono::milliseconds> oldest) const {
  Result<std::string> text = base::read_file(place_of(wanted));
  if (!text) return Failure(base::denied("there is none"));
  uint64_t index = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), index);
  if (error != std::errc() || end == text->data()) return Failure(base::denied("there is none"));
  Result<core::ProofInfo> info = read(index);
  // Where the ledger was moved away, what is remembered of it points nowhere.
  if (!info) return Failure(base::denied("there is none"));
  if (std::string reason = why_not(*info); !reason.empty()) return Failure(base::denied(reason));
  if (std::string reason = why_other(info->proof.subject, wanted); !reason.empty())
    return Failure(base::denied(reason));
  if (!oldest) return index;
  auto age = std::chrono::duration_cast<std::chrono::milliseconds>(with_.clock.wall() - info->time);
  // One from the future was made before the clock was set back: how old it is nobody can say.
  if (age.count() < 0) return Failure(base::denied("the last one bears a time that is still to come"));
  if (age > *oldest)
    return Failure(base::denied(
        base::format("the last one is {} old, and {} are allowed", base::to_text(age), base::to_text(*oldest))));
  return index;
}

Result<std::vector<core::ProofInfo>> ProofCases::list(const std::string& sandbox, size_t limit) const {
  std::vector<core::ProofInfo> proofs;
  if (limit == 0) return proofs;
  audit::Ledger::Standing standing = with_.ledger.standing();
  audit::Reader reader(with_.ledger.directory());
  audit::Query query;
  query.kind_prefix = kKind;
  query.newest_first = true;
  HV_TRY(reader.scan(query, [&](const audit::Entry& entry) {
    Result<core::ProofInfo> info = to_proof(entry, standing);
    // One whose payload was deleted, or that another version wrote otherwise, says nothing any more.
    if (!info || (!sandbox.empty() && info->sandbox != sandbox && info->proof.name != sandbox)) return true;
    info->stale = why_not(*info);
    if (info->stale.empty()) {
      Result<core::ProofSubject> now = with_.subject_now(info->proof.subject.policy);
      if (now) now->variant = info->proof.subject.variant;
      info->stale = now ? why_other(info->proof.subject, *now) : now.error().message();
    }
    proofs.push_back(*std::move(info));
    return proofs.size() < limit;
  }));
  return proofs;
}

}  // namespace hv::service
