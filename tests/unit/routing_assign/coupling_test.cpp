// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/routing/coupling_file.h"
#include "libfiona/routing/coupling_import.h"
#include "libfiona/routing/permissions.h"
#include "tests/support/borrowed_redcap.h"
#include "tests/support/cpu_time.h"
#include "tests/support/loose_redcap.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fiona;
using Catch::Matchers::Contains;
using routing::CouplingFile;
using routing::CouplingImport;
using routing::read_coupling_file;

namespace {

CouplingFile parse(const std::string& text)
{
    return read_coupling_file(text, std::nullopt);
}

class Bench {
public:
    Bench()
    {
        site.sort("1.2.3", "1.2.3.1", "1.2.3.1.1"); // accession number ACC0000123
        dtp.add({"DEMO",
                 "",
                 "",
                 0,
                 {{"project_name", "DEMO"},
                  {"project_active", "1"},
                  {"project_patient_naming", "DEMO_[0-9]{3}"},
                  {"project_token", "T"}}});
        project.all_events = {{"Event 1", "event_1_arm_1"}, {"Baseline", "baseline_arm_1"}};
        project.add({"DEMO_001", "event_1_arm_1", "", 0, {}});
        project.fields = {{"record_id", "f", "text", "", ""}, {"first_name", "f", "text", "", ""}};
    }

    routing::CouplingImportReport import(const std::string& text, CouplingImport options = {},
                                         Mode mode = Mode::apply)
    {
        routing::CouplingImporter importer{site.paths, coupling, dtp,
                                           [this](const Private<std::string>&) {
                                               return std::make_unique<BorrowedRedcap>(project);
                                           }};
        return importer.import(parse(text), options, mode, now);
    }

    [[nodiscard]] std::size_t audit_lines() const
    {
        const auto text = read_file_if_any(site.paths.logs() / "assign-audit.log").value_or("");
        return static_cast<std::size_t>(std::ranges::count(text, '\n'));
    }

    SortedSite site;
    LooseRedcap coupling{"record_id"};
    LooseRedcap dtp{"record_id"};
    LooseRedcap project{"record_id"};
    TimePoint now = parse_local_minute("2026-03-01 10:00").value();
};

constexpr auto header = "AccessionNumber,ProjectName,subjectid,eventname\r\n";

} // namespace

TEST_CASE("coupling files of every spreadsheet are read")
{
    const auto* const text =
        GENERATE("AccessionNumber,ProjectName,subjectid,eventname\r\nA1,DEMO,DEMO_001,Baseline\r\n",
                 "\xef\xbb\xbf"
                 "accession number;PROJECT_NAME;Subject ID;event name\nA1;DEMO;DEMO_001;Baseline",
                 "\"EventName\"\t\"SubjectID\"\t\"ProjectName\"\t\"AccessionNumber\"\n"
                 "Baseline\tDEMO_001\t\"DEMO\"\tA1\n\t\t\t\n");

    const auto file = parse(text);

    CHECK(file.bad.empty());
    REQUIRE(file.lines.size() == 1);
    const auto& row = file.lines[0].row;
    CHECK(file.lines[0].number == 2);
    CHECK(row.accession.reveal() == "A1");
    CHECK(row.project == "DEMO");
    CHECK(row.participant == "DEMO_001");
    CHECK(row.event == "Baseline");
}

TEST_CASE("bad lines are named by their number in the file, with nothing of their content")
{
    const auto file = parse(std::string{"AccessionNumber,StudyInstanceUID,ProjectName,SubjectID\n"}
                            + "A1,,DEMO,DEMO_001\n" + "\n" + ",,DEMO,DEMO_002\n"
                            + "12345678901234567,,DEMO,DEMO_002\n" + ",1..2,DEMO,DEMO_002\n"
                            + "A2,,DEMO,secret name\n" + "A3,,\"a\nb\",DEMO_003\n"
                            + "A1,,DEMO,DEMO_004\n" + "A4,,DEMO\n" + "A1,,OTHER,DEMO_001\n");

    CHECK(file.lines.size() == 2);
    std::vector<std::size_t> numbers;
    for (const auto& bad : file.bad) {
        numbers.push_back(bad.number);
        CHECK_THAT(bad.reason, !Contains("secret") && !Contains("12345678901234567"));
    }
    CHECK(numbers == std::vector<std::size_t>{4, 5, 6, 7, 8, 10, 11});
}

