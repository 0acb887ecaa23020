#include "images/secret_paths.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "images/host_view.h"

namespace hv::images {

namespace {

// Relative to the home. Names only: a file that appears later is covered too.
constexpr std::string_view kSecrets[] = {
    ".ssh",
    ".gnupg",
    ".password-store",
    ".aws",
    ".azure",
    ".oci",
    ".boto",
    ".s3cfg",
    ".kube",
    ".minikube",
    ".docker",
    ".fly",
    ".vault-token",
    ".databrickscfg",
    ".snowflake",
    ".terraform.d/credentials.tfrc.json",
    ".netrc",
    ".git-credentials",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pypirc",
    ".pip",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".cargo/config.toml",
    ".gem/credentials",
    ".bundle/config",
    ".composer/auth.json",
    ".m2/settings.xml",
    ".m2/settings-security.xml",
    ".gradle/gradle.properties",
    ".nuget",
    ".pgpass",
    ".my.cnf",
    ".mozilla",
    ".thunderbird",
    ".bash_history",
    ".zsh_history",
    ".python_history",
    ".node_repl_history",
    ".claude.json",
    ".claude/.credentials.json",
    ".codex/auth.json",
    ".gemini/oauth_creds.json",
    ".qwen/oauth_creds.json",
    ".pi/agent/auth.json",
    ".aider/oauth-keys.env",
    ".env",
    ".bitcoin",
    ".electrum",
    ".ethereum",
    ".dbus",
    ".pki",
    ".Xauthority",
    ".ICEauthority",
    ".config/gh",
    ".config/gcloud",
    ".config/git/credentials",
    ".config/hydravisor",
    ".local/share/keyrings",
    ".local/share/kwalletd",
    ".local/share/containers",
    ".local/share/opencode/auth.json",
    ".local/share/goose",
    ".local/state/hydravisor",
    ".cache/keyring",
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

}  // namespace

std::string secret_within(std::string_view path, std::string_view home) {
  if (home.empty() || home == "/") return {};
  if (lies_in(home, path)) return std::string(home);
  if (!lies_in(path, home)) return {};
  std::string_view below = path.substr(home.size() + 1);
  // The usual directories for settings and data hold too much to be named in full.
  for (std::string_view whole : {".config", ".cache", ".local", ".local/share", ".local/state"})
    if (below == whole) return std::string(path);
  for (std::string_view secret : kSecrets)
    if (lies_in(secret, below) || lies_in(below, secret)) return std::string(home) + "/" + std::string(secret);
  return {};
}

bool is_credential_file(std::string_view name) {
  std::string text = lower(name);
  for (std::string_view part :
       {"credential", "oauth", "secret", "token", "password", "keyring", "private_key", "apikey", "api_key"})
    if (text.find(part) != std::string::npos) return true;
  for (std::string_view whole :
       {"auth.json", ".env", "id_rsa", "id_ed25519", "id_ecdsa", ".netrc", ".npmrc", ".pypirc", "cookies"})
    if (text == whole) return true;
  for (std::string_view end : {".pem", ".key", ".p12", ".pfx", ".kdbx", ".keystore", ".jks", ".env"})
    if (text.ends_with(end)) return true;
  return text.starts_with(".env.");
}

}  // namespace hv::images
