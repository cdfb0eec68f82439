// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/export/package.h"
#include "libfiona/export/runner.h"
#include "libfiona/export/zip_output.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <filesystem>
#include <string>

using namespace fiona;
using namespace fiona::exports;

namespace fs = std::filesystem;

namespace {

/// A job whose package is made already and has only to be mailed.
struct Bench {
    Bench()
    {
        settings.list = directory / "list.jobs";
        settings.failed_list = directory / "failed.jobs";
        settings.packages = directory / "files";
        settings.work = directory.path;
        settings.types = directory / "exports.json";
        settings.last_exports = directory / "last.json";
        settings.pacs.host = "127.0.0.1";
        settings.pacs.port = 1;
        settings.mail_domains = {"example.org"};
        store::write_file(settings.types, "{\"plain\":{}}");
        const std::string line =
            R"({"exportType":"plain","project":"DEMO","patientid":"P","studyinstanceuid":"1.2.3",)"
            R"("email":"a@example.org","password":"c2VjcmV0","token":"00ff"})";
        store::write_file(settings.list, line + "\n");
        const auto package = package_file(settings, read_job(json::parse(line, "line")), "");
        fs::create_directories(settings.packages);
        store::write_file(package, "zip");
        store::write_file(zip::Output::md5_file(package), "md5");
    }

    RunReport run()
    {
        return run_exports(
            config, settings,
            [&](const ExportJob&, const fs::path&) {
                ++mails;
                if (has_bad_disk) { // the lock cannot be opened, so nothing is taken out
                    fs::remove(lock);
                    fs::create_directories(lock);
                }
            },
            {});
    }
    void let_the_process_die() const
    {
        auto text = read_file(settings.list);
        const auto pid = fmt::format("\"pid\":{}", ::getpid());
        text.replace(text.find(pid), pid.size(), "\"pid\":4194303");
        store::write_file(settings.list, text);
    }

    TempDir directory;
    Config config;
    ExportSettings settings;
    fs::path lock = directory / "list.jobs.lock";
    bool has_bad_disk = false;
    int mails = 0;
};

} // namespace

TEST_CASE("a package is mailed, and its line goes")
{
    Bench bench;

    const auto report = bench.run();

    REQUIRE(report.jobs.size() == 1);
    INFO(report.jobs.front().reason);
    CHECK(report.jobs.front().state == ExportResult::State::was_there);
    CHECK(bench.mails == 1);
    CHECK(read_file(bench.settings.list).empty());
}

TEST_CASE("a package whose line cannot be taken out is not mailed again")
{
    Bench bench;
    bench.has_bad_disk = true;

    CHECK_THROWS_AS(bench.run(), Error); // it cannot ask for another job
    fs::remove(bench.lock);
    CHECK(bench.mails == 1);
    CHECK(ExportList{bench.settings.list, bench.settings.failed_list}.read().jobs.at(0).state
          == ExportJob::State::mailing);
    CHECK(bench.run().jobs.empty()); // this process lives
    bench.let_the_process_die();
    const auto report = bench.run();

    REQUIRE(report.jobs.size() == 1);
    CHECK(report.jobs.front().state == ExportResult::State::given_up);
    CHECK(bench.mails == 1);
    CHECK(read_file(bench.settings.list).empty());
}
