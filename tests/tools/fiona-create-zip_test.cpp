// SPDX-License-Identifier: MIT
#include "tests/support/export_site.h"
#include "tests/support/run_tool.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sysexits.h>

#include <chrono>
#include <csignal>

using namespace fiona;
using Catch::Contains;

namespace fs = std::filesystem;

namespace {

const ExportStudy study;

std::vector<std::string> request_arguments(const std::string& type = "PURE")
{
    return {"request",  "--project", "DEMO",        "--participant", study.participant,
            "--study",  study.uid,   "--accession", study.accession, "--event",
            "baseline", "--type",    type};
}

/// Everything below the site that is no log and no lock, with its size.
std::vector<std::string> picture_of(const fs::path& root)
{
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator{root}) {
        if (entry.is_regular_file() && entry.path().extension() != ".lock") {
            files.push_back(fmt::format("{} {}", entry.path().native(), entry.file_size()));
        }
    }
    std::ranges::sort(files);
    return files;
}

} // namespace

TEST_CASE("fiona-create-zip: a package is asked for, made, and its line goes")
{
    const ExportBench bench{{study}};
    const auto& site = bench.site;

    const auto asked = site.create(request_arguments());
    INFO(asked.err);
    REQUIRE(asked.exit_code == EX_OK);
    const auto waiting = site.create({"status"});
    CHECK_THAT(waiting.out, Contains("queued"));
    CHECK_THAT(waiting.out, !Contains(study.uid));
    const auto run = site.create({"run"});
    INFO(run.err << run.out);
    REQUIRE(run.exit_code == EX_OK);

    const auto name = fmt::format("DEMO_DEMO_0001_baseline_{}_ACC0001_PURE", study.uid);
    CHECK(site.names("") == std::vector<std::string>{".status", name + ".md5", name + ".zip"});
    const auto entries = site.entries();
    REQUIRE(entries.size() == 7);
    CHECK(entries.front()
          == fmt::format("DEMO/DEMO_0001/20240102_101500_baseline/0001_t1-blåbær-Ø/MR.{}.1.1.dcm",
                         study.uid));
    CHECK(entries.back() == "fiona.txt");
    CHECK(site.lines().empty());
    CHECK(fs::is_empty(site.config().paths.export_root / "Export/files/.status") == false);
    const auto sums = fiona::run(
        {.arguments = {"env", "-C", site.packages().native(), "md5sum", "-c", name + ".md5"}});
    CHECK(sums.exit_code == 0);
    CHECK_THAT(read_file(site.list().parent_path() / "execMeasurements.json"), Contains("DEMO"));
    CHECK_THAT(run.err + run.out, !Contains("DEMO_0001"));
    CHECK_THAT(run.err + run.out, !Contains(study.accession));
    for (const auto& entry : fs::directory_iterator{site.packages().parent_path()}) {
        CHECK(entry.path().filename().native().starts_with("tmp_") == false);
    }
}

TEST_CASE("fiona-create-zip: asked twice, made once")
{
    const ExportBench bench{{study}};
    const auto& site = bench.site;
    REQUIRE(site.create(request_arguments()).exit_code == EX_OK);
    const auto again = site.create(request_arguments());
    CHECK_THAT(again.out, Contains("was asked for before"));
    REQUIRE(site.create({"run"}).exit_code == EX_OK);
    const auto zip = site.packages() / site.names(".zip").front();
    const auto time = fs::last_write_time(zip);

    const auto idle = site.create({"run"});
    site.put_lines(ExportSite::line(study, "PURE"));
    const auto third = site.create({"run"});

    CHECK(idle.exit_code == EX_OK);
    CHECK_THAT(idle.out, Contains("0 packages"));
    CHECK(third.exit_code == EX_OK);
    CHECK_THAT(third.out, Contains("was there"));
    CHECK(fs::last_write_time(zip) == time);
    CHECK(site.lines().empty());
}

TEST_CASE("fiona-create-zip: a dry run changes nothing")
{
    const ExportBench bench{{study}};
    const auto& site = bench.site;
    const auto before = picture_of(site.root());

    const auto asked = site.create(
        {"--dry-run", "request", "--project", "DEMO", "--participant", "X", "--study", "1.2.3"});
    CHECK(asked.exit_code == EX_OK);
    CHECK_THAT(asked.out, Contains("would be asked for"));
    CHECK(picture_of(site.root()) == before);
    site.put_lines(ExportSite::line(study, "PURE"));
    const auto waiting = picture_of(site.root());
    const auto run = site.create({"--dry-run", "run"});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("would be made"));
    CHECK(picture_of(site.root()) == waiting);
}

TEST_CASE("fiona-create-zip: one bad job among good ones stops none, and every line is kept")
{
    const auto second = ExportStudy::numbered(2);
    const ExportBench bench{{study, second}};
    const auto& site = bench.site;
    const auto unknown = ExportStudy::numbered(9);
    ExportStudy another = second;
    another.participant = "DEMO_0099";
    const std::string odd = "no JSON at all \xff\n{\"half\": \n\n[1, 2]\n";
    site.put_lines(odd + ExportSite::line(unknown, "PURE") + ExportSite::line(study, "NOSUCH")
                   + ExportSite::line(another, "PURE") + ExportSite::line(study, "PURE")
                   + ExportSite::line(second, ""));

    const auto run = site.create({"run"});

    INFO(run.err << run.out);
    CHECK(run.exit_code != EX_OK);
    CHECK(site.names(".zip").size() == 2);
    const auto left = site.lines();
    CHECK(left.starts_with(odd));
    CHECK(std::ranges::count(left, '\n') == 4 + 3);
    CHECK_THAT(left, Contains("has no such study"));
    CHECK_THAT(left, Contains("no such export type"));
    CHECK_THAT(left, Contains("of another participant"));
    CHECK_THAT(left, Contains("not_before"));
    const auto at_once = site.create({"run"}); // none is due
    CHECK(at_once.exit_code == EX_OK);
    CHECK(site.lines() == left);
}

