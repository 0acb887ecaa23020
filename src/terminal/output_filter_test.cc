#include "terminal/output_filter.h"

#include <gtest/gtest.h>

namespace hv::terminal {

static std::string filtered(std::string_view bytes) {
  OutputFilter filter;
  return filter.feed(bytes);
}

TEST(OutputFilter, PassesWhatProgramsWithAScreenNeed) {
  for (std::string_view bytes : {
           "plain \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 text\r\n\t\x07\x08",
           "\x1b[1;31mred\x1b[0m\x1b[38:2::1:2:3m\x1b[2J\x1b[H\x1b[12;3r",
           "\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1000;1006h\x1b[?2026h",
           "\x1b[c\x1b[>c\x1b[6n\x1b[>q\x1b[18t",                  // who are you, where am I, how large
           "\x1b]10;?\x07\x1b]11;?\x1b\\\x1b]11;#000000\x07",      // colours, asked and set
           "\x1b[?u\x1b[>1u\x1b[<u\x1b[=5;1u\x1b[>4;2m",           // kitty's and xterm's keyboards
           "\x1b[?2026$p\x1b[4$p",                                 // is this mode known
           "\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\",  // a link to the web
           "\x1b(0lqk\x1b(B\x1b=\x1b>\x1b"
           "7\x1b"
           "8\x1bM\x1b"
           "c",  // line drawing, keypad, cursor, reset
           "\x1b[!p\x1b[2 q\x1b]9;4;1;50\x07",
       })
    EXPECT_EQ(filtered(bytes), bytes);
}

TEST(OutputFilter, DropsWhatActsOnTheUser) {
  for (std::string_view bytes : {
           "\x1b]52;c;ZWNobyBo\x07",
           "\x1b]52;c;?\x1b\\",  // clipboard
           "\x1b]0;title\x07",
           "\x1b]2;title\x1b\\",
           "\x1bktitle\x1b\\",  // title
           "\x1b[21t",
           "\x1b[20t",
           "\x1b[8;1;1t",
           "\x1b[2t",  // title's report, window operations
           "\x1bP$qm\x1b\\",
           "\x1bP+q544e\x1b\\",
           "\x1bP1;1|17/41\x1b\\",  // DECRQSS, XTGETTCAP, programmed keys
           "\x1b_Gt=f;L2V0Yy9wYXNzd2Q=\x1b\\",
           "\x1b^pm\x1b\\",
           "\x1bXsos\x1b\\",
           "\x1b[5i",
           "\x1b[?5i",
           "\x1b[1;1;1;1;9;9*y",
           "\x1b[x",  // printing, checksums of the screen, old reports
           "\x1b[2h",
           "\x1b[?2l",
           "\x1b[?40h",  // keyboard lock, VT52, window resize
           "\x1b%@",
           "\x1b G",
           "\x1bZ",
           "\x05",
           "\x1b[=c",  // other charset, 8-bit answers, answerback
           "\x1b]1337;File=name=x\x07",
           "\x1b]777;notify;a;b\x07",
           "\x1b]9;hello\x07",
           "\x1b]7;file:///x\x07",
           "\xc2\x9b",
           "\xc2\x90",  // C1 introducers in UTF-8
       })
    EXPECT_EQ(filtered(bytes), "") << bytes;
}

TEST(OutputFilter, KeepsTheTextAroundADroppedSequence) {
  EXPECT_EQ(filtered("a\x1b]52;c;eA==\x07"
                     "b\x1b[21tc"),
            "abc");
  EXPECT_EQ(filtered("\x1b]8;;file:///etc/passwd\x07here\x1b]8;;\x07"), "\x1b]8;;\x07here\x1b]8;;\x07");
}

TEST(OutputFilter, GivesTheSameHoweverTheBytesAreCut) {
  std::string_view bytes =
      "x\x1b[1m\xe2\x82\xac\x1b]52;c;a\x1b\\y\x1b]10;?\x07\x1bP+q\x1b\\\x1b\x1b[K\xc2\x9b"
      "31m\xff\x1b[3\n2mz\x1b(0\x1b";
  std::string whole = filtered(bytes);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    OutputFilter filter;
    std::string parts = filter.feed(bytes.substr(0, cut));
    parts += filter.feed(bytes.substr(cut));
    EXPECT_EQ(parts, whole) << "cut at " << cut;
  }
  OutputFilter filter;
  std::string single;
  for (char byte : bytes) single += filter.feed({&byte, 1});
  EXPECT_EQ(single, whole);
}

TEST(OutputFilter, HidesNoSequenceBehindAnAbortedOne) {
  EXPECT_EQ(filtered("\x1b]0;\x1b]52;c;eA==\x07"
                     "a"),
            "a");
  EXPECT_EQ(filtered("\x1b[\x1b[21ta"), "a");
  EXPECT_EQ(filtered("\x1b]10;\x18"
                     "a"),
            "a");
  EXPECT_EQ(filtered("\x1b]10;\x1b[5ia"), "a");
  EXPECT_EQ(filtered("\x1bP\x1b\x1b\\a"), "a");
  // A control acts at once, in front of the sequence it stands in.
  EXPECT_EQ(filtered("\x1b[3\n1m"), "\n\x1b[31m");
  // A command with controls or broken UTF-8 in it is not let out.
  EXPECT_EQ(filtered("\x1b]10;\xc2\x9b"
                     "21t\x07"),
            "");
  EXPECT_EQ(filtered("\x1b]10;\xff\x07"), "");
}

TEST(OutputFilter, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(filtered("a\x9b"
                     "31mb"),
            "a\xef\xbf\xbd"
            "31mb");
  EXPECT_EQ(filtered("\xe2\x82x"), "\xef\xbf\xbdx");
  EXPECT_EQ(filtered("\xed\xa0\x80"), "\xef\xbf\xbd");
}

TEST(OutputFilter, EndsAnUnfinishedCommandAtTheEndOfTheLine) {
  EXPECT_EQ(filtered("\x1b]0;no end\nnext line"), "\nnext line");
}

TEST(OutputFilter, RefusesSequencesWithoutMeasure) {
  EXPECT_EQ(filtered("\x1b[" + std::string(5000, '1') + "mok"), "ok");
  EXPECT_EQ(filtered("\x1b]10;" + std::string(5000, 'x') + "\x07ok"), "ok");
}

TEST(OutputFilter, UndoesTheModesThatAProgramLeft) {
  OutputFilter filter;
  filter.feed("\x1b[?1049h\x1b[?25l\x1b[?1000h\x1b[>1u\x1b[1m\x1b(0\x1b]11;red\x07");
  EXPECT_EQ(
      filter.finish(),
      "\x1b[?25h\x1b[?1000l\x1b[?1049l\x1b[<1u\x1b(B\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\\x1b[0m");
  filter.feed("\x1b[?1049h\x1b[?1049l\x1b[?25l\x1b[?25h\x1b[31m\x1b[m\x1b[>1u\x1b[<u");
  EXPECT_EQ(filter.finish(), "");
  filter.feed(
      "\x1b[?1049h\x1b[31m\x1b"
      "c");
  EXPECT_EQ(filter.finish(), "");
}

TEST(OutputFilter, KnowsWhetherAnAnswerMayStillCome) {
  OutputFilter filter;
  filter.feed("\x1b[31mtext");
  EXPECT_FALSE(filter.has_asked());
  filter.feed("\x1b[6n");
  EXPECT_TRUE(filter.has_asked());
}

}  // namespace hv::terminal
