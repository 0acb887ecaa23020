#include "access/token_store.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/text.h"

namespace hv::access {
namespace {

using base::ErrorCode;
using std::chrono::hours;

class Tokens : public testing::Test {
 protected:
  Tokens() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hv-tokens-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ + "/tokens.json";
  }
  ~Tokens() override { std::filesystem::remove_all(directory_); }

  static core::TokenRequest request(std::vector<std::string> actions = {}, std::vector<std::string> sandboxes = {}) {
    core::TokenRequest request;
    request.principal = "agent:ci";
    request.role = "sandboxed";
    request.actions = std::move(actions);
    request.sandboxes = std::move(sandboxes);
    return request;
  }

  base::WallTime now_{hours{500'000}};
  std::string directory_;
  std::string path_;
};

TEST_F(Tokens, AreKnownAgainByAnotherStoreAndKeepNothingButTheHash) {
  core::TokenMade made = *TokenStore(path_).mint(request({"exec"}), "user:1000", "", now_);
  EXPECT_EQ(made.token.size(), 3 + 10 + 1 + 64u);
  struct stat about{};
  ASSERT_EQ(::stat(path_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  std::string file = *base::read_file(path_);
  EXPECT_EQ(file.find(made.token.substr(14)), std::string::npos);
  EXPECT_NE(file.find(base::to_hex(base::as_view(base::sha256(made.token.substr(14))))), std::string::npos);

  TokenStore again(path_);
  auto found = again.find(made.token, now_);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->principal, "agent:ci");
  auto subject = again.subject(found->id, now_);
  ASSERT_TRUE(subject);
  EXPECT_EQ(subject->principal.text(), "agent:ci");
  EXPECT_EQ(subject->role, "sandboxed");
  ASSERT_EQ(subject->limits.size(), 1u);
  EXPECT_EQ(subject->limits[0].actions[0].text(), "exec");
}

TEST_F(Tokens, AreNotKnownWhenABitIsAnother) {
  TokenStore store(path_);
  std::string token = store.mint(request(), "user:1000", "", now_)->token;
  EXPECT_TRUE(store.find(token, now_));
  for (size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    other[i] = other[i] == '0' ? '1' : '0';
    EXPECT_FALSE(store.find(other, now_)) << i;
  }
  for (const std::string& other :
       {std::string(), std::string("hv_"), token + "0", token.substr(1), "Hv" + token.substr(2)})
    EXPECT_EQ(store.find(other, now_).error().code(), ErrorCode::denied);
}

TEST_F(Tokens, EndWithTheirTime) {
  TokenStore store(path_);
  core::TokenRequest short_lived = request();
  short_lived.lifetime_ms = 60'000;
  core::TokenMade made = *store.mint(short_lived, "user:1000", "", now_);
  EXPECT_TRUE(store.find(made.token, now_ + std::chrono::seconds{59}));
  EXPECT_FALSE(store.find(made.token, now_ + std::chrono::seconds{60}));
  EXPECT_TRUE(store.list(now_ + std::chrono::seconds{60})->empty());
  core::TokenMade usual = *store.mint(request(), "user:1000", "", now_);
  EXPECT_EQ(usual.info.expires, now_ + kUsualLifetime);
}

TEST_F(Tokens, AreRevokedWithAllThatCameFromThem) {
  TokenStore store(path_);
  core::TokenMade parent = *store.mint(request(), "user:1000", "", now_);
  core::TokenMade child = *store.mint(request({"exec"}), "agent:ci", parent.info.id, now_);
  core::TokenMade grandchild = *store.mint(request({"exec"}), "agent:ci", child.info.id, now_);
  core::TokenMade other = *store.mint(request(), "user:1000", "", now_);
  EXPECT_EQ(store.subject(grandchild.info.id, now_)->limits.size(), 3u);
  EXPECT_EQ(store.revoke(parent.info.id)->size(), 3u);
  for (const std::string& token : {parent.token, child.token, grandchild.token}) EXPECT_FALSE(store.find(token, now_));
  EXPECT_TRUE(store.find(other.token, now_));
  EXPECT_FALSE(TokenStore(path_).find(child.token, now_));
  EXPECT_EQ(store.revoke(parent.info.id).error().code(), ErrorCode::not_found);
}

TEST_F(Tokens, MintWeakerOnesOnly) {
  TokenStore store(path_);
  core::TokenRequest wide = request({"sandbox.*", "exec"}, {"web-*"});
  wide.lifetime_ms = 3'600'000;
  std::string parent = store.mint(wide, "user:1000", "", now_)->info.id;
  auto mint = [&](core::TokenRequest wanted) { return store.mint(wanted, "agent:ci", parent, now_); };
  for (const core::TokenRequest& weaker :
       {request({"exec"}, {"web-1"}), request({"sandbox.read"}), request({"sandbox.*"}, {"web-a*"}), request()})
    EXPECT_TRUE(mint(weaker));
  for (const core::TokenRequest& stronger : {request({"apply"}), request({"*"}), request({"exec", "diff"}),
                                             request({"exec"}, {"*"}), request({}, {"api"})}) {
    auto made = mint(stronger);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code(), ErrorCode::denied);
    EXPECT_NE(made.error().message().find(parent), std::string::npos) << made.error().message();
  }
  core::TokenRequest longer = request();
  longer.lifetime_ms = 3'600'001;
  EXPECT_EQ(mint(longer).error().code(), ErrorCode::denied);
  // What says no time of its own ends with what it came from.
  EXPECT_EQ(mint(request())->info.expires, now_ + hours{1});
}

TEST_F(Tokens, RefuseWhatNoneCanBe) {
  TokenStore store(path_);
  auto refused = [&](core::TokenRequest wanted) {
    auto made = store.mint(wanted, "user:1000", "", now_);
    return !made && made.error().code() == ErrorCode::invalid_argument;
  };
  core::TokenRequest nobody = request();
  nobody.principal = "ci";
  core::TokenRequest for_ever = request();
  for_ever.lifetime_ms = uint64_t{367} * 86'400'000;
  core::TokenRequest at_once = request();
  at_once.lifetime_ms = 0;
  core::TokenRequest bad_role = request();
  bad_role.role = "a b";
  for (const core::TokenRequest& wrong : {nobody, for_ever, at_once, bad_role, request({"exce"}), request({}, {"Web"})})
    EXPECT_TRUE(refused(wrong)) << wrong.principal;
}

TEST_F(Tokens, ARevokedOneHoldsNoMoreAlsoWhereThatCannotBeKept) {
  std::string directory = path_ + ".d";
  ASSERT_EQ(::mkdir(directory.c_str(), 0700), 0);
  std::string path = directory + "/tokens.json";
  TokenStore store(path);
  core::TokenMade parent = *store.mint(request(), "user:1000", "", now_);
  core::TokenMade child = *store.mint(request(), "agent:ci", parent.info.id, now_);
  // No file can be made there, not by root either.
  std::string away = directory + ".away";
  ASSERT_EQ(::rename(directory.c_str(), away.c_str()), 0);
  EXPECT_FALSE(store.revoke(parent.info.id));
  EXPECT_FALSE(store.find(parent.token, now_));
  EXPECT_FALSE(store.find(child.token, now_)) << "what came from it goes with it";
  EXPECT_TRUE(store.list(now_)->empty());
  // The control: for the file, and who reads it anew, they are still there.
  EXPECT_TRUE(TokenStore(away + "/tokens.json").find(child.token, now_));
  ASSERT_EQ(::rename(away.c_str(), directory.c_str()), 0);
  auto gone = store.revoke(parent.info.id);
  ASSERT_TRUE(gone) << "asked again, it is tried again";
  EXPECT_EQ(gone->size(), 2U);
  EXPECT_FALSE(TokenStore(path).find(child.token, now_));
  EXPECT_EQ(store.revoke(parent.info.id).error().code(), ErrorCode::not_found);
}

TEST_F(Tokens, AllFailWhereTheFileCannotBeTrusted) {
  std::string token = TokenStore(path_).mint(request(), "user:1000", "", now_)->token;
  EXPECT_TRUE(TokenStore(path_).find(token, now_));
  auto expect_closed = [&] {
    TokenStore store(path_);
    EXPECT_FALSE(store.find(token, now_));
    EXPECT_FALSE(store.mint(request(), "user:1000", "", now_));
    EXPECT_FALSE(store.list(now_));
  };
  ::chmod(path_.c_str(), 0644);
  expect_closed();
  ::chmod(path_.c_str(), 0600);
  EXPECT_TRUE(TokenStore(path_).find(token, now_));
  std::string whole = *base::read_file(path_);
  for (const std::string& broken :
       {whole.substr(0, whole.size() / 2), std::string("{}"), std::string("{\"version\":2}")}) {
    ASSERT_TRUE(base::replace_file(path_, broken));
    expect_closed();
    EXPECT_EQ(*base::read_file(path_), broken) << "what could not be read was written over";
  }
}

}  // namespace
}  // namespace hv::access
