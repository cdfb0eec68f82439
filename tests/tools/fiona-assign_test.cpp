// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/demo_site.h"
#include "tests/support/jumped_clock.h"
#include "tests/support/refused_command.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <algorithm>

using namespace fiona;
using Catch::Matchers::Contains;

namespace {

/// A demo with one study 1.2.3 in raw/.
class Desk {
public:
    Desk() { sort_object(site.config.paths, "1.2.3", "1.2.3.1", "1.2.3.1.1"); }

    [[nodiscard]] Outcome assign(std::vector<std::string> more = {}) const
    {
        std::vector<std::string> words{"assign",        "1.2.3",    "--project",
                                       "DEMO",          "--event",  "baseline_arm_1",
                                       "--participant", "DEMO_001", "--create-participant"};
        words.insert(words.end(), more.begin(), more.end());
        return site.run("fiona-assign", words);
    }

    [[nodiscard]] json::Array transfers() const
    {
        const auto run = site.run("fiona-assign", {"status", "--json"});
        CAPTURE(run.err);
        REQUIRE(run.exit_code == EX_OK);
        return json::parse(run.out, "status").array();
    }

    [[nodiscard]] std::string audit() const
    {
        return read_file_if_any(site.config.paths.logs() / "assign-audit.log").value_or("");
    }

    DemoSite site;
};

} // namespace

TEST_CASE("fiona-assign: a study is assigned once, however often it is asked for")
{
    const Desk desk;

    const auto first = desk.assign();
    CAPTURE(first.err);
    REQUIRE(first.exit_code == EX_OK);
    const auto audit = desk.audit();
    const auto second = desk.assign();

    CHECK(second.exit_code == EX_OK);
    CHECK_THAT(second.out, Contains("was requested before"));
    CHECK(desk.audit() == audit);
    const auto transfers = desk.transfers();
    REQUIRE(transfers.size() == 1);
    CHECK(transfers[0].text("participant") == "DEMO_001");
    CHECK(transfers[0].text("event") == "Baseline");
    CHECK(transfers[0].text("state") == "requested");
    CHECK(std::ranges::count(audit, '\n') == 2); // the participant, the request
}

TEST_CASE("fiona-assign: the lists show what is there and no identity")
{
    const Desk desk;

    const auto studies = desk.site.run("fiona-assign", {"studies"});
    CHECK(studies.exit_code == EX_OK);
    CHECK_THAT(studies.out,
               Contains("1.2.3") && Contains("new") && !Contains("JANE") && !Contains("TESTID001"));
    CHECK(desk.site.run("fiona-assign", {"studies", "--filter", "modalities~CT", "--json"}).out
          == "[]\n");
    CHECK_THAT(desk.site.run("fiona-assign", {"projects"}).out,
               Contains("DEMO  ") && Contains("DEMO_[0-9][0-9][0-9]") && Contains("yes"));
    CHECK_THAT(desk.site.run("fiona-assign", {"events", "DEMO"}).out,
               Contains("Baseline") && Contains("baseline_arm_1") && Contains("Week 52"));
    REQUIRE(desk.site.run("fiona-assign", {"add-participant", "DEMO", "DEMO_042"}).exit_code
            == EX_OK);
    CHECK(desk.site.run("fiona-assign", {"participants", "DEMO", "--like", "42"}).out
          == "DEMO_042\n");
}

TEST_CASE("fiona-assign: a dry run checks and changes nothing")
{
    const Desk desk;

    const auto run = desk.assign({"--dry-run"});
    CAPTURE(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("would be requested"));
    const auto add =
        desk.site.run("fiona-assign", {"add-participant", "DEMO", "DEMO_002", "--dry-run"});
    CHECK(add.exit_code == EX_OK);

    CHECK(desk.transfers().empty());
    CHECK(desk.site.run("fiona-assign", {"participants", "DEMO"}).out.empty());
    CHECK(desk.audit().empty());
}

