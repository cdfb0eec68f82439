// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/jobs/select_evaluation.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>

using namespace fiona;
using namespace fiona::jobs; // NOLINT(google-build-using-namespace) a test of this room
using Catch::Contains;

namespace {

using Fields = std::map<std::string, std::vector<std::string>>;

Candidate series(const std::string& patient, const std::string& uid, Fields fields,
                 const std::string& name = "")
{
    return {.study = StudyUid{uid.substr(0, uid.rfind('.'))},
            .series = SeriesUid{uid},
            .patient_id = Private{patient},
            .patient_name = Private{name.empty() ? patient : name},
            .values = [fields = std::move(fields)](
                          const SelectTag& tag) -> std::optional<std::vector<std::string>> {
                const auto found = fields.find(tag.name);
                return found == fields.end() ? std::nullopt : std::optional{found->second};
            }};
}

/// Two patients; the second has two studies.
std::vector<Candidate> archive()
{
    return {
        series("P2", "1.2.2.1", {{"Modality", {"MR"}}, {"EchoTime", {"30.5"}}, {"Kind", {"T2"}}}),
        series("P1", "1.2.1.1",
               {{"Modality", {"MR"}}, {"EchoTime", {"3"}}, {"Kind", {"T1", "AX"}}}),
        series("P1", "1.2.1.2", {{"Modality", {"MR"}}, {"EchoTime", {"80"}}, {"Kind", {"T2"}}}),
        series("P2", "1.2.3.1", {{"Modality", {"CT"}}, {"Kind", {"T1 c+"}}}),
        series("P2", "1.2.2.2", {{"Modality", {"SR"}}, {"Kind", {""}}})};
}

/// `1.1 1.2|2.1`: sets, and the last two numbers of each series.
std::string chosen(const std::string& statement, Precedence precedence = Precedence::left_to_right,
                   std::vector<Candidate> all = archive())
{
    std::string text;
    for (const auto& set : select_sets(parse_statement(statement, precedence), all)) {
        text += text.empty() ? "" : "|";
        for (const auto& member : set) {
            text += text.empty() || text.back() == '|' ? "" : " ";
            text += all[member.candidate].series.str().substr(4);
        }
    }
    return text;
}

std::string complaint(const std::string& statement)
{
    try {
        static_cast<void>(parse_statement(statement));
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::data);
        return e.what();
    }
    return "";
}

} // namespace

TEST_CASE("a statement chooses series by their elements")
{
    CHECK(chosen("select series where series has Modality = MR") == "1.1|1.2|2.1");
    CHECK(chosen("SELECT WHERE Modality == \"CT\"") == "3.1");
    CHECK(chosen("select series where SERIES named 'x' HAS Kind containing AX") == "1.1");
    CHECK(chosen("select where Kind == AX") == ""); // every value has to be equal
    CHECK(chosen("select where Kind regexp ^T[12]$") == "1.1|1.2|2.1");
    CHECK(chosen("select where Kind regexp (T1|XX)") == "1.1|3.1");
    CHECK(chosen("select where Kind == \"T1 c+\"") == "3.1");
    CHECK(chosen("select where EchoTime < 31 and EchoTime >= 3.0") == "1.1|2.1");
    CHECK(chosen("select where EchoTime == 30.50") == "2.1");  // a number
    CHECK(chosen("select where EchoTime == \"30.50\"") == ""); // a text
    CHECK(chosen("select where EchoTime > -1") == "1.1|1.2|2.1");
    CHECK(chosen("select where not EchoTime > 0") == "2.2|3.1"); // absent: false, and NOT turns it
    CHECK(chosen("select where everything") == "1.1|1.2|2.1|2.2|3.1");
    CHECK(chosen("select") == "1.1|1.2|2.1|2.2|3.1");
    CHECK(chosen("select /* Modality = CT */ where Modality = 'SR'") == "2.2");
}

TEST_CASE("the level of a statement says what is one job")
{
    const std::string t1 = "where series named a has Kind regexp T1";
    const std::string t2 = " also where series named b has Kind = T2";

    CHECK(chosen("select study " + t1 + t2) == "1.1 1.2");
    CHECK(chosen("select patient from study " + t1 + t2) == "1.1 1.2|2.1 3.1");
    CHECK(chosen("select participant " + t1 + t2) == "1.1 1.2|2.1 3.1");
    CHECK(chosen("select project " + t1 + t2) == "1.1 1.2 2.1 3.1");
    CHECK(chosen("select series " + t1 + t2) == "1.1|1.2|2.1|3.1");
}

TEST_CASE("a patient is told apart by the name where that is not the id")
{
    const std::vector<Candidate> all{series("X", "1.2.1.1", {}, "A"),
                                     series("X", "1.2.2.1", {}, "B"),
                                     series("X", "1.2.3.1", {}, "A")};

    CHECK(chosen("select patient", Precedence::left_to_right, all) == "1.1 3.1|2.1");
}

TEST_CASE("the numbers of data sets do not depend on the order in which series are found")
{
    auto all = archive();
    const auto first = chosen("select study", Precedence::left_to_right, all);
    std::ranges::sort(all, std::greater{}, [](const Candidate& one) { return one.series; });

    CHECK(chosen("select study", Precedence::left_to_right, all) == first);
    CHECK(first == "1.1 1.2|2.1 2.2|3.1");
}

