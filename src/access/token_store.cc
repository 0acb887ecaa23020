#include "access/token_store.h"

#include <algorithm>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/json.h"
#include "base/text.h"

namespace hv::access {

using base::Failure;
using base::format;
using base::Result;
using base::Status;

namespace {

constexpr int64_t kVersion = 1;
constexpr size_t kLargestFile = size_t{16} << 20;
constexpr size_t kMostTokens = 10'000;

base::json::Array texts(const std::vector<std::string>& from) {
  base::json::Array array;
  for (const std::string& text : from) array.emplace_back(text);
  return array;
}

base::json::Object to_json(const Token& token) {
  const core::TokenInfo& info = token.info;
  base::json::Object object{{"id", info.id},
                            {"principal", info.principal},
                            {"sha256", base::to_hex(base::as_view(token.hash))},
                            {"actions", texts(info.actions)},
                            {"sandboxes", texts(info.sandboxes)},
                            {"created", base::to_rfc3339(info.created)},
                            {"expires", base::to_rfc3339(info.expires)},
                            {"made_by", info.made_by}};
  if (info.role) object["role"] = *info.role;
  if (info.parent) object["parent"] = *info.parent;
  return object;
}

Result<Token> from_json(const base::json::Value& value) {
  auto reader = HV_TRY(base::json::ObjectReader::over(value));
  Token token;
  core::TokenInfo& info = token.info;
  info.id = HV_TRY(reader.string("id"));
  info.principal = HV_TRY(reader.string("principal"));
  std::string hex = HV_TRY(reader.string("sha256"));
  std::string hash = HV_TRY(base::from_hex(hex));
  if (hash.size() != token.hash.size()) return Failure(base::invalid_argument("'sha256' has another length"));
  std::ranges::copy(hash, token.hash.begin());
  info.actions = HV_TRY(reader.strings("actions"));
  info.sandboxes = HV_TRY(reader.strings("sandboxes"));
  std::string created = HV_TRY(reader.string("created"));
  std::string expires = HV_TRY(reader.string("expires"));
  info.created = HV_TRY(base::from_rfc3339(created));
  info.expires = HV_TRY(base::from_rfc3339(expires));
  info.made_by = HV_TRY(reader.string("made_by"));
  info.role = HV_TRY(reader.optional_string("role"));
  info.parent = HV_TRY(reader.optional_string("parent"));
  HV_TRY(reader.finish());
  (void)HV_TRY(core::Principal::parse(info.principal));
  return token;
}

Failure not_valid() {
  return Failure(base::denied("the token is not valid here: unknown, revoked or expired")
                     .with_hint("who gave it out can give another one: hydravisor token create"));
}

}  // namespace

TokenStore::TokenStore(std::string path) : path_(std::move(path)) {
  Result<Tokens> tokens = load(path_);
  auto state = state_.lock();
  if (tokens)
    state->tokens = *std::move(tokens);
  else
    state->readable = Failure(std::move(tokens).error().with_context("no token holds"));
}

Result<TokenStore::Tokens> TokenStore::load(const std::string& path) {
  Result<base::Fd> file = base::open_file(path, O_RDONLY | O_NOFOLLOW);
  if (!file && file.error().os_error() == ENOENT) return Tokens{};
  if (!file) return Failure(std::move(file).error());
  struct stat about{};
  if (::fstat(file->get(), &about) != 0) return Failure(base::Error::from_errno(errno, "look at", path));
  if (about.st_uid != ::geteuid() || (about.st_mode & 077) != 0)
    return Failure(base::denied(path + " can be read or written by others")
                       .with_hint("whose it was may have tokens now: remove it, and give out new ones"));
  std::string text = HV_TRY(base::read_all(file->get(), kLargestFile));
  base::json::Value value = HV_TRY_CONTEXT(base::json::parse(text), path);
  auto reader = HV_TRY_CONTEXT(base::json::ObjectReader::over(value), path);
  if (int64_t version = HV_TRY_CONTEXT(reader.integer("version"), path); version != kVersion)
    return Failure(
        base::unsupported(format("{}: written by another version of Hydravisor (format {})", path, version)));
  Tokens tokens;
  const base::json::Value* items = reader.member("tokens");
  if (items == nullptr || !items->is_array()) return Failure(base::invalid_argument(path + ": 'tokens' is missing"));
  for (const base::json::Value& item : items->get_array()) {
    Token token = HV_TRY_CONTEXT(from_json(item), path);
    std::string id = token.info.id;
    tokens[id] = std::move(token);
  }
  HV_TRY_CONTEXT(reader.finish(), path);
  return tokens;
}

Status TokenStore::save(const Tokens& tokens) const {
  base::json::Array items;
  for (const auto& [id, token] : tokens) items.emplace_back(to_json(token));
  base::json::Object file{{"version", kVersion}, {"tokens", std::move(items)}};
  return base::write_file_atomically(path_, base::json::serialize(file) + "\n", 0600);
}

// Itself and all that it came from: a child whose parent is gone is worth nothing.
Result<const Token*> TokenStore::holding(const State& state, std::string_view id, base::WallTime now) {
  if (!state.readable) return Failure(state.readable.error());
  const Token* first = nullptr;
  std::string_view at = id;
  for (size_t depth = 0; depth <= state.tokens.size(); ++depth) {
    auto found = state.tokens.find(at);
    if (found == state.tokens.end() || found->second.info.expires <= now || state.dead.contains(at)) return not_valid();
    if (first == nullptr) first = &found->second;
    if (!found->second.info.parent) return first;
    at = *found->second.info.parent;
  }
  return not_valid();
}

Result<core::TokenInfo> TokenStore::find(std::string_view text, base::WallTime now) const {
  std::optional<TokenText> shown = TokenText::parse(text);
  if (!shown) return Failure(base::denied("what was shown is not a token of Hydravisor"));
  auto state = state_.lock();
  const Token* token = HV_TRY(holding(*state, shown->id, now));
  if (!base::equal_in_constant_time(token->hash, shown->hash())) return not_valid();
  return token->info;
}

Result<Subject> TokenStore::subject(std::string_view id, base::WallTime now) const {
  auto state = state_.lock();
  const Token* token = HV_TRY(holding(*state, id, now));
  Subject subject{HV_TRY(core::Principal::parse(token->info.principal)), token->info.role, {}};
  while (true) {
    subject.limits.push_back(limit_of(token->info));
    if (!token->info.parent) return subject;
    token = &state->tokens.find(*token->info.parent)->second;
  }
}

Result<core::TokenMade> TokenStore::mint(const core::TokenRequest& request, const std::string& made_by,
                                         const std::string& parent, base::WallTime now) {
  HV_TRY(check_request(request));
  TokenText text = HV_TRY(TokenText::generate());
  Token token;
  token.hash = text.hash();
  token.info = {text.id, request.principal, request.role, request.actions, request.sandboxes, now, {}, made_by, {}};
  std::chrono::milliseconds lifetime =
      request.lifetime_ms ? std::chrono::milliseconds(*request.lifetime_ms) : kUsualLifetime;
  token.info.expires = now + lifetime;
  if (!parent.empty()) {
    Subject asking = HV_TRY(subject(parent, now));
    if (auto why = why_wider(request, asking.limits))
      return Failure(base::denied("a token mints weaker ones only: " + *why));
  }
  auto state = state_.lock();
  if (!state->readable) return Failure(state->readable.error());
  Tokens tokens = state->tokens;
  std::erase_if(tokens,
                [&](const auto& each) { return each.second.info.expires <= now || state->dead.contains(each.first); });
  if (tokens.size() >= kMostTokens)
    return Failure(base::conflict("there are too many tokens").with_hint("revoke some: hydravisor token ls"));
  if (!parent.empty()) {
    auto from = tokens.find(parent);
    if (from == tokens.end()) return not_valid();
    if (request.lifetime_ms && token.info.expires > from->second.info.expires)
      return Failure(base::denied(format("a token mints weaker ones only: token {} itself ends at {}", parent,
                                         base::to_rfc3339(from->second.info.expires))));
    token.info.expires = std::min(token.info.expires, from->second.info.expires);
    token.info.parent = parent;
  }
  core::TokenMade made{text.text(), token.info};
  tokens[token.info.id] = std::move(token);
  HV_TRY_CONTEXT(save(tokens), "keep the token");
  state->tokens = std::move(tokens);
  state->dead.clear();
  state->next_expiry = {};
  return made;
}

Result<core::TokenInfo> TokenStore::info(std::string_view id) const {
  auto state = state_.lock();
  if (!state->readable) return Failure(state->readable.error());
  if (auto found = state->tokens.find(id); found != state->tokens.end()) return found->second.info;
  std::vector<std::string> known;
  for (const auto& [other, token] : state->tokens) known.push_back(other);
  base::Error error = base::not_found(format("no token '{}'", base::printable(id.substr(0, 80))));
  auto near = base::nearest(id, known);
  return Failure(
      std::move(error).with_hint(near ? format("did you mean '{}'?", *near) : "hydravisor token ls shows all"));
}

Result<std::vector<core::TokenInfo>> TokenStore::revoke(std::string_view id) {
  (void)HV_TRY(info(id));
  auto state = state_.lock();
  std::set<std::string, std::less<>> going{std::string(id)};
  for (size_t before = 0; before != going.size();) {
    before = going.size();
    for (const auto& [other, token] : state->tokens)
      if (token.info.parent && going.contains(*token.info.parent)) going.insert(other);
  }
  std::vector<core::TokenInfo> gone;
  for (const std::string& each : going)
    if (auto found = state->tokens.find(each); found != state->tokens.end()) gone.push_back(found->second.info);
  state->dead.insert(going.begin(), going.end());
  if (Status buried = bury(*state); !buried)
    return Failure(std::move(buried).error().with_context(
        "the token holds no more, but that could not be kept: a daemon that starts anew would take it for good"));
  return gone;
}

// Called under the lock. What is dead leaves the file, and is forgotten when it has.
Status TokenStore::bury(State& state) const {
  Tokens tokens = state.tokens;
  std::erase_if(tokens, [&](const auto& each) { return state.dead.contains(each.first); });
  HV_TRY(save(tokens));
  state.tokens = std::move(tokens);
  state.dead.clear();
  return {};
}

void TokenStore::expire(base::WallTime now) {
  auto state = state_.lock();
  if (now < state->next_expiry) return;
  bool found = false;
  state->next_expiry = base::WallTime::max();
  for (const auto& [id, token] : state->tokens) {
    if (token.info.expires <= now)
      found |= state->dead.insert(id).second;
    else
      state->next_expiry = std::min(state->next_expiry, token.info.expires);
  }
  // One that could not be written is dead in memory at least, and goes with the next that can.
  if (found) static_cast<void>(bury(*state));
}

Result<std::vector<core::TokenInfo>> TokenStore::list(base::WallTime now) const {
  auto state = state_.lock();
  if (!state->readable) return Failure(state->readable.error());
  std::vector<core::TokenInfo> all;
  for (const auto& [id, token] : state->tokens)
    if (holding(*state, id, now)) all.push_back(token.info);
  std::ranges::sort(all, {}, &core::TokenInfo::created);
  return all;
}

}  // namespace hv::access