TEST_CASE("fiona-assign: what must not be is refused, its class in the exit code")
{
    const Desk desk;
    REQUIRE(desk.assign().exit_code == EX_OK);
    const auto run = [&](const std::vector<std::string>& words) {
        return desk.site.run("fiona-assign", words);
    };

    CHECK(run({"assign", "1.2.99", "--project", "DEMO", "--participant", "DEMO_001"}).exit_code
          == EX_NOINPUT);
    CHECK(run({"assign", "1.2.3", "--project", "NONE", "--participant", "DEMO_001"}).exit_code
          == EX_NOINPUT);
    const auto identity =
        run({"assign", "1.2.3", "--project", "DEMO", "--participant", "TESTID001"});
    CHECK(identity.exit_code == EX_DATAERR);
    CHECK_THAT(identity.err, Contains("pseudonym") && !Contains("TESTID001"));
    CHECK(run({"check-id", "DEMO", "DEMO_001"}).exit_code == EX_DATAERR);
    CHECK(run({"check-id", "DEMO", "DEMO_1234"}).exit_code == EX_DATAERR);
    CHECK(run({"check-id", "DEMO", "DEMO_003"}).exit_code == EX_OK);
    const std::vector<std::string> second{
        "assign", "--accession",   "ACC0000123", "--project",
        "DEMO",   "--participant", "DEMO_002",   "--create-participant"};
    CHECK(run(second).exit_code == EX_DATAERR);
    auto forced = second;
    forced.emplace_back("--force-second");
    CHECK(run(forced).exit_code == EX_OK);
    CHECK(desk.transfers().size() == 2);
}

TEST_CASE("fiona-assign: a participant gets a second patient only by a person's word")
{
    const Desk desk;
    sort_object(desk.site.config.paths, "1.2.4", "1.2.4.1", "1.2.4.1.1",
                {{"PatientID", "SECRET77"}, {"AccessionNumber", "ACC0000124"}});
    REQUIRE(desk.assign().exit_code == EX_OK);
    const std::vector<std::string> words{"assign", "1.2.4",         "--project",
                                         "DEMO",   "--participant", "DEMO_001"};

    const auto refused = desk.site.run("fiona-assign", words);
    CHECK(refused.exit_code == EX_DATAERR);
    CHECK_THAT(refused.err, Contains("another patient") && Contains("--same-person")
                                && !Contains("SECRET77") && !Contains("TESTID001"));
    CHECK(desk.transfers().size() == 1);

    auto decided = words;
    decided.emplace_back("--same-person");
    CHECK(desk.site.run("fiona-assign", decided).exit_code == EX_OK);
    CHECK(desk.site.run("fiona-assign", words).exit_code == EX_OK); // requested before: no question
    CHECK(desk.transfers().size() == 2);
}

TEST_CASE("fiona-assign: a bad command line is 64")
{
    CHECK(answer_to_wrong_command("fiona-assign", {}) == "refused");
    CHECK(answer_to_wrong_command("fiona-assign", {"assign", "1.2.3"}) == "refused");
    CHECK(answer_to_wrong_command("fiona-assign", {"nonsense"}) == "refused");
    const TempDir empty;
    CHECK(run_tool("fiona-assign", {"projects", "--config", empty / "none.json"}).exit_code
          == EX_CONFIG);
}

TEST_CASE("fiona-assign: killed after the audit line, the next run makes one request")
{
    const Desk desk;
    const auto audit_file = desk.site.config.paths.logs() / "assign-audit.log";
    const std::vector<std::string> words{"assign",
                                         "1.2.3",
                                         "--project",
                                         "DEMO",
                                         "--participant",
                                         "DEMO_001",
                                         "--create-participant",
                                         "--config",
                                         desk.site.config_file};

    static_cast<void>(run_tool_and_kill("fiona-assign", words, desk.site.environment(),
                                        [&] { return std::filesystem::exists(audit_file); }));
    const auto again = run_tool("fiona-assign", words, desk.site.environment());

    CAPTURE(again.err);
    CHECK(again.exit_code == EX_OK);
    CHECK(desk.transfers().size() == 1);
    CHECK(desk.site.run("fiona-assign", {"participants", "DEMO"}).out == "DEMO_001\n");
}

TEST_CASE("fiona-assign: without REDCap nothing is claimed and nothing is written")
{
    const Desk desk;
    desk.site.stop_redcap();
    auto document = json::parse(read_file(desk.site.config_file), "config");
    document.object()["REDCAP"].object()["deadline"] = 1;
    store::write_file(desk.site.config_file, json::write(document));

    const auto run = desk.assign();

    CHECK(run.exit_code == EX_TEMPFAIL);
    CHECK(desk.audit().empty());
}

