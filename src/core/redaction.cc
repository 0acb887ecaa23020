#include "core/redaction.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "base/format.h"
#include "base/text.h"
#include "core/character.h"
#include "core/known_key.h"

namespace hv::core {

using base::Failure;
using base::Result;

namespace {

constexpr size_t kLongestName = 96;

constexpr std::string_view kHeaders[] = {"authorization", "proxyauthorization", "cookie",       "setcookie",
                                         "xapikey",       "xauthtoken",         "privatetoken", "xamzsecuritytoken"};
constexpr std::string_view kSecretEndings[] = {
    "password",   "passwd",     "passphrase",   "secret",     "token",         "apikey",
    "accesskey",  "secretkey",  "privatekey",   "signingkey", "encryptionkey", "accountkey",
    "masterkey",  "credential", "credentials",  "cookie",     "authorization", "sessionid",
    "sessionkey", "signature",  "clientsecret", "authkey",    "apitoken",      "pwd"};
constexpr std::string_view kSecretNames[] = {"sig", "pass", "jwt", "sid", "bearer"};
// End like a secret and are none.
constexpr std::string_view kPlainNames[] = {"pwd", "oldpwd", "cpwd", "nextpagetoken", "pagetoken", "csrftoken"};

// Which two characters a secret's name ends with: most names are told apart by these.
constexpr std::array<std::array<bool, 128>, 128> kEndings = [] {
  std::array<std::array<bool, 128>, 128> table{};
  auto add = [&](std::string_view name) {
    table[static_cast<size_t>(name[name.size() - 2])][static_cast<size_t>(name[name.size() - 1])] = true;
  };
  for (std::string_view ending : kSecretEndings) add(ending);
  for (std::string_view name : kSecretNames) add(name);
  return table;
}();

bool may_be_secret(std::string_view plain) {
  auto first = static_cast<unsigned char>(plain[plain.size() - 2]);
  auto second = static_cast<unsigned char>(plain[plain.size() - 1]);
  return first < 128 && second < 128 && kEndings[first][second];
}

// Letters and digits in lower case: `X-Api-Key`, `x_api_key` and `xApiKey` are one name.
std::optional<std::string_view> folded(std::string_view name, std::span<char> buffer) {
  size_t size = 0;
  for (char c : name) {
    if (c == '_' || c == '-' || c == '.') continue;
    if (size == buffer.size()) return std::nullopt;
    buffer[size++] = lower(c);
  }
  return std::string_view(buffer.data(), size);
}

bool is_header(std::string_view name) {
  std::array<char, 64> buffer{};
  auto plain = folded(name, buffer);
  return plain && std::ranges::find(kHeaders, *plain) != std::ranges::end(kHeaders);
}

bool ends_value(char c) {
  return is_space(c) || c == '&' || c == ';' || c == ',' || c == '"' || c == '\'' || c == '`' || c == ')' || c == '<' ||
         c == '>' || c == '|' || c == '}' || c == '\\';
}

// Reads text from left to right and writes what may be kept.
class Redactor {
 public:
  Redactor(std::string_view text, const Redaction* own) : text_(text), own_(own) {}

  size_t run() {
    while (at_ < text_.size()) {
      bool word_begins = at_ == 0 || !is_word(text_[at_ - 1]);
      if (word_begins && is_word(text_[at_])) {
        word();
      } else {
        ++at_;
      }
    }
    if (count_ > 0) kept_.append(text_.substr(copied_));
    return count_;
  }
  std::string take() { return std::move(kept_); }

 private:
  std::string_view rest(size_t from) const { return text_.substr(from); }
  char at(size_t place) const { return place < text_.size() ? text_[place] : '\0'; }
  bool is_secret(std::string_view name) const { return is_secret_name(name) || (own_ != nullptr && own_->names(name)); }

  void replace(size_t from, size_t to) {
    kept_.append(text_.substr(copied_, from - copied_)).append(kRedacted);
    copied_ = at_ = to;
    ++count_;
  }

