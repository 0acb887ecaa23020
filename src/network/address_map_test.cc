#include "network/address_map.h"

#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>

namespace hv::network {
namespace {

class AddressMapTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/hv-map-XXXXXX";
    directory_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  base::Result<AddressMap> open(AddressMap::Options options = {}) {
    options.sandbox_id = "01HZX";
    return AddressMap::open(*base::open_file(path(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600), options,
                            [this] { return now_; });
  }
  std::string path() const { return directory_ + "/addresses"; }
  std::string text() const { return *base::read_file(path()); }
  void append(std::string_view bytes) { std::ofstream(path(), std::ios::app) << bytes; }

  std::string directory_;
  uint64_t now_ = 1000;
};

TEST_F(AddressMapTest, GivesEachNameItsOwnPairOfAddresses) {
  AddressMap map = *open();
  NameAddresses a = *map.addresses_of("a.test"), b = *map.addresses_of("b.test");
  EXPECT_EQ(a.v4.text(), "198.18.0.1");
  EXPECT_EQ(b.v4.text(), "198.18.0.2");
  EXPECT_TRUE(map.prefix().contains(a.v6));
  EXPECT_EQ(map.addresses_of("a.test")->v4, a.v4);
  for (const core::IpAddress& address : {a.v4, a.v6}) EXPECT_EQ(map.name_of(address), "a.test");
  for (const core::IpAddress& address : {b.v4, b.v6}) EXPECT_EQ(map.name_of(address), "b.test");
}

TEST_F(AddressMapTest, KnowsNoOtherAddress) {
  AddressMap map = *open();
  NameAddresses a = *map.addresses_of("a.test");
  core::IpAddress other = a.v6;
  other.bytes[11] = 1;
  EXPECT_EQ(map.name_of(other), std::nullopt);
  EXPECT_EQ(map.name_of(map.prefix().first), std::nullopt);
  for (const char* text : {"198.18.0.0", "198.18.0.2", "198.17.255.255", "0.0.0.0", "255.255.255.255", "::", "::1"})
    EXPECT_EQ(map.name_of(*core::parse_address(text)), std::nullopt) << text;
}

TEST_F(AddressMapTest, SurvivesItsProcess) {
  NameAddresses b;
  {
    AddressMap map = *open();
    (void)map.addresses_of("a.test");
    b = *map.addresses_of("b.test");
  }
  AddressMap map = *open();
  EXPECT_EQ(map.size(), 2u);
  EXPECT_EQ(map.name_of(b.v6), "b.test");
  EXPECT_EQ(map.addresses_of("b.test")->v4, b.v4);
  EXPECT_EQ(map.addresses_of("c.test")->v4.text(), "198.18.0.3");
  EXPECT_EQ(text(), "hydravisor-addresses 1\n0 a.test\n1 b.test\n2 c.test\n");
}

TEST_F(AddressMapTest, IsReadFromItsBeginningWhereverTheDescriptorStands) {
  base::Fd kept = *base::open_file(path(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  AddressMap::Options options;
  options.sandbox_id = "01HZX";
  auto again = [&] { return AddressMap::open(*kept.duplicate(), options, [] { return uint64_t{1}; }); };
  core::IpAddress first = again()->addresses_of("a.test")->v4;
  EXPECT_EQ(again()->name_of(first), "a.test");
}

TEST_F(AddressMapTest, CutsOffATornRecordAtEveryByte) {
  {
    (void)open()->addresses_of("a.test");
  }
  std::string before = text();
  std::string record = "1 b.test";
  for (size_t size = 1; size <= record.size(); ++size) {
    append(record.substr(0, size));
    base::Result<AddressMap> map = open();
    ASSERT_TRUE(map) << map.error().text();
    EXPECT_EQ(map->size(), 1u);
    EXPECT_EQ(text(), before);
  }
  std::filesystem::resize_file(path(), 5);  // within the first line
  EXPECT_EQ(open()->size(), 0u);
  EXPECT_EQ(text(), "hydravisor-addresses 1\n");
}

TEST_F(AddressMapTest, RefusesDamageBecauseAnotherNameWouldBeDialled) {
  for (const char* line :
       {"2 gap.test\n", "x.test\n", "1  b.test\n", "01 b.test\n", "1 B.test\n", "1 a.test\n", "131070 b.test\n",
        "-1 b.test\n", "\n", "1 10.0.0.1\n", "1 b.test \n", "4294967296 b.test\n"}) {
    std::filesystem::remove(path());
    append("hydravisor-addresses 1\n0 a.test\n");
    append(line);
    base::Result<AddressMap> map = open();
    ASSERT_FALSE(map) << line;
    EXPECT_EQ(map.error().message(), "open the map of addresses: its line 3 is damaged");
  }
  std::filesystem::remove(path());
  append("hydravisor-addresses 2\n");
  EXPECT_EQ(open().error().message(), "open the map of addresses: it is of another version");
}

TEST_F(AddressMapTest, ReusesOnlyAddressesLongIdle) {
  AddressMap map = *open({.sandbox_id = {}, .most_names = 2, .reuse_after = 600});
  (void)map.addresses_of("a.test");
  (void)map.addresses_of("b.test");
  EXPECT_EQ(map.addresses_of("c.test").error().message(), "all 2 addresses are taken");
  now_ += 300;
  NameAddresses a = *map.addresses_of("a.test");
  now_ += 300;
  NameAddresses c = *map.addresses_of("c.test");  // b has been idle for 600 s, a for 300
  EXPECT_EQ(c.v4.text(), "198.18.0.2");
  EXPECT_EQ(map.name_of(c.v4), "c.test");
  EXPECT_EQ(map.name_of(a.v4), "a.test");
  EXPECT_FALSE(map.addresses_of("b.test"));
  now_ += 600;
  EXPECT_TRUE(map.begin_use("a.test"));
  EXPECT_EQ(map.addresses_of("d.test")->v4, c.v4);
  now_ += 6000;
  EXPECT_TRUE(map.begin_use("d.test"));
  EXPECT_FALSE(map.begin_use("unknown.test"));
  EXPECT_FALSE(map.addresses_of("e.test")) << "both have connections";
  map.end_use("a.test");
  EXPECT_FALSE(map.addresses_of("e.test")) << "used a moment ago";
  now_ += 600;
  EXPECT_EQ(map.addresses_of("e.test")->v4, a.v4);
  EXPECT_EQ(open({.sandbox_id = {}, .most_names = 2})->name_of(a.v4), "e.test");
}

TEST_F(AddressMapTest, StaysBelowItsLargestSize) {
  AddressMap map = *open({.sandbox_id = {}, .largest_log = 40});
  EXPECT_TRUE(map.addresses_of("a.test"));
  EXPECT_EQ(map.addresses_of("b.test").error().code(), base::ErrorCode::unavailable);
  EXPECT_TRUE(map.addresses_of("a.test"));
  EXPECT_LE(text().size(), 40u);
}

TEST_F(AddressMapTest, TakesOnlyNormalNames) {
  AddressMap map = *open();
  for (const char* name : {"", "A.test", "a.test.", "a b", "10.0.0.1", "a\nb"})
    EXPECT_FALSE(map.addresses_of(name)) << name;
  EXPECT_EQ(text(), "hydravisor-addresses 1\n");
}

TEST_F(AddressMapTest, HoldsAsManyNamesAsThereAreAddresses) {
  AddressMap map = *open();
  for (uint32_t i = 0; i < kMostNames; ++i) ASSERT_TRUE(map.addresses_of("n" + std::to_string(i) + ".test"));
  EXPECT_EQ(map.addresses_of("n131069.test")->v4.text(), "198.19.255.254");
  EXPECT_FALSE(map.addresses_of("more.test"));
  EXPECT_EQ(open()->size(), kMostNames);
}

TEST(SyntheticPrefix, DiffersBetweenSandboxesAndIsNoClouds) {
  EXPECT_NE(synthetic_prefix("a"), synthetic_prefix("b"));
  EXPECT_EQ(synthetic_prefix("a"), synthetic_prefix("a"));
  for (int i = 0; i < 1000; ++i) {
    core::AddressRange prefix = synthetic_prefix(std::to_string(i));
    EXPECT_EQ(prefix.first.bytes[0], 0xfd);
    EXPECT_NE(prefix.first.bytes[1], 0x00);
    EXPECT_NE(prefix.first.bytes[1], 0x20);
  }
}

}  // namespace
}  // namespace hv::network
