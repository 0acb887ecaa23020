#include "service/file_record.h"

#include <gtest/gtest.h>

namespace hv::service {
namespace {

TEST(FileRecord, SaysWhatAFileWasAndIs) {
  core::FileEvent found;
  found.kind = core::FileEventKind::owner;
  found.path = "/w/a";
  found.before = core::FileState{core::FileType::regular, 0644, 1000, 1000, 3};
  found.after = core::FileState{core::FileType::regular, 04644, 1001, 1000, 3};
  core::Event event = to_event(found, "id1");
  EXPECT_EQ(event.kind, "file.owner");
  EXPECT_EQ(event.principal, "agent:id1");
  EXPECT_EQ(event.trust, core::Trust::observed);
  EXPECT_EQ(base::json::serialize(event.payload),
            R"({"path":"/w/a","type":"regular","mode":"4644","size":3,"uid":1001,"gid":1000,"mode_before":"0644",)"
            R"("uid_before":1000,"gid_before":1000})");
}

TEST(FileRecord, BytesThatAreNoTextAreVisible) {
  core::FileEvent found;
  found.kind = core::FileEventKind::renamed;
  found.path = "/w/b\xff";
  found.old_path = "/w/a";
  EXPECT_EQ(base::json::serialize(to_event(found, "id1").payload),
            R"({"path":"/w/b\\xff","old_path":"/w/a","escaped":true})");
}

TEST(FileRecord, AFoldCountsNamesAndHasADigest) {
  core::FileEvent found;
  found.kind = core::FileEventKind::created;
  found.path = "/w/d";
  found.count = 3;
  found.paths = {"/w/d/1"};
  found.digest = "ab";
  EXPECT_EQ(base::json::serialize(to_event(found, "id1").payload),
            R"({"path":"/w/d","count":3,"paths":["/w/d/1"],"sha256":"ab"})");
}

TEST(FileRecord, WhatNobodyClaimedIsNotSaidToBeTheAgents) {
  core::FileEvent found;
  found.path = "/w/a";
  found.unclaimed = true;
  core::Event event = to_event(found, "id1");
  EXPECT_EQ(event.principal, "system");
  EXPECT_EQ(event.sandbox, "id1");
  EXPECT_EQ(event.risk, core::Risk::low);
  EXPECT_EQ(base::json::serialize(event.payload), R"({"path":"/w/a","unclaimed":true})");
}

}  // namespace
}  // namespace hv::service
