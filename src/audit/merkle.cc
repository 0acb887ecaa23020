#include "audit/merkle.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "base/check.h"

namespace hv::audit {

namespace {

// The largest power of two below `count`, which is at least 2.
uint64_t split_point(uint64_t count) {
  return uint64_t{1} << (63 - std::countl_zero(count - 1));
}

void inclusion_path(uint64_t index, uint64_t lo, uint64_t hi, const SubtreeRoot& subtree, std::vector<Digest>& proof) {
  if (hi - lo == 1) return;
  uint64_t middle = lo + split_point(hi - lo);
  if (index < middle) {
    inclusion_path(index, lo, middle, subtree, proof);
    proof.push_back(subtree(middle, hi));
  } else {
    inclusion_path(index, middle, hi, subtree, proof);
    proof.push_back(subtree(lo, middle));
  }
}

// `known` is true while [lo, old_size) reaches back to 0, so that the verifier knows its root already.
void consistency_path(uint64_t old_size, uint64_t lo, uint64_t hi, bool known, const SubtreeRoot& subtree,
                      std::vector<Digest>& proof) {
  if (old_size == hi) {
    if (!known) proof.push_back(subtree(lo, hi));
    return;
  }
  uint64_t middle = lo + split_point(hi - lo);
  if (old_size <= middle) {
    consistency_path(old_size, lo, middle, known, subtree, proof);
    proof.push_back(subtree(middle, hi));
  } else {
    consistency_path(old_size, middle, hi, false, subtree, proof);
    proof.push_back(subtree(lo, middle));
  }
}

// Walks down to the leaf and hashes on the way back up, taking the proof's hashes in order; empty when the proof is too
// short.
std::optional<Digest> replay_inclusion(const Digest& leaf, uint64_t index, uint64_t lo, uint64_t hi,
                                       const std::vector<Digest>& proof, size_t& used) {
  if (hi - lo == 1) return leaf;
  uint64_t middle = lo + split_point(hi - lo);
  bool left = index < middle;
  std::optional<Digest> below = left ? replay_inclusion(leaf, index, lo, middle, proof, used)
                                     : replay_inclusion(leaf, index, middle, hi, proof, used);
  if (!below || used == proof.size()) return std::nullopt;
  const Digest& sibling = proof[used++];
  return left ? node_hash(*below, sibling) : node_hash(sibling, *below);
}

struct TwoRoots {
  Digest old_root;
  Digest root;
};

std::optional<TwoRoots> replay_consistency(uint64_t old_size, uint64_t lo, uint64_t hi, bool known,
                                           const Digest& old_root, const std::vector<Digest>& proof, size_t& used) {
  if (old_size == hi) {
    if (known) return TwoRoots{old_root, old_root};
    if (used == proof.size()) return std::nullopt;
    const Digest& node = proof[used++];
    return TwoRoots{node, node};
  }
  uint64_t middle = lo + split_point(hi - lo);
  bool left = old_size <= middle;
  std::optional<TwoRoots> below = left ? replay_consistency(old_size, lo, middle, known, old_root, proof, used)
                                       : replay_consistency(old_size, middle, hi, false, old_root, proof, used);
  if (!below || used == proof.size()) return std::nullopt;
  const Digest& sibling = proof[used++];
  if (left) return TwoRoots{below->old_root, node_hash(below->root, sibling)};
  return TwoRoots{node_hash(sibling, below->old_root), node_hash(sibling, below->root)};
}

}  // namespace

Digest leaf_hash(std::string_view entry) {
  return base::sha256({std::string_view("\0", 1), entry});
}

Digest node_hash(const Digest& left, const Digest& right) {
  return base::sha256({std::string_view("\1", 1), base::as_view(left), base::as_view(right)});
}

Digest root_of(const std::vector<Digest>& leaves) {
  CompactRange range;
  for (const Digest& leaf : leaves) range.append(leaf);
  return range.root();
}

void CompactRange::append(const Digest& leaf, const OnNode& on_node) {
  append_subtree(leaf, 0, on_node);
}

void CompactRange::append_subtree(const Digest& node, int height, const OnNode& on_node) {
  HV_CHECK(height >= 0 && height < 64 && size_ % (uint64_t{1} << height) == 0);
  uint64_t grown = size_ + (uint64_t{1} << height);
  Digest merged = node;
  // Each set bit of the size from `height` up is a complete subtree that the new one completes to the next height.
  for (uint64_t rest = size_ >> height; (rest & 1) != 0; rest >>= 1) {
    merged = node_hash(nodes_.back(), merged);
    nodes_.pop_back();
    ++height;
    if (on_node) on_node(height, merged);
  }
  nodes_.push_back(merged);
  size_ = grown;
}

Digest CompactRange::root() const {
  if (nodes_.empty()) return base::sha256("");
  Digest root = nodes_.back();
  for (size_t i = nodes_.size() - 1; i-- > 0;) root = node_hash(nodes_[i], root);
  return root;
}

std::vector<Digest> inclusion_proof(uint64_t index, uint64_t size, const SubtreeRoot& subtree) {
  HV_CHECK(index < size);
  std::vector<Digest> proof;
  inclusion_path(index, 0, size, subtree, proof);
  return proof;
}

std::vector<Digest> consistency_proof(uint64_t old_size, uint64_t size, const SubtreeRoot& subtree) {
  HV_CHECK(old_size > 0 && old_size <= size);
  std::vector<Digest> proof;
  consistency_path(old_size, 0, size, true, subtree, proof);
  return proof;
}

bool check_inclusion(const Digest& leaf, uint64_t index, uint64_t size, const std::vector<Digest>& proof,
                     const Digest& root) {
  if (index >= size) return false;
  size_t used = 0;
  std::optional<Digest> computed = replay_inclusion(leaf, index, 0, size, proof, used);
  return computed && used == proof.size() && *computed == root;
}

bool check_consistency(uint64_t old_size, const Digest& old_root, uint64_t size, const Digest& root,
                       const std::vector<Digest>& proof) {
  if (old_size == 0 || old_size > size) return false;
  size_t used = 0;
  std::optional<TwoRoots> computed = replay_consistency(old_size, 0, size, true, old_root, proof, used);
  return computed && used == proof.size() && computed->old_root == old_root && computed->root == root;
}

}  // namespace hv::audit