  void word() {
    size_t length = known_key_length(rest(at_));
    if (length > 0) return replace(at_, at_ + length);
    size_t begin = at_;
    size_t end = at_;
    while (end < text_.size() && (is_word(text_[end]) || text_[end] == '.')) ++end;
    at_ = end;
    std::string_view name = text_.substr(begin, end - begin);
    if (rest(end).starts_with("://")) return url(end + 3);
    bool quoted = at(end) == '"' || at(end) == '\'';
    size_t next = end + (quoted ? 1 : 0);
    while (at(next) == ' ' && (quoted || at(next + 1) == '=' || at(next + 1) == ':')) ++next;
    char separator = at(next);
    if (separator == ':' && is_header(name)) return header(next + 1, begin);
    bool option = name.starts_with("--") && is_space(separator);
    if ((separator != '=' && separator != ':' && !option) || !is_secret(name)) return;
    if (separator == '=' || separator == ':') {
      if (rest(next).starts_with("::") || rest(next).starts_with("==")) return;
      ++next;
      while (separator == ':' && at(next) == ' ') ++next;
      return value(next);
    }
    // In a shell's line: --password word.
    if (next + 1 < text_.size() && text_[next + 1] != '-') return value(next + 1);
  }

  void value(size_t begin) {
    char quote = at(begin);
    size_t end = begin;
    if (quote == '"' || quote == '\'') {
      ++begin;
      end = begin;
      while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
      end = std::min(end, text_.size());
    } else {
      while (end < text_.size() && !ends_value(text_[end])) ++end;
    }
    finish(begin, end);
  }

  // Up to the end of the line, or of the quoted word that the header stands in.
  void header(size_t begin, size_t name_begin) {
    while (at(begin) == ' ') ++begin;
    char quote = name_begin > 0 ? text_[name_begin - 1] : '\0';
    if (quote != '"' && quote != '\'') quote = '\0';
    if (quote == '\0' && (at(begin) == '"' || at(begin) == '\'')) return value(begin);
    if (quote == '"' && at(begin) == '"') return value(begin);
    size_t end = begin;
    while (end < text_.size() && text_[end] != '\n' && text_[end] != '\r' && (quote == '\0' || text_[end] != quote))
      ++end;
    finish(begin, end);
  }

  void finish(size_t begin, size_t end) {
    std::string_view secret = text_.substr(begin, end - begin);
    // A reference to a variable tells nothing, and a reader wants to know which.
    bool reference = secret.starts_with('$') || secret.starts_with("%(") || secret.starts_with("{{");
    if (secret.empty() || reference || secret.starts_with(kRedacted)) {
      // Behind it, so that nothing is read twice.
      at_ = std::max(at_, end);
    } else {
      replace(begin, end);
    }
  }

  void url(size_t begin) {
    size_t end = begin;
    size_t colon = std::string_view::npos;
    size_t last = std::string_view::npos;
    for (; end < text_.size() && !is_space(text_[end]); ++end) {
      char c = text_[end];
      if (c == '/' || c == '?' || c == '#' || c == '"' || c == '\'') break;
      if (c == ':' && colon == std::string_view::npos) colon = end;
      if (c == '@') last = end;
    }
    at_ = begin;
    if (last == std::string_view::npos) return;
    if (colon != std::string_view::npos && colon < last) return finish(colon + 1, last);
    // A name alone is one; this long it is a token.
    if (last - begin >= 24) finish(begin, last);
  }

