// The Merkle tree of RFC 6962 section 2.1: leaf and node hashes, the right edge of a growing tree, and the two proofs.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/crypto.h"

namespace hv::audit {

using base::Digest;

Digest leaf_hash(std::string_view entry);
Digest node_hash(const Digest& left, const Digest& right);
// The root of a tree whose leaves have these hashes. Of none: the hash of the empty string.
Digest root_of(const std::vector<Digest>& leaves);

// The right edge of a tree: the roots of its complete subtrees, largest first. Grows by one leaf or by one complete
// subtree at a time.
class CompactRange {
 public:
  using OnNode = std::function<void(int height, const Digest& node)>;

  uint64_t size() const { return size_; }
  // `on_node`, if given, hears of every complete subtree of height > 0 that this leaf completes, lowest first.
  void append(const Digest& leaf, const OnNode& on_node = {});
  // A complete subtree of 2^height leaves; size() must be a multiple of that.
  void append_subtree(const Digest& node, int height, const OnNode& on_node = {});
  Digest root() const;

 private:
  uint64_t size_ = 0;
  std::vector<Digest> nodes_;
};

// Roots of the subtrees [lo, hi) that a proof needs come from here; the ranges asked for are complete subtrees or end
// at the tree's size.
using SubtreeRoot = std::function<Digest(uint64_t lo, uint64_t hi)>;

// RFC 6962 section 2.1.1: from the leaf's sibling up. index < size.
std::vector<Digest> inclusion_proof(uint64_t index, uint64_t size, const SubtreeRoot& subtree);
// RFC 6962 section 2.1.2: 0 < old_size <= size.
std::vector<Digest> consistency_proof(uint64_t old_size, uint64_t size, const SubtreeRoot& subtree);
bool check_inclusion(const Digest& leaf, uint64_t index, uint64_t size, const std::vector<Digest>& proof,
                     const Digest& root);
bool check_consistency(uint64_t old_size, const Digest& old_root, uint64_t size, const Digest& root,
                       const std::vector<Digest>& proof);

}  // namespace hv::audit
