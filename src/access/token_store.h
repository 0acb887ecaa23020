// The tokens that were given out, in one file of the state directory, which holds no token but hashes. Thread-safe.
// Only the daemon writes it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "access/token.h"
#include "base/guarded.h"

namespace hv::access {

class TokenStore {
 public:
  // A file that cannot be read, or that others can, makes every token invalid and refuses new ones: the reason is what
  // they are answered.
  explicit TokenStore(std::string path);

  // Whose token it is, with the limits of all that it came from. denied for what is no token, unknown, revoked or
  // expired.
  base::Result<core::TokenInfo> find(std::string_view text, base::WallTime now) const;
  // The same by its id, for one that was shown before.
  base::Result<Subject> subject(std::string_view id, base::WallTime now) const;
  // Makes a token and keeps its hash. `parent` is the token that asks, or "": a child ends no later than it.
  // denied for what would be more than the parent may.
  base::Result<core::TokenMade> mint(const core::TokenRequest& request, const std::string& made_by,
                                     const std::string& parent, base::WallTime now);
  // Those that have expired are gone for good, and do not come back with a clock that is set back.
  void expire(base::WallTime now);
  // With all that came from it: those that went. not_found. Where that cannot be kept, they hold no more all the same,
  // as long as this lives, and the failure says so; asked again, it is tried again.
  base::Result<std::vector<core::TokenInfo>> revoke(std::string_view id);
  // By its id, whether it still holds or not. not_found.
  base::Result<core::TokenInfo> info(std::string_view id) const;
  // Those that hold, the oldest first.
  base::Result<std::vector<core::TokenInfo>> list(base::WallTime now) const;

 private:
  using Tokens = std::map<std::string, Token, std::less<>>;
  struct State {
    Tokens tokens;
    base::Status readable;
    // Revoked or expired, and still in the file, because it could not be written.
    std::set<std::string, std::less<>> dead;
    // No token expires before.
    base::WallTime next_expiry{};
  };
  base::Status bury(State& state) const;

  static base::Result<Tokens> load(const std::string& path);
  base::Status save(const Tokens& tokens) const;
  static base::Result<const Token*> holding(const State& state, std::string_view id, base::WallTime now);

  std::string path_;
  mutable base::Guarded<State> state_;
};

}  // namespace hv::access
