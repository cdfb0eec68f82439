// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/store/requests.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"
#include "tests/support/transfer_site.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sysexits.h>

#include <fstream>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// A site that has received and sent for a month, with a failure, and its report.
struct ReportSite {
    ReportSite() : studies{site.config()}
    {
        const auto paths = site.config().paths;
        for (const auto& directory : {paths.logs(), paths.incoming_list().parent_path(),
                                      paths.state() / "review", paths.state() / "status"}) {
            fs::create_directories(directory);
        }
        const auto now = Clock::now();
        std::ofstream list{paths.incoming_list()};
        std::ofstream audit{paths.logs() / "transfers-audit.jsonl"};
        std::ofstream history{paths.state() / "status" / "history.csv"};
        for (int i = 700; i > 0; --i) {
            const auto then = now - std::chrono::hours{i};
            list << epoch_seconds(then) << " A B host 1.2.3." << i << " 1 MR\n";
            audit << R"({"time":")" << iso8601_utc(then)
                  << R"(","error":"","bytes":123456789,"counts":{"stored":12,"held":0,"masked":1}})"
                  << "\n";
            history << epoch_seconds(then) << "," << i % 40 << "," << i * 7 % 90 << "," << i % 13
                    << "," << i * 31 % 9000 << "," << 9000 - i << "," << (9000 - i) * 1000000LL
                    << ",4000000000000,9000000000000\n";
        }
        const store::Requests requests{paths};
        studies.add_study(1, 2); // with everything that identifies its patient
        const auto name = studies.file_request(TransferSite::study_uid(1));
        const store::RequestWorker worker{requests};
        REQUIRE(worker.claim(name, now));
        worker.finish_failed(
            name,
            json::Object{{"error", "study " + TransferSite::study_uid(1)
                                       + ": <script>alert(1)</script> & a reason that is long "
                                         "enough to need a second line on every telephone"}});
        std::ofstream{site.root() / "crontab"}
            << read_file(fs::path{FIONA_SOURCE_DIR} / "crontab.example");
        std::ofstream{paths.state() / "review" / "2.25.123456789.png"} << "picture";
        std::ofstream{paths.state() / "review" / "DOE^JANE.png"} << "stranger";
    }

    Outcome write() const
    {
        return site.run("fiona-status", {"summary", "--offline", "--html", html().native()});
    }
    [[nodiscard]] fs::path html() const { return site.root() / "report"; }
    [[nodiscard]] std::string page(const char* name) const { return read_file(html() / name); }

    Site site;
    TransferSite studies;
};

} // namespace

TEST_CASE("fiona-status report: the pages fetch nothing, run nothing, and hold no identity")
{
    const ReportSite site;

    CHECK(site.write().exit_code == 2);

    for (const auto* const name : {"index.html", "jobs.html", "review.html"}) {
        const auto page = site.page(name);
        CAPTURE(name);
        CHECK_THAT(page,
                   Contains("default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:"));
        CHECK_THAT(page, !Contains("<script") && !Contains("http://") && !Contains("https://")
                             && !Contains("@import") && !Contains("url(") && !Contains("<link"));
        CHECK_THAT(page, !Contains(TransferSite::study_uid(1)) && !Contains("1.2.3."));
        CHECK(identity_in(page).empty());
    }
    CHECK_THAT(site.page("index.html"), Contains("&lt;script&gt;") && Contains("<svg"));
    CHECK_THAT(site.page("jobs.html"), Contains("fiona-anonymize-send"));
    CHECK_THAT(site.page("review.html"), Contains("2.25.123456789.png") && !Contains("DOE"));
    CHECK_FALSE(fs::exists(site.html() / "review" / "DOE^JANE.png"));
    CHECK(fs::status(site.html() / "index.html").permissions() == fs::perms{0644});
}

TEST_CASE("fiona-status report: a second run leaves the same files, and sheets that went go")
{
    const ReportSite site;
    static_cast<void>(site.write());
    const auto sheet = site.html() / "review" / "2.25.123456789.png";
    struct stat before {};
    REQUIRE(::stat(sheet.c_str(), &before) == 0);
    std::ofstream{site.html() / "index2.html"} << "somebody else's";
    std::ofstream{site.html() / "review" / "notes.txt"} << "somebody else's";

    static_cast<void>(site.write());
    struct stat after {};
    REQUIRE(::stat(sheet.c_str(), &after) == 0);
    CHECK(after.st_ino == before.st_ino); // not copied again

    fs::remove(site.site.config().paths.state() / "review" / "2.25.123456789.png");
    static_cast<void>(site.write());
    CHECK_FALSE(fs::exists(sheet));
    CHECK(fs::exists(site.html() / "index2.html"));
    CHECK(fs::exists(site.html() / "review" / "notes.txt"));
}

TEST_CASE(
    "fiona-status report: a contact sheet that is too large is left out, and the rest is there")
{
    const ReportSite site;
    const auto sheet = site.site.config().paths.state() / "review" / "2.25.99.png";
    std::ofstream{sheet}.flush();
    fs::resize_file(sheet, 40 << 20); // a hole

    CHECK(site.write().exit_code == 2);

    CHECK_THAT(site.page("review.html"), Contains("2.25.123456789") && !Contains("2.25.99"));
}

TEST_CASE("fiona-status report: Chromium shows each page in a desktop's and a telephone's width "
          "without overflow")
{
    const ReportSite site;
    static_cast<void>(site.write());
    for (const auto* const width : {"390", "1280"}) {
        for (const auto* const name : {"index", "jobs", "review"}) {
            const auto shot = site.site.root() / (std::string{name} + width + ".png");
            Finished shown;
            try {
                shown =
                    run({.arguments = {"chromium", "--headless", "--no-sandbox", "--disable-gpu",
                                       "--hide-scrollbars", "--disable-dev-shm-usage",
                                       "--proxy-server=127.0.0.1:1", // nothing may be asked for
                                       "--user-data-dir=" + (site.site.root() / "chrome").native(),
                                       "--screenshot=" + shot.native(),
                                       std::string{"--window-size="} + width + ",1200",
                                       "file://" + (site.html() / name).native() + ".html"}});
            } catch (const Error& e) {
                skip("chromium is not installed");
                return;
            }
            CAPTURE(name, width, shown.err);
            REQUIRE(fs::exists(shot));
            const auto edge =
                run({.arguments = {"/usr/bin/python3",
                                   std::string{FIONA_SOURCE_DIR} + "/tests/tools/png_edge.py",
                                   shot.native(), "8"}});
            CHECK(edge.out == std::string{width} + " 1200 1\n");
        }
    }
}