TEST_CASE("a file without a usable header is refused")
{
    const auto* const text =
        GENERATE("", "AccessionNumber,ProjectName\nA1,DEMO\n", "SubjectID,ProjectName\nX,DEMO\n",
                 "AccessionNumber,SubjectID\nA1,DEMO_001\n",
                 "AccessionNumber,ProjectName,SubjectID,EventNmae\nA1,DEMO,DEMO_001,x\n",
                 "AccessionNumber,AccessionNumber,ProjectName,SubjectID\nA1,A1,DEMO,DEMO_001\n",
                 "AccessionNumber,ProjectName,SubjectID\nA1,\"DEMO,DEMO_001\n",
                 "AccessionNumber,ProjectName,SubjectID\nA1,DEMO,\xff\n");

    CHECK_THROWS_AS(parse(text), Error);
}

TEST_CASE("the option --project stands in for a column, and contradicts another project")
{
    const auto file =
        read_coupling_file("AccessionNumber,SubjectID\nA1,DEMO_001\n", ProjectName{"DEMO"});
    REQUIRE(file.lines.size() == 1);
    CHECK(file.lines[0].row.project == "DEMO");

    const auto other = read_coupling_file(
        "AccessionNumber,SubjectID,ProjectName\nA1,DEMO_001,OTHER\n", ProjectName{"DEMO"});
    CHECK(other.bad.size() == 1);
}

TEST_CASE("a file is imported once, events as labels, with a line for each in the audit log")
{
    Bench bench;
    const auto text = std::string{header} + "ACC0000123,DEMO,DEMO_001,baseline_arm_1\r\n"
                      + "A2,DEMO,DEMO_002,\r\n";

    const auto dry = bench.import(text, {}, Mode::dry_run);
    CHECK(dry.added == 2);
    CHECK(bench.coupling.rows.empty());
    CHECK(bench.audit_lines() == 0);
    const auto first = bench.import(text);
    const auto second = bench.import(text);

    CHECK(first.added == 2);
    CHECK(first.matching == 1);
    CHECK(first.participants_created == 0);
    CHECK(bench.audit_lines() == 2);
    CHECK(second.added == 0);
    CHECK(second.unchanged == 2);
    REQUIRE(bench.coupling.rows.size() == 2);
    CHECK(bench.coupling.rows[0].value("cl_eventname") == "Baseline");
    CHECK(bench.coupling.rows[0].value("cl_date") == "2026-03-01 10:00");
}

TEST_CASE("nothing is imported while a line is bad, unless bad ones are skipped")
{
    Bench bench;
    bench.coupling.add(
        {"7",
         "",
         "",
         0,
         {{"cl_accessionnumber", "A9"}, {"cl_projectname", "DEMO"}, {"cl_subjectid", "DEMO_009"}}});
    const auto text = std::string{header} + "A1,DEMO,DEMO_001,\n" // good
                      + "A2,NONE,DEMO_001,\n"                     // no such project
                      + "A3,DEMO,OTHER_1,\n"                      // not of the pattern
                      + "A4,DEMO,DEMO_001,Week 99\n"              // no such event
                      + "A9,DEMO,DEMO_001,\n"                     // contradicts the list
                      + "A5,DEMO,DEMO_001\n";                     // too few cells

    const auto refused = bench.import(text);

    CHECK(refused.is_refused);
    CHECK(refused.bad.size() == 5);
    CHECK(refused.bad.front().number == 3);
    CHECK(bench.coupling.rows.size() == 1);
    const auto skipped = bench.import(
        text, {CouplingImport::Participants::as_they_are, CouplingImport::BadLines::skip});
    CHECK(skipped.added == 1);
    CHECK(bench.coupling.rows.size() == 2);
}

TEST_CASE("one id for two patients is refused, whether the file or the list has the other")
{
    Bench bench;
    bench.site.sort("1.2.4", "1.2.4.1", "1.2.4.1.1",
                    {{"PatientID", "TESTID002"}, {"AccessionNumber", "ACC0000124"}});
    const auto first = std::string{"ACC0000123,DEMO,DEMO_001,\r\n"};
    const auto second = std::string{"ACC0000124,DEMO,DEMO_001,\r\n"};

    SECTION("in one file")
    {
        const auto report = bench.import(header + first + second, {}, Mode::dry_run);
        CHECK(report.is_refused);
        REQUIRE(report.bad.size() == 2);
        CHECK(report.bad[0].number == 2);
        CHECK(report.bad[1].number == 3);
        CHECK_THAT(report.bad[0].reason,
                   Contains("two patients") && !Contains("TESTID") && !Contains("ACC"));
    }
    SECTION("one after the other")
    {
        REQUIRE(bench.import(header + first).added == 1);
        const auto report = bench.import(header + second);
        CHECK(report.is_refused);
        CHECK(report.bad.size() == 1);
        CHECK(bench.coupling.rows.size() == 1);
    }
    SECTION("of one patient they are fine")
    {
        bench.site.sort("1.2.4", "1.2.4.1", "1.2.4.1.1", {{"AccessionNumber", "ACC0000124"}});
        CHECK(bench.import(header + first + second).matching == 2);
    }
}