TEST_CASE("AND and OR go from left to right, unless strict precedence is asked for")
{
    const std::string statement = "select where Modality = SR or Modality = MR and Kind = T2";

    CHECK(chosen(statement) == "1.2|2.1");
    CHECK(chosen(statement, Precedence::strict) == "1.2|2.1|2.2");
    CHECK(chosen("select where Modality = SR or (Modality = MR and Kind = T2)") == "1.2|2.1|2.2");
}

TEST_CASE("what is in quotes is never a keyword and may hold anything")
{
    const std::vector<Candidate> all{
        series("P", "1.2.1.1", {{"Kind", {"everything"}}}),
        series("P", "1.2.1.2", {{"Kind", {"study"}}}),
        series("P", "1.2.1.3", {{"Kind", {"a+b? : {x} = <y>; $(z) `w` ../ \\"}}})};

    CHECK(chosen("select where Kind == \"everything\"", Precedence::left_to_right, all) == "1.1");
    CHECK(chosen("select where series named \"everything\" has Kind = 'study'",
                 Precedence::left_to_right, all)
          == "1.2");
    CHECK(chosen("select where Kind == \"a+b? : {x} = <y>; $(z) `w` ../ \\\"",
                 Precedence::left_to_right, all)
          == "1.3");
    CHECK(chosen(R"(select where Kind regexp "^a\+b\? : ")", Precedence::left_to_right, all)
          == "1.3");
}

TEST_CASE("a tag is a keyword of the dictionary or two numbers")
{
    const auto statement =
        parse_statement("select where Modality = MR and (\"0x0008\", \"0x0060\") = MR");

    const auto& rules = statement.clauses.at(0).rule.parts;
    REQUIRE(rules.size() == 2);
    CHECK(rules[0].tag.tag == dicom::Tag{0x0008, 0x0060});
    CHECK(rules[1].tag.tag == dicom::Tag{0x0008, 0x0060});
}

TEST_CASE("a CHECK drops the sets in which two elements differ")
{
    const std::vector<Candidate> all{
        series("P1", "1.2.1.1", {{"Kind", {"a"}}, {"Frame", {"7"}}}),
        series("P1", "1.2.1.2", {{"Kind", {"b"}}, {"Reference", {"7"}}}),
        series("P2", "1.2.2.1", {{"Kind", {"a"}}, {"Frame", {"7"}}}),
        series("P2", "1.2.2.2", {{"Kind", {"b"}}, {"Reference", {"8"}}}),
        series("P3", "1.2.3.1", {{"Kind", {"a"}}, {"Frame", {"7"}}}),
        series("P3", "1.2.3.2", {{"Kind", {"b"}}})};
    const std::string clauses = "select study where series named a has Kind = a "
                                "also where series named b has Kind = b ";

    CHECK(chosen(clauses + "check a@Frame == b@Reference", Precedence::left_to_right, all)
          == "1.1 1.2");
    CHECK(chosen(clauses + "check a@Kind == a@Kind and a@Frame == b@Reference",
                 Precedence::left_to_right, all)
          == "1.1 1.2");
    CHECK_THAT(complaint(clauses + "check a@Frame == c@Reference"), Contains("no clause"));
}

TEST_CASE("a series that two clauses match stops the statement")
{
    CHECK_THROWS_WITH(chosen("select study where Modality = MR also where Kind = T2"),
                      Contains("both match"));
}

TEST_CASE("a statement that makes no sense is refused with the place, not with its text")
{
    CHECK_THAT(complaint(""), Contains("select was expected at 0"));
    CHECK_THAT(complaint("select image where everything"), Contains("image at 7"));
    CHECK_THAT(complaint("select where Modality"), Contains("a comparison was expected at 21"));
    CHECK_THAT(complaint("select where Modality = "), Contains("a value was expected"));
    CHECK_THAT(complaint("select where (Modality = MR"), Contains(") was expected"));
    CHECK_THAT(complaint("select where Kind == \"open"), Contains("no closing quote"));
    CHECK_THAT(complaint("select where Kind == x /* open"), Contains("no end"));
    CHECK_THAT(complaint("select where EchoTime > three"), Contains("a number was expected"));
    CHECK_THAT(complaint("select where Kind regexp \"(\""), Contains("RE2"));
    CHECK_THAT(complaint(R"(select where Kind regexp "(a)\1")"), Contains("RE2")); // back reference
    CHECK_THAT(complaint("select where Kind = a b"), Contains("the end was expected"));
    CHECK_THAT(complaint("select where Kind ~ a"), Contains("nothing begins"));
    CHECK(complaint("select where series named x Kind = secret").find("secret")
          == std::string::npos);
}

TEST_CASE("a statement has limits of size, depth and number")
{
    CHECK_THAT(complaint(std::string(70'000, ' ')), Contains("longer than"));
    CHECK_THAT(complaint("select where " + std::string(100, '(')), Contains("too deeply"));
    std::string nots;
    std::string rules = "everything";
    for (int i = 0; i < 1000; ++i) {
        nots += "not ";
        rules += " and everything or everything";
    }
    CHECK_THAT(complaint("select where " + nots + "everything"), Contains("too deeply"));
    CHECK_THAT(complaint("select where " + rules), Contains("more than"));
}
