#include "core/redaction.h"

#include <gtest/gtest.h>

namespace hv::core {
namespace {

struct Case {
  std::string before;
  std::string after;
};

// Keys are put together here, so that no scanner takes this file for a leak.
std::string key(std::string_view prefix, size_t length) {
  std::string text(prefix);
  for (size_t i = 0; i < length; ++i) text += "A7b2C9d4"[i % 8];
  return text;
}
std::string capitals(std::string_view prefix) {
  return std::string(prefix) + "IOSFODNN7EXAMPLE";
}

TEST(Redaction, TakesOutKeysThatTheirPrefixGivesAway) {
  for (const std::string& secret :
       {key("sk-ant-api03-", 90), key("sk-proj-", 40), key("ghp_", 36), key("github_pat_", 60), key("glpat-", 20),
        key("xoxb-", 40), capitals("AKIA"), key("AIza", 35), key("npm_", 36), key("hf_", 34), key("sk_live_", 24),
        key("ya29.", 60)}) {
    for (const char* frame : {"{}", "key {} end", "'{}'", "a={}", "/x/{}/y", "https://{}@host/"}) {
      std::string text = frame;
      text.replace(text.find("{}"), 2, secret);
      EXPECT_EQ(redact_text(text), 1u) << frame << secret;
      EXPECT_EQ(text.find(secret.substr(8)), std::string::npos) << text;
    }
  }
}

TEST(Redaction, TakesOutWebTokensAndPrivateKeys) {
  std::string jwt = "t eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4 u";
  EXPECT_EQ(redact_text(jwt), 1u);
  EXPECT_EQ(jwt, "t [redacted] u");
  std::string pem = "x\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----\ny";
  EXPECT_EQ(redact_text(pem), 1u);
  EXPECT_EQ(pem, "x\n[redacted]\ny");
  std::string cut = "-----BEGIN RSA PRIVATE KEY-----\nb3Blbn";
  EXPECT_EQ(redact_text(cut), 1u);
  EXPECT_EQ(cut, "[redacted]");
  std::string certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
  EXPECT_EQ(redact_text(certificate), 0u);
}

TEST(Redaction, TakesOutWhatANameGivesAway) {
  for (const Case& c : std::vector<Case>{
           {"postgres://app:hunter2@db/x", "postgres://app:[redacted]@db/x"},
           {"https://a:p@ss@host/", "https://a:[redacted]@host/"},
           {"GET /x?user=a&access_token=abc&b=1", "GET /x?user=a&access_token=[redacted]&b=1"},
           {"DB_PASSWORD=hunter2 make", "DB_PASSWORD=[redacted] make"},
           {"export API_KEY='two words'; ls", "export API_KEY='[redacted]'; ls"},
           {R"({"password": "x\"y", "user": "a"})", R"({"password": "[redacted]", "user": "a"})"},
           {R"({"accessToken":"x"})", R"({"accessToken":"[redacted]"})"},
           {"--token=abc", "--token=[redacted]"},
           {"login --password hunter2 --user a", "login --password [redacted] --user a"},
           {"Authorization: Bearer abc def", "Authorization: [redacted]"},
           {"curl -H 'Cookie: a=b; c=d' https://h/", "curl -H 'Cookie: [redacted]' https://h/"},
           {"X-Api-Key: abc\nAccept: */*", "X-Api-Key: [redacted]\nAccept: */*"},
           {"?X-Amz-Signature=00ff&x=1", "?X-Amz-Signature=[redacted]&x=1"},
       }) {
    std::string text = c.before;
    EXPECT_EQ(redact_text(text), 1u) << c.before;
    EXPECT_EQ(text, c.after);
  }
}

TEST(Redaction, LeavesWhatIsNoCredential) {
  for (const char* plain : {"make -j2",
                            "PWD=/home/a",
                            "max_tokens=4096",
                            "--tokenizer=bpe",
                            "password=",
                            "token=$TOKEN",
                            "password=${DB_PASSWORD}",
                            "git checkout sk-learn-feature-branch-of-mine",
                            "if (token == other)",
                            "https://user@host/",
                            "http://host:8080/x@y",
                            "https://host/path?page=2",
                            "std::token::x",
                            "the password is long",
                            "npm_config_registry=http://localhost",
                            "--password-file=/x",
                            "eyJust.a.word",
                            "AKIAthisisnotakeyatall",
                            "[redacted]",
                            ""}) {
    std::string text = plain;
    EXPECT_EQ(redact_text(text), 0u) << text;
    EXPECT_EQ(text, plain);
  }
}

TEST(Redaction, KnowsOptionsWhoseValueIsTheNextWord) {
  struct Line {
    std::vector<std::string> before;
    std::vector<std::string> after;
    size_t count;
  };
  for (const Line& line : std::vector<Line>{
           {{"app", "--password", "x", "y"}, {"app", "--password", "[redacted]", "y"}, 1},
           {{"app", "--token", "--verbose"}, {"app", "--token", "--verbose"}, 0},
           {{"/usr/bin/curl", "-u", "me:pw", "h"}, {"/usr/bin/curl", "-u", "me:[redacted]", "h"}, 1},
           {{"curl", "-ume:pw"}, {"curl", "-ume:[redacted]"}, 1},
           {{"mysql", "-phunter2", "-p"}, {"mysql", "-p[redacted]", "-p"}, 1},
           {{"tar", "-pxf", "-u", "a:b"}, {"tar", "-pxf", "-u", "a:b"}, 0},
           {{"sshpass", "-p", "x", "ssh"}, {"sshpass", "-p", "[redacted]", "ssh"}, 1},
           {{"openssl", "-passin", "pass:x"}, {"openssl", "-passin", "pass:[redacted]"}, 1},
           {{"sh", "-c", "A_TOKEN=x B_SECRET=y run"}, {"sh", "-c", "A_TOKEN=[redacted] B_SECRET=[redacted] run"}, 2},
       }) {
    std::vector<std::string> words = line.before;
    EXPECT_EQ(redact_arguments(words), line.count) << line.before[0] << ' ' << line.before[1];
    EXPECT_EQ(words, line.after);
    EXPECT_EQ(redact_arguments(words), 0u) << "a second pass found something";
  }
}

TEST(Redaction, FindsNothingInWhatItHasRedacted) {
  std::string text =
      "p://a:b@c Authorization: Basic x\n{\"token\": \"y\", 'password': 'z'} --secret w " + key("ghp_", 36);
  EXPECT_EQ(redact_text(text), 6u);
  std::string again = text;
  EXPECT_EQ(redact_text(again), 0u) << again;
  EXPECT_EQ(again, text);
}

Redaction redaction_of(std::vector<std::string> names, std::vector<std::string> patterns) {
  AuditRules rules;
  rules.redact_names = std::move(names);
  rules.redact_patterns = std::move(patterns);
  auto redaction = Redaction::of(rules);
  EXPECT_TRUE(redaction) << redaction.error().message();
  return *std::move(redaction);
}

TEST(OwnRedaction, TakesOutWhatIsNamedBesideWhatEverybodyHas) {
  Redaction own = redaction_of({"ACME_*", "*.blob", "ticket"}, {"acme-[0-9a-f]{8}", "corp_[A-Z]{4,}"});
  struct Line {
    const char* before;
    const char* after;
    size_t count;
  };
  for (const Line& line : std::vector<Line>{
           {"ACME_ID=x B=y", "ACME_ID=[redacted] B=y", 1},
           {"--acme-id x --other y", "--acme-id [redacted] --other y", 1},
           {"{\"my.blob\": \"x\", \"blob2\": \"y\"}", "{\"my.blob\": \"[redacted]\", \"blob2\": \"y\"}", 1},
           {"ticket=1&tickets=2", "ticket=[redacted]&tickets=2", 1},
           {"see acme-0123abcd/acme-0123abcd", "see [redacted]/[redacted]", 2},
           {"corp_ABCDEFGH corp_ABC", "[redacted] corp_ABC", 1},
           {"password=acme-0123abcd", "password=[redacted]", 1},
           {"acme-0123abc", "acme-0123abc", 0}}) {
    std::string text = line.before;
    EXPECT_EQ(is_free_of_secrets(text, &own), line.count == 0) << text;
    EXPECT_EQ(redact_text(text, &own), line.count);
    EXPECT_EQ(text, line.after);
    EXPECT_EQ(redact_text(text, &own), 0u) << text;
    // The control: nobody else takes these for credentials.
    std::string plain = line.before;
    if (plain.find("password") == std::string::npos) EXPECT_EQ(redact_text(plain), 0u) << plain;
  }
}

TEST(OwnRedaction, ReadsCommandLinesAsTheOtherDoes) {
  Redaction own = redaction_of({"ACME_*"}, {"acme-[0-9a-f]{8}"});
  std::vector<std::string> words{"/usr/bin/curl", "--acme-id", "x", "-u", "acme-0123abcd", "-macme-0123abcd"};
  std::vector<std::string_view> views(words.begin(), words.end());
  EXPECT_FALSE(is_free_of_secrets(views, &own));
  EXPECT_EQ(redact_arguments(words, &own), 3u);
  EXPECT_EQ(words,
            (std::vector<std::string>{"/usr/bin/curl", "--acme-id", "[redacted]", "-u", "[redacted]", "-m[redacted]"}));
  EXPECT_EQ(redact_arguments(words, &own), 0u);
  std::vector<std::string_view> harmless{"cc", "-c", "acme-0123.c"};
  EXPECT_TRUE(is_free_of_secrets(harmless, &own));
}

TEST(OwnRedaction, RefusesWhatCouldTakeEverything) {
  for (const char* name : {"", "*", "**", "A*", "*AB", "A*B_C", "ACME *", "acme=", "a-b-*"})
    EXPECT_TRUE(Redaction::why_no_name(name)) << name;
  for (const char* name : {"ACME", "ACME_*", "*_BLOB", "x-acme.id"}) EXPECT_FALSE(Redaction::why_no_name(name)) << name;
  EXPECT_TRUE(Redaction::why_no_pattern("redacted"));
  EXPECT_TRUE(Redaction::why_no_pattern("[0-9a-f]{40}"));
  EXPECT_FALSE(Redaction::why_no_pattern("acme-[0-9a-f]{40}"));
}

TEST(OwnRedaction, ReadsAMebibyteInOnePass) {
  Redaction own = redaction_of({}, {"aaa[a-z]{64,}9", "aab[ab]{100}c"});
  std::string text(size_t{1} << 20, 'a');
  EXPECT_EQ(redact_text(text, &own), 0u);
  text += "9";
  EXPECT_EQ(redact_text(text, &own), 1u);
  EXPECT_EQ(text, kRedacted);
}

TEST(Redaction, ReadsAMebibyteInOnePass) {
  std::string hostile;
  while (hostile.size() < (size_t{1} << 20)) hostile += "a://a:token=\"eyJ-----BEGIN ";
  std::string text = hostile;
  size_t count = redact_text(text);
  EXPECT_GT(count, 0u);
}

}  // namespace
}  // namespace hv::core