TEST_CASE("participants that are not there are created when that is asked for")
{
    Bench bench;
    const auto text = std::string{header} + "A1,DEMO,DEMO_001,\nA2,DEMO,DEMO_002,\n"
                      + "A3,DEMO,DEMO_002,Baseline\n";

    const auto report = bench.import(
        text, {CouplingImport::Participants::create, CouplingImport::BadLines::refuse_all});

    CHECK(report.participants_created == 1);
    REQUIRE(bench.project.rows.size() == 2);
    CHECK(bench.project.rows[1].record == "DEMO_002");
    CHECK(bench.project.rows[1].event == "event_1_arm_1");
    CHECK(bench.project.rows[1].value("first_name") == "DEMO_002");
}

TEST_CASE("old rows expire, rows without a date stay")
{
    Bench bench;
    const auto put = [&](const char* record, const char* date) {
        bench.coupling.add(
            {record,
             "",
             "",
             0,
             {{"cl_accessionnumber", record}, {"cl_projectname", "DEMO"}, {"cl_date", date}}});
    };
    put("old", "2026-02-10 10:00");
    put("young", "2026-02-20 10:00");
    put("undated", "");
    const auto expire = [&](Mode mode) {
        return routing::expire_coupling(bench.coupling, std::chrono::hours{14 * 24}, mode,
                                        bench.now);
    };

    CHECK(expire(Mode::dry_run).deleted == 1);
    CHECK(bench.coupling.rows.size() == 3);
    const auto report = expire(Mode::apply);

    CHECK(report.deleted == 1);
    CHECK(report.undated == 1);
    CHECK(bench.coupling.rows.size() == 2);
    CHECK(expire(Mode::apply).deleted == 0);
}

TEST_CASE("groups open projects to their members")
{
    constexpr auto text = R"({"radiology": ["DEMO"], "office": ["*"], "other": ["GLIOMA"]})";
    using routing::Permissions;

    CHECK(Permissions{}.allows("DEMO"));
    CHECK(Permissions::parse(text, {"radiology"}).allows("DEMO"));
    CHECK_FALSE(Permissions::parse(text, {"radiology"}).allows("GLIOMA"));
    CHECK(Permissions::parse(text, {"office"}).allows("GLIOMA"));
    CHECK_FALSE(Permissions::parse(text, {}).allows("DEMO"));
    CHECK_THROWS_AS(Permissions::parse(text, {}).check(ProjectName{"DEMO"}), Error);
    for (const auto* const broken : {"", "[]", R"({"a": "DEMO"})", R"({"a": [1]})"}) {
        CHECK_THROWS_AS(Permissions::parse(broken, {"a"}), Error);
    }
}

TEST_CASE("a formula for a spreadsheet is no value of a coupling list")
{
    const auto* const formula =
        GENERATE("=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", "-2+3", "=HYPERLINK(\"\"x\"\")");
    CAPTURE(formula);

    const auto as_accession =
        parse(fmt::format("AccessionNumber,ProjectName,SubjectID\n\"{}\",DEMO,D_1\n", formula));
    const auto as_participant =
        parse(fmt::format("AccessionNumber,ProjectName,SubjectID\nA1,DEMO,\"{}\"\n", formula));
    const auto as_project =
        parse(fmt::format("AccessionNumber,ProjectName,SubjectID\nA1,\"{}\",DEMO_001\n", formula));
    const auto as_event = parse(fmt::format(
        "AccessionNumber,ProjectName,SubjectID,EventName\nA1,DEMO,DEMO_001,\"{}\"\n", formula));

    CHECK(as_accession.bad.size() == 1);
    CHECK(as_participant.bad.size() == 1);
    CHECK(as_project.bad.size() == 1);
    CHECK(as_event.bad.size() == 1);
}

TEST_CASE(
    "a coupling list of 100,000 rows is read whole, one of a million refused, within a minute")
{
    const auto list = [](int rows) {
        std::string text = "AccessionNumber,ProjectName,SubjectID\n";
        for (int i = 0; i < rows; ++i) {
            text += fmt::format("A{},DEMO,DEMO_{}\n", i, i);
        }
        return text;
    };
    constexpr std::size_t rows = 100'000;
    const CpuTime work;

    const auto read = parse(list(rows));

    CHECK(read.bad.empty());
    REQUIRE(read.lines.size() == rows);
    CHECK(read.lines.back().number == rows + 1);
    CHECK_THROWS_AS(parse(list(1'000'000)), Error);
    CHECK(work.seconds() < 60);
}
