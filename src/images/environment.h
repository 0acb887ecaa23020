// The environment inside: nothing passes but a short safe list and what was named.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "images/host_view.h"

namespace hv::images {

// True for names that usually hold a secret: TOKEN, KEY, SECRET, PASSWORD, CREDENTIAL, AUTH and their like as one of
// the name's words.
bool looks_secret(std::string_view name);

struct EnvironmentRequest {
  std::vector<std::string> path;      // PATH inside
  std::vector<core::Variable> tools;  // what the toolchain needs
  std::vector<std::string>
      pass;  // of policy and profile: exact names, or PREFIX*, which never passes a secret-looking name
  std::vector<core::Variable> set;  // of the profile, then of the user's --env: these win over everything
  std::string home;                 // inside
  std::string shell;                // inside
};

// "K=V" lines, sorted by name.
std::vector<std::string> make_environment(const HostView& host, const EnvironmentRequest& request);

}  // namespace hv::images
