// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/profile.h"
#include "libfiona/anonymize/rules.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::anonymize;
using Catch::Contains;

namespace {

const std::filesystem::path share{FIONA_SOURCE_DIR "/share/profiles"};

Profile shipped(const std::vector<TagChange>& changes = {})
{
    return Profile::load({share / "profile.csv"}, share / "safe-private.csv", changes);
}

Action action_of(const Profile& profile, Tag tag, Vr vr)
{
    Element element;
    element.tag = tag;
    element.vr = vr;
    element.is_sequence = vr == Vr{"SQ"};
    return decide(profile, PrivateBlocks{Item{}}, element, Scope{}).rule.action;
}

std::string complaint_about(const std::string& csv)
{
    const TempDir root;
    store::write_file(root / "p.csv", csv);
    try {
        static_cast<void>(Profile::load({root / "p.csv"}, share / "safe-private.csv"));
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing";
}

} // namespace

TEST_CASE("the shipped profile has every row of the table and of ours")
{
    const auto profile = shipped();

    CHECK(profile.rows().size() == 681);
    CHECK(profile.private_count() == 479 - 7 + 1); // seven off by default, one of ours
    CHECK(profile.digest().size() == 64);
    CHECK(profile.find({0x0010, 0x1040})->rule.action == Action::remove);
    CHECK(profile.find({0x0012, 0x0062})->rule.constant == "YES");
    CHECK(profile.find({0x0012, 0x0062})->rule.create);
}

TEST_CASE("patterns cover every repeating group")
{
    const auto profile = shipped();

    CHECK(profile.find({0x5002, 0x3000})->rule.action == Action::remove);
    CHECK(profile.find({0x6000, 0x3000})->rule.action == Action::remove);
    CHECK(profile.find({0x601e, 0x4000})->rule.action == Action::remove);
    CHECK(profile.find({0x6002, 0x0010})->rule.action == Action::remove);
}

TEST_CASE("elements without a row follow their VR: text is cleaned or goes, numbers stay")
{
    const auto profile = shipped();

    CHECK(action_of(profile, {0x0018, 0x0050}, "DS") == Action::keep);
    CHECK(action_of(profile, {0x0018, 0x0022}, "CS") == Action::keep);
    CHECK(action_of(profile, {0x0018, 0x1250}, "SH") == Action::clean);
    CHECK(action_of(profile, {0x0008, 0x1190}, "UR") == Action::remove);
    CHECK(action_of(profile, {0x0020, 0x9221}, "SQ") == Action::recurse);
    CHECK(action_of(profile, {0x0008, 0x0016}, "UI") == Action::keep);
    CHECK(action_of(profile, {0x0008, 0xfff0}, "LO") == Action::remove);
    CHECK(action_of(profile, {0x0002, 0x0016}, "AE") == Action::remove);
    CHECK(action_of(profile, {0x0029, 0x1020}, "OB") == Action::remove);
}

TEST_CASE("an element that lies about its VR is judged by the dictionary")
{
    CHECK(action_of(shipped(), {0x0018, 0x1250}, "US") == Action::clean);
}

TEST_CASE("a private block is known by its creator, wherever it was moved to")
{
    const auto profile = shipped();
    Element creator;
    creator.tag = {0x0019, 0x0042};
    creator.vr = "LO";
    creator.set("");
    creator.stored = "SIEMENS MR HEADER ";
    creator.changed.reset();
    const PrivateBlocks blocks{Item{{creator}}};
    Element b_value;
    b_value.tag = {0x0019, 0x420c};
    b_value.vr = "IS";
    Element unreserved = b_value;
    unreserved.tag = {0x0019, 0x100c};

    CHECK(decide(profile, blocks, b_value, Scope{}).rule.action == Action::keep);
    CHECK(decide(profile, blocks, unreserved, Scope{}).rule.action == Action::remove);
}

TEST_CASE("later files and tag changes win")
{
    const TempDir root;
    store::write_file(root / "own.csv", "tag,keyword,vr,ps315_basic,options,action\n"
                                        "00181030,ProtocolName,LO,,,X\n"
                                        "private:ACME 1.0:0019:0a,,,,,K\n");
    const auto profile =
        Profile::load({share / "profile.csv", root / "own.csv"}, share / "safe-private.csv",
                      {{"PatientSex", "remove", false}, {"0018,000A", "text", false}});

    CHECK(profile.find({0x0018, 0x1030})->rule.action == Action::remove);
    CHECK(profile.find({0x0010, 0x0040})->rule.action == Action::remove);
    CHECK(profile.find_private({"ACME 1.0", 0x0019, 0x0a}) != nullptr);
    CHECK(profile.find({0x0018, 0x000a})->rule.constant == "text");
    CHECK(profile.digest() != shipped().digest());
}

TEST_CASE("a fault in a profile is named with its line and column")
{
    const std::string head = "tag,keyword,vr,ps315_basic,options,action\n";

    CHECK_THAT(complaint_about(head + "00100010,PatientName,PN,Z,,NONSENSE\n"),
               Contains("p.csv:2:28"));
    CHECK_THAT(complaint_about(head + "0010001,PatientName,PN,Z,,X\n"), Contains("p.csv:2:1"));
    CHECK_THAT(complaint_about(head + "00100010,x\n"), Contains("6 fields"));
    CHECK_THAT(complaint_about(head + "00100010,\"x,PN,Z,,X\n"), Contains("quote"));
    CHECK_THAT(complaint_about("# nothing\n"), Contains("no table"));
}

TEST_CASE("two rows of one profile that say different things of one element are refused")
{
    const std::string head = "tag,keyword,vr,ps315_basic,options,action\n";
    const std::string name = "00100010,PatientName,PN,Z,,Z\n";
    const std::string pattern = "private:ACME:0029:10,x,LO,,,K\n";

    CHECK_THAT(complaint_about(head + name + "# twice\n00100010,PatientName,PN,Z,,K\n"),
               Contains("p.csv:4:1") && Contains("line 2 says something else"));
    CHECK_THAT(complaint_about(head + "0018106a,a,CS,,,X\n0018106A,a,CS,,,K\n"),
               Contains("p.csv:3:1"));
    CHECK_THAT(complaint_about(head + pattern + "private:ACME:0029:10,x,LO,,,X\n"),
               Contains("p.csv:3:1"));
    CHECK(complaint_about(head + name + name + pattern + pattern) == "nothing");
}

TEST_CASE("the shipped profile is what its generator makes of the standard's table")
{
    const auto made = run({{FIONA_SOURCE_DIR "/scripts/make-profile"}});

    REQUIRE(made.exit_code == 0);
    CHECK(made.out == read_file(share / "profile.csv"));
}
