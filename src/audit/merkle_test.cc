#include "audit/merkle.h"

#include <gtest/gtest.h>

#include <string>

#include "base/text.h"

namespace hv::audit {
namespace {

std::string hex(const Digest& digest) {
  return base::to_hex(base::as_view(digest));
}

// The reference leaves of Certificate Transparency and the roots of their first 0 to 8.
std::vector<Digest> reference_leaves() {
  std::vector<Digest> leaves;
  for (const char* entry :
       {"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"})
    leaves.push_back(leaf_hash(*base::from_hex(entry)));
  return leaves;
}
constexpr const char* kRoots[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

// The definition of RFC 6962 section 2.1, as slow as it is short.
Digest by_definition(const std::vector<Digest>& leaves, size_t lo, size_t hi) {
  if (hi - lo == 1) return leaves[lo];
  size_t k = 1;
  while (k * 2 < hi - lo) k *= 2;
  return node_hash(by_definition(leaves, lo, lo + k), by_definition(leaves, lo + k, hi));
}

std::vector<Digest> numbered_leaves(size_t count) {
  std::vector<Digest> leaves;
  for (size_t i = 0; i < count; ++i) leaves.push_back(leaf_hash(std::to_string(i)));
  return leaves;
}

TEST(Merkle, HasTheRootsOfTheReferenceTrees) {
  std::vector<Digest> leaves = reference_leaves();
  for (size_t size = 0; size <= leaves.size(); ++size)
    EXPECT_EQ(hex(root_of({leaves.begin(), leaves.begin() + static_cast<ptrdiff_t>(size)})), kRoots[size]) << size;
}

TEST(Merkle, GrowsToTheRootThatTheDefinitionGives) {
  std::vector<Digest> leaves = numbered_leaves(130);
  CompactRange range;
  for (size_t i = 0; i < leaves.size(); ++i) {
    range.append(leaves[i]);
    ASSERT_EQ(range.root(), by_definition(leaves, 0, i + 1)) << i + 1;
  }
}

TEST(Merkle, GrowsBySubtreesAsByLeaves) {
  std::vector<Digest> leaves = numbered_leaves(45);
  CompactRange range;
  for (size_t lo = 0; lo < 40; lo += 8) range.append_subtree(by_definition(leaves, lo, lo + 8), 3);
  for (size_t i = 40; i < 45; ++i) range.append(leaves[i]);
  EXPECT_EQ(range.size(), 45u);
  EXPECT_EQ(range.root(), root_of(leaves));
}

TEST(Merkle, SaysWhichSubtreesALeafCompletes) {
  std::vector<Digest> leaves = numbered_leaves(8);
  CompactRange range;
  std::vector<int> heights;
  for (const Digest& leaf : leaves) range.append(leaf, [&](int height, const Digest&) { heights.push_back(height); });
  EXPECT_EQ(heights, (std::vector<int>{1, 1, 2, 1, 1, 2, 3}));
}

TEST(Merkle, ProvesInclusionOfEveryLeafInEveryTreeAndOfNothingElse) {
  std::vector<Digest> leaves = numbered_leaves(20);
  SubtreeRoot subtree = [&](uint64_t lo, uint64_t hi) { return by_definition(leaves, lo, hi); };
  for (uint64_t size = 1; size <= leaves.size(); ++size) {
    Digest root = by_definition(leaves, 0, size);
    for (uint64_t index = 0; index < size; ++index) {
      std::vector<Digest> proof = inclusion_proof(index, size, subtree);
      EXPECT_TRUE(check_inclusion(leaves[index], index, size, proof, root));
      EXPECT_FALSE(check_inclusion(leaf_hash("forged"), index, size, proof, root));
      EXPECT_FALSE(check_inclusion(leaves[index], size, size, proof, root));
      proof.push_back(root);
      EXPECT_FALSE(check_inclusion(leaves[index], index, size, proof, root)) << "a longer proof";
      proof.pop_back();
      if (proof.empty()) continue;
      proof[0][0] ^= 1;
      EXPECT_FALSE(check_inclusion(leaves[index], index, size, proof, root));
      proof.pop_back();
      EXPECT_FALSE(check_inclusion(leaves[index], index, size, proof, root)) << "a shorter proof";
    }
  }
}

TEST(Merkle, ProvesThatATreeExtendsEveryEarlierOne) {
  std::vector<Digest> leaves = numbered_leaves(20);
  SubtreeRoot subtree = [&](uint64_t lo, uint64_t hi) { return by_definition(leaves, lo, hi); };
  for (uint64_t size = 1; size <= leaves.size(); ++size) {
    Digest root = by_definition(leaves, 0, size);
    for (uint64_t old_size = 1; old_size <= size; ++old_size) {
      Digest old_root = by_definition(leaves, 0, old_size);
      std::vector<Digest> proof = consistency_proof(old_size, size, subtree);
      EXPECT_TRUE(check_consistency(old_size, old_root, size, root, proof)) << old_size << " of " << size;
      Digest rewritten = old_root;
      rewritten[5] ^= 4;
      EXPECT_FALSE(check_consistency(old_size, rewritten, size, root, proof));
      proof.push_back(root);
      EXPECT_FALSE(check_consistency(old_size, old_root, size, root, proof));
    }
  }
  EXPECT_FALSE(check_consistency(0, leaves[0], 5, leaves[0], {}));
}

}  // namespace
}  // namespace hv::audit
