#include "audit/note.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace hv::audit {
namespace {

// The published example of the note format: a key pair, a text and the one signature Ed25519 gives for them.
constexpr const char* kName = "PeterNeumann";
constexpr const char* kVerifier = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr const char* kSecret = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
constexpr const char* kText =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
constexpr const char* kSignature =
    "\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

std::string example() {
  return std::string(kText) + "\n" + kSignature;
}

TEST(Note, SignsThePublishedExampleToTheByte) {
  auto key = base::SigningKey::from_seed(base::from_base64(kSecret)->substr(1));
  ASSERT_TRUE(key);
  EXPECT_EQ(VerifierKey::of(kName, *key).text(), kVerifier);
  EXPECT_EQ(sign_note(kText, {{kName, *key}}), example());
}

TEST(Note, AcceptsThePublishedExampleAndNoOtherText) {
  auto key = VerifierKey::parse(kVerifier);
  ASSERT_TRUE(key);
  auto note = Note::parse(example());
  ASSERT_TRUE(note) << note.error().text();
  EXPECT_EQ(note->text, kText);
  EXPECT_TRUE(note->signed_by(*key));
  note->text[3] ^= 1;
  EXPECT_FALSE(note->signed_by(*key));
}

TEST(Note, IgnoresUnknownSignersButNotAWrongSignatureOfAKnownOne) {
  auto known = VerifierKey::parse(kVerifier);
  auto stranger = base::SigningKey::generate();
  std::string stranger_name = "someone.example/else";
  auto note =
      Note::parse(example() + sign_note(kText, {{stranger_name, *stranger}}).substr(std::string(kText).size() + 1));
  ASSERT_TRUE(note) << note.error().text();
  ASSERT_EQ(note->signatures.size(), 2u);
  EXPECT_TRUE(note->signed_by(*known));
  EXPECT_TRUE(note->signed_by(VerifierKey::of(stranger_name, *stranger)));
  note->signatures.push_back(note->signatures[0]);
  note->signatures.back().signature[7] ^= 1;
  EXPECT_FALSE(note->signed_by(*known));
  note->signatures.clear();
  EXPECT_FALSE(note->signed_by(*known));
}

TEST(Note, RefusesWhatTheFormatForbids) {
  for (std::string bad :
       {std::string(kText), std::string(kText) + "\n", example() + "x", "a\tb\n\n" + std::string(kSignature),
        std::string("\xff\n\n") + kSignature, "text\n\n- name AAAAAAAA\n" + std::string(),
        "text\n\n\u2014 na+me x08go/ZJ\n" + std::string(), "text\n\n\u2014 name !!!!\n" + std::string(),
        "text\n\n\u2014 name AAAA\n" + std::string()})
    EXPECT_FALSE(Note::parse(bad)) << bad;
}

TEST(VerifierKey, RefusesAKeyWhoseIdWasExchanged) {
  EXPECT_TRUE(VerifierKey::parse(kVerifier));
  for (const char* bad : {"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                          "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                          "PeterNeumann+c74f20a3+AhpcQcUPDhMQegwxbzhKqiBfsVkmqq", "PeterNeumann+c74f20a3", ""})
    EXPECT_FALSE(VerifierKey::parse(bad)) << bad;
}

TEST(Checkpoint, ReadsAndWritesTheExampleOfTheSpecification) {
  std::string text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
  auto checkpoint = Checkpoint::parse_text(text);
  ASSERT_TRUE(checkpoint) << checkpoint.error().text();
  EXPECT_EQ(checkpoint->origin, "example.com/behind-the-sofa");
  EXPECT_EQ(checkpoint->size, 20852163u);
  EXPECT_EQ(checkpoint->text(), text);
  EXPECT_EQ(*Checkpoint::parse_text(text + "an extension\n"), *checkpoint);
}

TEST(Checkpoint, RefusesOtherSpellings) {
  std::string root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
  for (std::string bad : {"o\n01\n" + root + "\n", "o\n-1\n" + root + "\n", "o\n\n" + root + "\n", "o\n1\n" + root,
                          "o\n1\nAAAA\n" + std::string(), "\n1\n" + root + "\n",
                          "o\n99999999999999999999\n" + root + "\n", "o\n1 \n" + root + "\n", "o\n1\n" + root + "\n\n"})
    EXPECT_FALSE(Checkpoint::parse_text(bad)) << bad;
}

}  // namespace
}  // namespace hv::audit
