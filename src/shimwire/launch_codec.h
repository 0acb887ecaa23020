// core::LaunchSpec and what it is made of, as bytes.
#pragma once

#include "core/launch.h"
#include "shimwire/codec.h"

namespace hv::shimwire {

void write(Writer& writer, const core::Command& command);
core::Command read_command(Reader& reader);
void write(Writer& writer, const std::vector<core::Mount>& mounts);
std::vector<core::Mount> read_mounts(Reader& reader);
void write(Writer& writer, const core::Groundwork& ground);
core::Groundwork read_groundwork(Reader& reader);

std::string encode(const core::LaunchSpec& spec);
base::Result<core::LaunchSpec> decode_launch_spec(std::string_view data);

}  // namespace hv::shimwire
