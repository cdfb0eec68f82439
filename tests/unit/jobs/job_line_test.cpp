// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/jobs/job_line.h"

#include <catch2/catch.hpp>

using namespace fiona;

TEST_CASE("a line is read back as the job it was")
{
    jobs::Job written;
    written.id = "a";
    written.project = "DEMO";
    written.image = "demo-seg:1.2";
    written.options = R"({"-z": "it is $(x) \" ; ../"})";
    written.study.emplace("1.2.3");
    written.members = {{StudyUid{"1.2.3"}, SeriesUid{"1.2.3.1"}, "T1 '\""}};

    const auto read = jobs::parse_line(jobs::as_line(written));

    CHECK(read.id == "a");
    CHECK(read.project == "DEMO");
    CHECK(read.options == written.options);
    CHECK(read.study == written.study);
    REQUIRE(read.members.size() == 1);
    CHECK(read.members[0].name == "T1 '\"");
}

TEST_CASE("a line of the Workflows page has its id from its text")
{
    const std::string line = R"({"type":"ror","project":"DEMO","job_number":"0","image":"x:1"})";

    CHECK(jobs::parse_line(line).id == jobs::parse_line(line).id);
    CHECK(jobs::parse_line(line).id.size() == 32);
    CHECK_FALSE(jobs::parse_line(line).study.has_value());
    // What could be a path is none.
    const auto odd = jobs::parse_line(R"({"project":"DEMO","image":"x:1","job_id":"../../a"})").id;
    CHECK(odd.find_first_not_of("0123456789abcdef") == std::string::npos);
}

TEST_CASE("a line that is no job is refused without its values")
{
    const auto* const line =
        GENERATE("", "[]", "{", R"({"project":"A/../secret","image":"x:1"})", R"({"project":"A"})",
                 R"({"image":"x:1"})", R"({"project":"A","image":"x:1","job_number":"-1 secret"})",
                 R"({"project":"A","image":"x:1","job_number":"12345678901234567890"})",
                 R"({"project":"A","image":"x:1","ROR_CONT_OPTIONS":"{secret"})",
                 R"({"project":"A","image":"x:1","study":"secret"})",
                 R"({"project":"A","image":"x:1","series":["secret"]})");
    CAPTURE(line);
    try {
        static_cast<void>(jobs::parse_line(line));
        FAIL("was accepted");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::data);
        CHECK(std::string{e.what()}.find("secret") == std::string::npos);
    }
}