  std::string_view text_;
  const Redaction* own_;
  size_t at_ = 0;
  size_t copied_ = 0;
  size_t count_ = 0;
  std::string kept_;
};

// Programs whose short options take a password.
struct SecretOption {
  std::string_view program;
  std::string_view option;
  bool joined;        // -pSECRET
  bool separate;      // -p SECRET
  bool behind_colon;  // only what follows the first ':' (or '%')
};
constexpr SecretOption kOptions[] = {
    {"curl", "-u", true, true, true},         {"curl", "--user", false, true, true},
    {"curl", "-U", true, true, true},         {"curl", "--proxy-user", false, true, true},
    {"mysql", "-p", true, false, false},      {"mysqldump", "-p", true, false, false},
    {"mysqladmin", "-p", true, false, false}, {"mariadb", "-p", true, false, false},
    {"sshpass", "-p", true, true, false},     {"redis-cli", "-a", false, true, false},
    {"docker", "-p", false, true, false},     {"podman", "-p", false, true, false},
    {"smbclient", "-U", true, true, true},    {"7z", "-p", true, false, false},
    {"zip", "-P", false, true, false},        {"unzip", "-P", true, true, false},
    {"mongosh", "-p", true, true, false},     {"ldapsearch", "-w", true, true, false},
    {"http", "-a", true, true, true},         {"ftp", "-u", false, true, true},
};

size_t replace_secret(std::string& word, size_t from, bool behind_colon) {
  if (behind_colon) {
    size_t colon = word.find_first_of(":%", from);
    if (colon == std::string::npos) return 0;
    from = colon + 1;
  }
  std::string_view secret = std::string_view(word).substr(from);
  if (secret.empty() || secret.starts_with('$') || secret == kRedacted) return 0;
  word.replace(from, std::string::npos, kRedacted);
  return 1;
}

}  // namespace

bool is_secret_name(std::string_view name) {
  while (name.starts_with('-')) name.remove_prefix(1);
  std::array<char, 96> buffer{};
  auto plain = folded(name.size() > 96 ? name.substr(name.size() - 96) : name, buffer);
  if (!plain || plain->size() < 3 || !may_be_secret(*plain)) return false;
  if (std::ranges::find(kPlainNames, *plain) != std::ranges::end(kPlainNames)) return false;
  if (std::ranges::find(kSecretNames, *plain) != std::ranges::end(kSecretNames)) return true;
  return std::ranges::any_of(kSecretEndings, [&](std::string_view ending) { return plain->ends_with(ending); });
}

Result<Redaction> Redaction::of(const AuditRules& rules) {
  Redaction redaction;
  for (const std::string& text : rules.redact_names) {
    if (auto why = why_no_name(text)) return Failure(base::invalid_argument(*why));
    std::array<char, kLongestName> buffer{};
    std::string_view plain = text;
    Name name{"", plain.ends_with('*'), plain.starts_with('*')};
    if (name.begins) plain.remove_suffix(1);
    if (name.ends) plain.remove_prefix(1);
    name.text = *folded(plain, buffer);
    redaction.names_.push_back(std::move(name));
  }
  for (const std::string& text : rules.redact_patterns) {
    if (auto why = why_no_pattern(text)) return Failure(base::invalid_argument(*why));
    redaction.patterns_.push_back(HV_TRY(SecretPattern::parse(text)));
  }
  return redaction;
}

std::optional<std::string> Redaction::why_no_name(std::string_view text) {
  std::string_view plain = text;
  if (plain.ends_with('*'))
    plain.remove_suffix(1);
  else if (plain.starts_with('*'))
    plain.remove_prefix(1);
  auto letters = std::ranges::count_if(plain, [](char c) { return is_letter(c) || is_digit(c); });
  if (text.size() <= kLongestName && letters >= 3 &&
      std::ranges::all_of(plain, [](char c) { return is_word(c) || c == '.'; }))
    return std::nullopt;
  return base::format(
      "expected the name of a variable or an option, or its beginning or end with '*', with three letters or digits at "
      "least, such as \"ACME_*\"; found \"{}\"",
      base::printable(text.substr(0, 64)));
}

std::optional<std::string> Redaction::why_no_pattern(std::string_view text) {
  Result<SecretPattern> pattern = SecretPattern::parse(text);
  std::string why = !pattern                   ? pattern.error().message()
                    : pattern->find(kRedacted) ? "it would take what stands for a credential"
                                               : "";
  if (why.empty()) return std::nullopt;
  return base::format("{}; found \"{}\"", why, base::printable(text.substr(0, 160)));
}

bool Redaction::names(std::string_view name) const {
  if (names_.empty()) return false;
  // Of `acme.api.KEY` the last part counts as well as the whole.
  for (std::string_view part : {name, name.substr(name.rfind('.') + 1)}) {
    std::array<char, kLongestName> buffer{};
    auto plain = folded(part.size() > buffer.size() ? part.substr(part.size() - buffer.size()) : part, buffer);
    if (plain && std::ranges::any_of(names_, [&](const Name& known) {
          return known.begins ? plain->starts_with(known.text)
                 : known.ends ? plain->ends_with(known.text)
                              : *plain == known.text;
        }))
      return true;
  }
  return false;
}

bool Redaction::matches(std::string_view text) const {
  return std::ranges::any_of(patterns_, [&](const SecretPattern& pattern) { return pattern.find(text).has_value(); });
}

size_t Redaction::replace_matches(std::string& text) const {
  size_t count = 0;
  for (const SecretPattern& pattern : patterns_) {
    std::string kept;
    size_t copied = 0;
    while (auto match = pattern.find(text, copied)) {
      kept.append(text, copied, match->begin - copied).append(kRedacted);
      copied = match->end;
      ++count;
    }
    if (copied > 0) text = kept.append(text, copied);
  }
  return count;
}

size_t redact_text(std::string& text, const Redaction* own) {
  Redactor redactor(text, own);
  size_t count = redactor.run();
  if (count > 0) text = redactor.take();
  return own == nullptr ? count : count + own->replace_matches(text);
}

bool is_free_of_secrets(std::string_view text, const Redaction* own) {
  return Redactor(text, own).run() == 0 && (own == nullptr || !own->matches(text));
}

bool is_free_of_secrets(std::span<const std::string_view> arguments, const Redaction* own) {
  if (arguments.empty()) return true;
  std::string_view program = arguments[0].substr(arguments[0].rfind('/') + 1);
  if (std::ranges::find(kOptions, program, &SecretOption::program) != std::ranges::end(kOptions)) return false;
  return std::ranges::all_of(arguments, [&](std::string_view word) {
    bool names_one = word.starts_with("--") && word.find('=') == std::string_view::npos &&
                     (is_secret_name(word) || (own != nullptr && own->names(word)));
    return !word.starts_with("pass:") && !names_one && is_free_of_secrets(word, own);
  });
}

size_t redact_arguments(std::vector<std::string>& arguments, const Redaction* own) {
  if (arguments.empty()) return 0;
  std::string program = arguments[0].substr(arguments[0].rfind('/') + 1);
  size_t count = redact_text(arguments[0], own);
  enum class Next { ordinary, secret, behind_colon } next = Next::ordinary;
  for (size_t i = 1; i < arguments.size(); ++i) {
    std::string& word = arguments[i];
    Next now = std::exchange(next, Next::ordinary);
    if (now == Next::behind_colon || (now == Next::secret && !word.starts_with('-'))) {
      count += replace_secret(word, 0, now == Next::behind_colon);
      continue;
    }
    auto option = std::ranges::find_if(kOptions, [&](const SecretOption& known) {
      if (known.program != program || !word.starts_with(known.option)) return false;
      return word.size() == known.option.size() ? known.separate : known.joined;
    });
    if (option != std::ranges::end(kOptions)) {
      if (word.size() > option->option.size()) {
        count += replace_secret(word, option->option.size(), option->behind_colon);
      } else {
        next = option->behind_colon ? Next::behind_colon : Next::secret;
      }
      continue;
    }
    // openssl's spelling of a password on the command line.
    if (word.starts_with("pass:")) {
      count += replace_secret(word, 5, false);
      continue;
    }
    if (word.starts_with("--") && word.find('=') == std::string::npos &&
        (is_secret_name(word) || (own != nullptr && own->names(word)))) {
      next = Next::secret;
      continue;
    }
    count += redact_text(word, own);
  }
  // Also where an option took the word.
  if (own != nullptr)
    for (std::string& word : arguments) count += own->replace_matches(word);
  return count;
}

}  // namespace hv::core
