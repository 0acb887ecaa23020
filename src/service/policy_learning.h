// What the ledger's records of a run say about policies: each record as the questions that a policy answers, and a
// policy made of them that allows just these. Pure.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/audit_query.h"
#include "policy/evaluate.h"
#include "policy/policy.h"

namespace hv::service {

// What one record asked for; empty for one that no policy has a say in, and for what had been refused already.
std::vector<policy::Question> questions_of(const core::AuditRecord& record);

// A question in the words of parse_question().
std::string question_text(const policy::Question& question);

// The least that a run needed.
class Learner {
 public:
  // `ran_under`: what no record tells, limits and variables among it, is taken from it.
  Learner(policy::Policy ran_under, std::string home, std::string workspace)
      : base_(std::move(ran_under)), home_(std::move(home)), workspace_(std::move(workspace)) {}
  void add(const core::AuditRecord& record);
  uint64_t records() const { return records_; }
  // The file, commented: each rule with the record that asked for it. A program that the run made is not there when a
  // sandbox starts, so it stands for all of its directory; `is_there` tells which the workspace has.
  std::string write(std::string_view name, std::string_view sandbox,
                    const std::function<bool(const std::string& path)>& is_there) const;

 private:
  std::string place(const std::string& path) const;
  std::string program(const std::string& path, bool is_made) const;

  policy::Policy base_;
  std::string home_;
  std::string workspace_;
  uint64_t records_ = 0;
  // Each with the first record that asked.
  std::map<std::string, uint64_t> programs_;                                    // absolute
  std::map<std::pair<std::string, bool>, std::map<uint16_t, uint64_t>> hosts_;  // host, private
  std::map<uint16_t, uint64_t> host_ports_;
  std::map<std::string, uint64_t> read_;
  std::map<std::string, uint64_t> written_;
};

}  // namespace hv::service
