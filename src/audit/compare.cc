#include "audit/compare.h"

#include <cstring>
#include <unordered_map>

namespace hv::audit {

namespace {

struct HashOfHash {
  size_t operator()(const Digest& digest) const {
    size_t value = 0;
    std::memcpy(&value, digest.data(), sizeof value);
    return value;
  }
};
using Places = std::unordered_map<Digest, size_t, HashOfHash>;

Places places_of(const std::vector<Digest>& leaves) {
  Places places;
  places.reserve(leaves.size());
  // The envelope holds its index, so that no two honest leaves are alike; of forged doubles the first counts.
  for (size_t i = 0; i < leaves.size(); ++i) places.emplace(leaves[i], i);
  return places;
}

std::optional<size_t> find(const Places& places, const Digest& leaf) {
  auto found = places.find(leaf);
  return found == places.end() ? std::nullopt : std::optional(found->second);
}

void add(std::vector<Difference>& differences, ProblemKind kind, uint64_t index) {
  if (!differences.empty() && differences.back().kind == kind && differences.back().entries.last + 1 == index) {
    differences.back().entries.last = index;
  } else {
    differences.push_back({kind, {index, index}});
  }
}

}  // namespace

std::vector<Difference> compare_leaves(const std::vector<Digest>& sealed, const std::vector<Digest>& found,
                                       uint64_t first) {
  Places sealed_places = places_of(sealed);
  Places found_places = places_of(found);
  std::vector<Difference> differences;
  size_t s = 0;
  size_t f = 0;
  while (s < sealed.size() && f < found.size()) {
    if (sealed[s] == found[f]) {
      ++s, ++f;
      continue;
    }
    std::optional<size_t> found_elsewhere = find(sealed_places, found[f]);   // where what is found here belongs
    std::optional<size_t> sealed_elsewhere = find(found_places, sealed[s]);  // where what belongs here is found
    if (!sealed_elsewhere && found_elsewhere && *found_elsewhere > s) {
      add(differences, ProblemKind::missing, first + s++);
    } else if (!found_elsewhere && sealed_elsewhere && *sealed_elsewhere > f) {
      add(differences, ProblemKind::inserted, first + f++);
    } else if (!sealed_elsewhere && !found_elsewhere) {
      add(differences, ProblemKind::changed, first + s++);
      ++f;
    } else {
      // Both exist, in other places; or one is the echo of an entry already passed.
      add(differences, ProblemKind::reordered, first + s++);
      ++f;
    }
  }
  if (s < sealed.size()) differences.push_back({ProblemKind::truncated, {first + s, first + sealed.size() - 1}});
  return differences;
}

}  // namespace hv::audit
