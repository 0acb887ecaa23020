// Credentials that are known by their own look, wherever they stand: a provider's prefix, a JSON web token, a private
// key in PEM.
#pragma once

#include <cstddef>
#include <string_view>

namespace hv::core {

// How many characters at the start of `text` are one; 0 for none. `text` begins where a word does. A private key whose
// end is missing goes on to the end of `text`.
size_t known_key_length(std::string_view text);

}  // namespace hv::core
