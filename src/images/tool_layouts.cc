#include "images/tool_layouts.h"

namespace hv::images {

namespace {

// One mount instead of many: these hold tools alone.
constexpr std::string_view kWhole[] = {"."};
constexpr std::string_view kFnm[] = {"node-versions", "aliases"};
constexpr std::string_view kAsdfHome[] = {".tool-versions", ".asdfrc"};
constexpr std::string_view kMiseHome[] = {".tool-versions", ".config/mise/config.toml"};
constexpr std::string_view kVolta[] = {"bin", "tools"};
constexpr std::string_view kBun[] = {"bin", "install/global"};
constexpr std::string_view kPnpm[] = {"*", "bin", "global", "nodejs", ".tools"};
constexpr std::string_view kUv[] = {"tools", "python"};
constexpr std::string_view kPipx[] = {"venvs", "shared", "py"};
constexpr std::string_view kLocal[] = {"bin", "lib"};
constexpr std::string_view kGhcup[] = {"bin", "ghc", "cache/ghcup-0.0.8.yaml"};
constexpr std::string_view kJulia[] = {"*", "juliaup"};
constexpr std::string_view kDotnet[] = {"*", "sdk", "shared", "host", "packs", "tools", "templates"};
constexpr std::string_view kBrew[] = {"bin",
                                      "sbin",
                                      "lib",
                                      "libexec",
                                      "opt",
                                      "Cellar",
                                      "share",
                                      "include",
                                      "Homebrew",
                                      "etc/openssl@3",
                                      "etc/ca-certificates"};

// ~/.local/bin is where uv, pipx and installers put links to tools that they keep elsewhere.
constexpr ToolLayout kLayouts[] = {
    {"nvm", "NVM_DIR", ".nvm", "", "", kWhole, {}, "NVM_DIR"},
    {"fnm", "FNM_DIR", ".local/share/fnm", "", "", kFnm, {}, "FNM_DIR"},
    {"mise", "MISE_DATA_DIR", ".local/share/mise", "", "", kWhole, kMiseHome, "MISE_DATA_DIR"},
    {"asdf", "ASDF_DATA_DIR", ".asdf", "", "", kWhole, kAsdfHome, "ASDF_DATA_DIR"},
    {"pyenv", "PYENV_ROOT", ".pyenv", "", "", kWhole, {}, "PYENV_ROOT"},
    {"rbenv", "RBENV_ROOT", ".rbenv", "", "", kWhole, {}, "RBENV_ROOT"},
    {"nodenv", "NODENV_ROOT", ".nodenv", "", "", kWhole, {}, "NODENV_ROOT"},
    {"goenv", "GOENV_ROOT", ".goenv", "", "", kWhole, {}, "GOENV_ROOT"},
    {"rustup", "CARGO_HOME", ".cargo", "RUSTUP_HOME", ".rustup", kWhole, {}, "RUSTUP_HOME"},
    {"volta", "VOLTA_HOME", ".volta", "", "", kVolta, {}, "VOLTA_HOME"},
    {"bun", "BUN_INSTALL", ".bun", "", "", kBun, {}, ""},
    {"sdkman", "SDKMAN_DIR", ".sdkman", "", "", kWhole, {}, "SDKMAN_DIR"},
    {"pnpm", "PNPM_HOME", ".local/share/pnpm", "", "", kPnpm, {}, "PNPM_HOME"},
    {"uv", "", ".local/bin", "UV_TOOL_DIR", ".local/share/uv", kUv, {}, ""},
    {"pipx", "", ".local/bin", "PIPX_HOME", ".local/share/pipx", kPipx, {}, ""},
    {"pipx (old place)", "", ".local/bin", "", ".local/pipx", kPipx, {}, ""},
    {"local", "", ".local/bin", "", ".local", kLocal, {}, ""},
    {"elan", "ELAN_HOME", ".elan", "", "", kWhole, {}, "ELAN_HOME"},
    {"ghcup", "", ".ghcup", "", "", kGhcup, {}, ""},
    {"juliaup", "", ".juliaup", "", ".julia/juliaup", kJulia, {}, ""},
    {"dotnet", "DOTNET_ROOT", ".dotnet", "", "", kDotnet, {}, "DOTNET_ROOT"},
    {"Homebrew", "HOMEBREW_PREFIX", "/home/linuxbrew/.linuxbrew", "", "", kBrew, {}, "HOMEBREW_PREFIX"},
    {"Homebrew in the home", "", ".linuxbrew", "", "", kBrew, {}, ""},
};

}  // namespace

std::span<const ToolLayout> tool_layouts() {
  return kLayouts;
}

}  // namespace hv::images