TEST_CASE("fiona-assign: a coupling list is imported once, listed, and expires")
{
    const Desk desk;
    const auto file = desk.site.root + "/list.csv";
    store::write_file(file, "AccessionNumber,ProjectName,subjectid,eventname\r\n"
                            "ACC0000123,DEMO,DEMO_001,Baseline\r\n"
                            "A2,DEMO,DEMO_002,\r\n");
    const auto run = [&](const std::vector<std::string>& words) {
        return desk.site.run("fiona-assign", words);
    };

    const auto dry = run({"coupling", "import", file, "--create-participants", "--dry-run"});
    CAPTURE(dry.err);
    CHECK(dry.exit_code == EX_OK);
    CHECK(run({"coupling", "list", "--json"}).out == "[]\n");
    const auto first = run({"coupling", "import", file, "--create-participants"});
    CHECK(first.exit_code == EX_OK);
    CHECK_THAT(first.out, Contains("2 lines: 2 added") && Contains("2 participants created")
                              && Contains("1 match"));
    CHECK_THAT(run({"coupling", "import", file}).out, Contains("0 added, 2 known before"));
    CHECK_THAT(run({"coupling", "list", "--project", "DEMO"}).out,
               Contains("ACC0000123") && Contains("DEMO_002"));
    CHECK(run({"participants", "DEMO"}).out == "DEMO_001\nDEMO_002\n");
    CHECK(std::ranges::count(desk.audit(), '\n') == 4);
    CHECK_THAT(run({"coupling", "expire"}).out, Contains("0 deleted"));
    std::filesystem::remove(desk.site.config.paths.status() / "clock-coupling-expire.json");
    let_clock_jump(desk.site.config.paths, "coupling-expire");
    const auto jumped = run({"coupling", "expire", "--older-than", "0s"});
    CHECK(jumped.exit_code == EX_TEMPFAIL);
    CHECK_THAT(jumped.err, Contains("the clock has jumped"));
    CHECK_THAT(run({"coupling", "list"}).out, Contains("ACC0000123"));

    store::write_file(file, "AccessionNumber,ProjectName,SubjectID\nA3,DEMO,DEMO_003\nA4,DEMO,X\n");
    const auto bad = run({"coupling", "import", file});
    CHECK(bad.exit_code == EX_DATAERR);
    CHECK_THAT(bad.out, Contains("line 3: ") && Contains("nothing is imported"));
    const auto skipped = run({"coupling", "import", file, "--skip-bad", "--json"});
    CHECK(skipped.exit_code == EX_DATAERR);
    CHECK(json::parse(skipped.out, "out").find("added")->integer() == 1);
}

TEST_CASE("fiona-assign: a request is taken back before it is sent, and only then")
{
    const Desk desk;
    REQUIRE(desk.assign().exit_code == EX_OK);
    REQUIRE(desk.site.run("fiona-create-transfer-requests", {}).exit_code == EX_OK);
    const auto requests = desk.site.config.paths.requests();
    const auto files = [&] {
        return std::ranges::count_if(
            std::filesystem::directory_iterator{requests},
            [](const auto& entry) { return entry.path().extension() == ".json"; });
    };
    REQUIRE(files() == 1);
    const std::vector<std::string> cancel{"cancel", "1.2.3", "--project", "DEMO"};
    auto dry = cancel;
    dry.emplace_back("--dry-run");

    CHECK(desk.site.run("fiona-assign", dry).exit_code == EX_OK);
    CHECK(files() == 1);
    const auto run = desk.site.run("fiona-assign", cancel);
    CAPTURE(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(files() == 0);
    CHECK(desk.transfers().empty());
    CHECK_THAT(desk.audit(), Contains("command=cancel"));
    CHECK(desk.site.run("fiona-assign", cancel).exit_code == EX_NOINPUT);
    CHECK(desk.assign().exit_code == EX_OK);
}

TEST_CASE("fiona-assign: groups open projects to people")
{
    const Desk desk;
    const auto groups = desk.site.config.paths.config() / "assign-groups.json";
    store::write_file(groups, R"({"daemon": ["DEMO"], "bin": ["GLIOMA"]})");
    const auto run_as = [&](const std::string& user, std::vector<std::string> words) {
        words.insert(words.end(), {"--config", desk.site.config_file});
        auto environment = desk.site.environment();
        environment.push_back("SUDO_USER=" + user);
        return run_tool("fiona-assign", words, environment);
    };

    CHECK(run_as("daemon", {"events", "DEMO"}).exit_code == EX_OK);
    const auto refused = run_as("bin", {"events", "DEMO"});
    CHECK(refused.exit_code == EX_NOPERM);
    CHECK_THAT(refused.err, Contains("assign-groups.json"));
    CHECK(run_as("bin", {"projects", "--json"}).out == "[]\n");
    CHECK(run_as("daemon", {"coupling", "expire"}).exit_code == EX_NOPERM);
    std::filesystem::permissions(groups, std::filesystem::perms{0666});
    CHECK(run_as("daemon", {"events", "DEMO"}).exit_code == EX_CONFIG);
}
