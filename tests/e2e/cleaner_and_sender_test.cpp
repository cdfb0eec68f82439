// SPDX-License-Identifier: MIT
// Cleaners that take all they may, while somebody works on the same studies.
#include "libfiona/redcap/incoming.h"
#include "libfiona/site/layout.h"
#include "libfiona/store/spool.h"
#include "tests/support/scripted_pacs.h"
#include "tests/support/sending_site.h"
#include "tests/support/used_disk.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <array>
#include <filesystem>
#include <set>

using namespace fiona;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

namespace {

constexpr int images = 4;

/// Of the day before its transfer.
void make_old(const fs::path& path)
{
    using namespace std::chrono;
    const auto when = Clock::to_time_t(sys_days{2024y / January / 1d});
    const std::array<timespec, 2> times{timespec{when, 0}, timespec{when, 0}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) == 0);
}

/// A study that came and was sent long ago: a cleaner may take it, unless somebody has it in his hands.
void add_sent_long_ago(const SendingSite& site, int number)
{
    site.studies->add_study(number, images);
    const auto study = TransferSite::study_uid(number);
    for (const auto& top : {site.studies->paths().archive() / ("scp_" + study),
                            site.studies->paths().raw() / study}) {
        for (const auto& entry : fs::recursive_directory_iterator{top}) {
            make_old(entry.path());
        }
        make_old(top);
    }
    site.site.client(redcap::Role::incoming)
        ->import_records({{study, "", "", 0, {{"study_date", "20240102"}}},
                          {study, "", "series", 1, {{"series_instance_uid", study + ".1"}}},
                          {study,
                           "",
                           "transfers",
                           1,
                           {{"transfer_project_name", "DEMO"},
                            {"transfer_name", "DEMO_0001"},
                            {"transfer_requested_date", "2024-01-02 10:30"},
                            {"transfer_date", "2024-01-02 11:30"}}}},
                         redcap::Overwrite::normal);
}

bool is_archived(const SendingSite& site, int number)
{
    return fs::exists(site.studies->paths().archive() / ("scp_" + TransferSite::study_uid(number)));
}

} // namespace

TEST_CASE("cleaners that take all they may, while a slow sender works: every object is sent")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    constexpr int wanted = 5;
    constexpr int others = 3;
    const ScriptedPacs pacs{[](std::size_t) { return ScriptedPacs::Answer{.delay = 300ms}; }};
    SendingSite site{json::Object{{"port", pacs.port()}}};
    site.site.set_redcap("rate_per_minute", 0); // otherwise the limit is what takes time
    use_disk(site.site.root());
    for (const auto& directory : site::directories(site.studies->paths())) {
        fs::create_directories(directory.path);
    }
    const store::Spool spool{site.studies->paths().spool()};
    std::vector<std::string> requests;
    for (int number = 1; number <= wanted + others; ++number) {
        add_sent_long_ago(site, number);
        if (number <= wanted) { // by hand: the row in REDCap is that of the old transfer
            requests.push_back(site.studies->file_request(TransferSite::study_uid(number)));
        }
    }
    const std::vector<std::pair<std::string, std::vector<std::string>>> cleaners{
        {"fiona-clear-old",
         {"--max-used", "1", "--emergency-used", "1", "--min-age-h", "1", "--sent-days", "1",
          "--json"}},
        {"fiona-clear-stale-links", {"--min-age-min", "1"}},
        {"fiona-clear-exports", {"--max-used", "1"}},
        {"fiona-remove-old-entries", {}}};
    constexpr int goal_not_reached = 2;

    Background sender{"fiona-anonymize-send",
                      {"--config", site.site.config_file().native()},
                      site.site.root() / "sender.log"};
    unsigned rounds = 0;
    std::set<std::string> holds;
    while (sender.runs()) {
        for (const auto& [tool, arguments] : cleaners) {
            const auto run = site.site.run(tool, arguments);
            CAPTURE(tool, run.err);
            CHECK((run.exit_code == EX_OK || run.exit_code == goal_not_reached));
            for (const auto* const why : {"requested", "in work"}) {
                if (run.out.find(fmt::format("\"{}\"", why)) != std::string::npos) {
                    holds.insert(why);
                }
            }
        }
        ++rounds;
    }

    CHECK(sender.signal(0) == EX_OK);
    CHECK(rounds >= 3);
    CHECK(holds == std::set<std::string>{"in work", "requested"}); // nothing else kept them
    const auto stored = pacs.stored();
    CHECK(std::set<std::string>(stored.begin(), stored.end()).size() == images * wanted);
    for (int number = 1; number <= wanted; ++number) {
        CHECK(site.studies->whereabouts(requests.at(static_cast<std::size_t>(number) - 1))
              == "done");
        CHECK(site.told(number, "transfers_complete") == "2");
    }
    for (int number = wanted + 1; number <= wanted + others; ++number) {
        CHECK_FALSE(is_archived(site, number)); // the cleaner was at work
    }
}