TEST_CASE("fiona-create-zip: a job that fails too often goes to the failed list")
{
    const PacsServer pacs;
    ExportSite site{pacs.peer()};
    site.set("EXPORT", json::Object{{"attempts", 2}});
    site.put_lines("untouched\n" + ExportSite::line(study, "PURE"));
    const auto id = site.first_id();

    CHECK(site.create({"run", "--job", id}).exit_code == EX_NOINPUT);
    CHECK(site.failed_lines().empty());
    CHECK(site.create({"run", "--job", id}).exit_code == EX_NOINPUT);

    const auto failed = site.failed_lines();
    REQUIRE(failed.size() == 1);
    CHECK(failed.front().text("studyinstanceuid") == study.uid);
    CHECK_THAT(failed.front().text("last_error"), Contains("no such study"));
    CHECK(site.lines() == "untouched\n");

    const auto status = site.create({"status"});
    CHECK_THAT(status.out, Contains("given up") && Contains("no such study"));
    CHECK_THAT(status.out, !Contains(study.uid) && !Contains(study.participant));
    const auto document = json::parse(site.create({"status", "--json"}).out, "status");
    CHECK(document.find("jobs")->array().empty());
    CHECK(document.find("given_up")->integer() == 1);
    REQUIRE(document.find("given_up_jobs")->array().size() == 1);
    const auto& given_up = document.find("given_up_jobs")->array().front();
    CHECK(given_up.text("id") == id);
    CHECK(given_up.text("project") == failed.front().text("project"));
    CHECK_THAT(given_up.text("last_error"), Contains("no such study"));
}

TEST_CASE("fiona-create-zip: a bad command line is 64")
{
    const ExportSite site{pacs::Peer{"127.0.0.1", 1, "NOBODY", "FIONA"}};
    const auto arguments =
        GENERATE(std::vector<std::string>{}, std::vector<std::string>{"make"},
                 std::vector<std::string>{"request", "--project", "DEMO"},
                 std::vector<std::string>{"run", "--max", "many"},
                 std::vector<std::string>{"request", "--project", "DEMO", "--participant", "P",
                                          "--study", "1.2", "--email", "a@example.org"});

    CHECK(site.create(arguments).exit_code == EX_USAGE);
    CHECK_FALSE(fs::exists(site.list()));
}

TEST_CASE("fiona-create-zip: killed at any moment, it leaves no half package, and all lines")
{
    const ExportBench bench{{study}};
    const auto& site = bench.site;
    const std::string other = "somebody's line\n";
    site.put_lines(other);
    std::size_t killed = 0;
    for (int round = 0; round < 100; ++round) {
        site.put_lines(ExportSite::line(study, round % 2 == 0 ? "PURE" : "plain"));
        const auto end =
            std::chrono::steady_clock::now() + std::chrono::milliseconds{(round * 37) % 450};
        const auto run =
            run_tool_and_kill("fiona-create-zip", {"--config", site.config_file().native(), "run"},
                              {}, [&] { return std::chrono::steady_clock::now() >= end; });
        killed += run.exit_code == 128 + SIGKILL ? 1 : 0;
        CAPTURE(round);
        for (const auto& name : site.names(".zip")) {
            const auto tested =
                fiona::run({.arguments = {"unzip", "-tqq", (site.packages() / name).native()}});
            REQUIRE(tested.exit_code == 0);
            REQUIRE(fs::exists(site.packages() / (name.substr(0, name.size() - 3) + "md5")));
            fs::remove(site.packages() / name);
        }
        REQUIRE_THAT(site.lines(), Catch::StartsWith(other));
    }
    CHECK(killed > 20);

    const auto last = site.create({"run"});

    INFO(last.err << last.out << site.lines());
    CHECK(last.exit_code == EX_OK);
    CHECK(site.lines() == other);
    CHECK(site.names(".zip").size() >= 1);
    CHECK(site.names(".part").empty());
    CHECK(site.failed_lines().empty());
}

TEST_CASE("fiona-create-zip: values of a job do nothing but be data")
{
    ExportStudy odd;
    odd.participant = "x'\"$(touch gone);`id`../../y";
    odd.accession = "a;'$(b)";
    odd.more = {{"SeriesDescription", "../../$(touch gone);'\""}, {"InstitutionName", "../.."}};
    const ExportBench bench{{odd}};
    const auto& site = bench.site;
    site.put_lines(ExportSite::line(
        odd, "PURE",
        {{"project", "../../DE'MO\"$(touch gone)"}, {"event", "a\nb/../../c;rm -rf ."}}));

    const auto run = site.create({"run"});

    INFO(run.err << run.out << site.lines());
    REQUIRE(run.exit_code == EX_OK);
    const auto zips = site.names(".zip");
    REQUIRE(zips.size() == 1);
    CHECK(zips.front().find_first_of("'\"$();`/\n ") == std::string::npos);
    for (const auto& entry : site.entries()) {
        CAPTURE(entry);
        CHECK(entry.find_first_of("'\"$();`\n\\") == std::string::npos);
        CHECK(entry.find("..") == std::string::npos);
        CHECK(entry.front() != '/');
    }
    for (const auto& entry : fs::recursive_directory_iterator{site.root()}) {
        CHECK(entry.path().filename() != "gone");
    }
}
