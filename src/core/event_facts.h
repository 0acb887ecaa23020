// What an event can be searched by, taken out of its payload: the same facts whether they go into an index or are held
// against a question.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "core/audit_query.h"

namespace hv::core {

struct EventFacts {
  std::vector<std::string> paths;  // files and directories, and paths of requests
  std::vector<std::string> hosts;  // names and addresses
  std::string verdict;
  std::vector<std::string> words;  // of every text and number in the payload, sorted, each once
};
EventFacts facts_of(const base::json::Object& payload);

// A text's words: runs of ASCII letters and digits, in lower case, and of bytes beyond ASCII. Of a longer one the first
// 64 bytes count.
void add_words(std::string_view text, std::vector<std::string>& words);

// One word of a question: "word", or "word*".
struct WantedWord {
  std::string word;
  bool beginning = false;
};
std::vector<WantedWord> wanted_words(std::string_view text);

// Parts of the argument. A path and everything that it lies below: "/a/b" gives "/a" and "/a/b".
std::vector<std::string_view> with_ancestors(std::string_view path);
// A host and the domains that it belongs to: "a.b.c" gives "c", "b.c" and "a.b.c"; an address only itself.
std::vector<std::string_view> with_domains(std::string_view host);

// Everything in the query but sandbox, times and indexes, which are the reader's to check.
bool matches_payload(const AuditQuery& query, const EventFacts& facts);

}  // namespace hv::core
