// SPDX-License-Identifier: MIT
// What a kill or a failing disk does at one system call after the other, tool by tool.
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/spool.h"
#include "tests/e2e/syscall_scene.h"
#include "tests/support/export_site.h"
#include "tests/support/full_site.h"
#include "tests/support/pacs_server.h"
#include "tests/support/scripted_pacs.h"
#include "tests/support/sending_site.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <functional>
#include <set>

namespace fs = std::filesystem;
using namespace fiona;
using Catch::Matchers::Equals;

namespace {

constexpr std::size_t most = 24; ///< rounds with one kind of trouble

struct Trouble {
    std::string calls;
    std::string what;
};

Trouble some_trouble()
{
    const auto* const what = GENERATE("signal=KILL", "error=ENOSPC", "error=EIO", "error=EDQUOT",
                                      "error=ESTALE", "error=EROFS", "error=EINTR");
    const bool is_kill = std::string_view{what} == "signal=KILL";
    return {is_kill ? traced::changing_calls : traced::disk_calls, what};
}

std::map<std::string, std::string> contents(const fs::path& directory)
{
    std::map<std::string, std::string> files;
    if (fs::exists(directory)) {
        for (const auto& entry : fs::recursive_directory_iterator{directory}) {
            if (entry.is_regular_file() && entry.path().filename().native().front() != '.') {
                files.emplace(fs::relative(entry.path(), directory), read_file(entry.path()));
            }
        }
    }
    return files;
}

/// Studies of two images each, one for each round, on their way to a PACS that takes everything.
struct Sending {
    [[nodiscard]] std::string place() { return site.studies->whereabouts(name); }

    /// `options` for the next run, by where the request lies.
    void
    run_until_done(const std::function<std::vector<std::string>(const std::string& place)>& options)
    {
        for (int run = 0; run < 4 && place() != "done"; ++run) {
            static_cast<void>(site.site.run("fiona-anonymize-send", options(place())));
        }
    }

    /// `repair` is what an operator does after the trouble; then every image is in the PACS, once.
    [[nodiscard]] Scene scene(const std::function<void()>& repair)
    {
        return {"fiona-anonymize-send",
                [this](unsigned) {
                    name = site.add(++studies, 2);
                    return std::vector<std::string>{"--config", file, "--request", name};
                },
                [this](unsigned, const Outcome& outcome) {
                    CHECK((outcome.exit_code != EX_OK || place() == "done"));
                },
                [this, repair](unsigned) {
                    repair();
                    CHECK(site.told(studies, "transfers_complete") == "2");
                    const auto stored = pacs.stored();
                    CHECK(std::set<std::string>(stored.begin(), stored.end()).size()
                          == 2 * static_cast<std::size_t>(studies));
                }};
    }

    ScriptedPacs pacs{[](std::size_t) { return ScriptedPacs::Answer{}; }};
    SendingSite site{json::Object{{"port", pacs.port()}}};
    std::string file = site.site.config_file().native();
    int studies = 0;
    std::string name;
};

} // namespace

TEST_CASE("sorting: killed or failed at any system call, the next run has every object linked once")
{
    if (!traced::is_possible()) {
        return;
    }
    const auto trouble = some_trouble();
    const TempDir root;
    const auto file = make_site(root.path);
    const auto config = Config::load(file);
    const store::StudyTree tree{config.paths};
    const std::vector<std::string> once{"--config", file.native(), "once"};
    unsigned received = 0;
    const auto is_linked = [&](unsigned number) {
        const auto link = config.paths.raw() / study_uid / series_uid(1) / sop_uid(1, number);
        return fs::is_symlink(link) && fs::is_regular_file(link);
    };
    const Scene scene{"fiona-process-file",
                      [&](unsigned) {
                          receive_image(config.paths, 1, ++received);
                          receive_image(config.paths, 1, ++received);
                          return once;
                      },
                      [&](unsigned, const Outcome& outcome) {
                          if (outcome.exit_code == EX_OK) {
                              CHECK(is_linked(received));
                              CHECK(is_linked(received - 1));
                          }
                      },
                      [&](unsigned) {
                          CHECK(run_tool("fiona-process-file", once).exit_code == EX_OK);
                          CHECK(is_linked(received));
                          CHECK(is_linked(received - 1));
                          CHECK(store::Spool{config.paths.spool()}.count_waiting() == 0);
                          CHECK(store::Spool{config.paths.spool()}.count_failed() == 0);
                          const auto series =
                              tree.series_json(StudyUid{study_uid}, SeriesUid{series_uid(1)});
                          CHECK(json::parse(read_file(series), "series").text("NumFiles")
                                == std::to_string(received));
                      }};

    play(scene, trouble.calls, trouble.what, most);
}

TEST_CASE("sorting: an archive that cannot be read sets nothing aside for ever and loses nothing")
{
    if (!traced::is_possible()) {
        return;
    }
    const TempDir root;
    const auto file = make_site(root.path);
    const auto config = Config::load(file);
    const auto once = std::vector<std::string>{"--config", file.native(), "once"};
    unsigned received = 0;
    const Scene scene{
        "fiona-process-file",
        [&](unsigned) {
            receive_image(config.paths, 1, ++received);
            return once;
        },
        [&](unsigned, const Outcome&) {
            const auto archived =
                config.paths.archive() / ("scp_" + study_uid) / ("MR." + sop_uid(1, received));
            CHECK(fs::is_regular_file(archived));
        },
        [&](unsigned) {
            // What was given up has its reason beside it, and comes back when a person asks for it.
            static_cast<void>(run_tool("fiona-process-file", once));
            static_cast<void>(
                run_tool("fiona-process-file", {"--config", file.native(), "reconcile", "--all"}));
            static_cast<void>(run_tool("fiona-process-file", once));
            const auto link = config.paths.raw() / study_uid / series_uid(1) / sop_uid(1, received);
            CHECK(fs::is_regular_file(link));
            CHECK(store::Spool{config.paths.spool()}.count_waiting() == 0);
        }};

    play(scene, "read,pread64", "error=EIO", most);
}

TEST_CASE("anonymizing: killed or failed at any system call, no file under a final name is half")
{
    if (!traced::is_possible()) {
        return;
    }
    const auto trouble = some_trouble();
    const TempDir root;
    fs::create_directory(root / "in");
    SmallImage image;
    for (const auto* const number : {"1", "2", "3"}) {
        image.sop = "1.2.826.0.1.3680043.9.7433.1.1.1." + std::string{number};
        write_image(image, root / "in" / number);
    }
    store::write_file(root / "key", std::string(32, 'k'), 0600);
    const auto arguments = [&](const char* output) {
        return std::vector<std::string>{
            "-i",      root / "in",  "-o",         root / output, "-j", "GLIOMA", "-p",
            "GLI_001", "--key-file", root / "key", "-b",          "-t", "1"};
    };
    REQUIRE(run_tool("fiona-anonymize", arguments("right")).exit_code == EX_OK);
    const auto right = contents(root / "right");
    REQUIRE(right.size() >= 3);
    const Scene scene{"fiona-anonymize",
                      [&](unsigned) {
                          fs::remove_all(root / "out");
                          return arguments("out");
                      },
                      [&](unsigned, const Outcome& outcome) {
                          const auto made = contents(root / "out");
                          for (const auto& [name, bytes] : made) {
                              CAPTURE(name);
                              CHECK((right.contains(name) && right.at(name) == bytes));
                          }
                          CHECK((outcome.exit_code != EX_OK || made.size() == right.size()));
                          CHECK(identity_in(outcome.out + outcome.err).empty());
                      },
                      [&](unsigned) {
                          fs::remove_all(root / "out");
                          CHECK(run_tool("fiona-anonymize", arguments("out")).exit_code == EX_OK);
                          CHECK((contents(root / "out") == right));
                      }};

    play(scene, trouble.calls, trouble.what, most);
}

TEST_CASE("sending: killed or failed at any system call, PACS and REDCap have every study once")
{
    if (!traced::is_possible() || !SendingSite::can_be_made()) {
        return;
    }
    const auto trouble = some_trouble();
    Sending sending;
    const auto scene = sending.scene([&] {
        // What was put off is asked for by name; what is in work comes back by itself.
        sending.run_until_done([&](const std::string& place) {
            return place == "requests" ? std::vector<std::string>{"--request", sending.name}
                                       : std::vector<std::string>{};
        });
        CHECK(sending.place() == "done");
    });

    play(scene, trouble.calls, trouble.what, most / 2);
    CHECK(identity_in(sending.site.studies->everything_written()).empty());
}

TEST_CASE("sending: an archive that cannot be read is told or put off, and asked for again it is "
          "all sent")
{
    if (!traced::is_possible() || !SendingSite::can_be_made()) {
        return;
    }
    Sending sending;
    const auto scene = sending.scene([&] {
        sending.run_until_done([&](const std::string& place) {
            if (place == "failed") { // and it was said why
                CHECK_FALSE(sending.site.told(sending.studies, "transfer_error_message").empty());
                sending.name = sending.site.ask_again(sending.studies);
            }
            return place == "work" ? std::vector<std::string>{}
                                   : std::vector<std::string>{"--request", sending.name};
        });
    });

    play(scene, "read,pread64", "error=EIO", most);
    CHECK(identity_in(sending.site.studies->everything_written()).empty());
}

TEST_CASE("exporting: killed or failed at any system call, a package is whole or not there")
{
    if (!traced::is_possible()) {
        return;
    }
    const auto trouble = some_trouble();
    const PacsServer pacs;
    const ExportStudy study;
    ExportSite::fill(pacs.peer(), study);
    const ExportSite site{pacs.peer()};
    const std::vector<std::string> words{"--config", site.config_file().native(), "run"};
    const auto check_packages = [&] {
        for (const auto& name : site.names(".zip")) {
            const auto package = (site.packages() / name).native();
            CHECK(fiona::run({.arguments = {"unzip", "-tqq", package}}).exit_code == 0);
            CHECK(fs::exists(package.substr(0, package.size() - 3) + "md5"));
        }
    };
    const Scene scene{
        "fiona-create-zip",
        [&](unsigned) {
            site.put_lines(ExportSite::line(study, "PURE"));
            return words;
        },
        [&](unsigned, const Outcome& outcome) {
            check_packages();
            if (outcome.exit_code == EX_OK) {
                CHECK(site.lines().empty());
            }
        },
        [&](unsigned) {
            // What failed waits a while, unless it is asked for.
            for (int run = 0; run < 3 && !site.lines().empty(); ++run) {
                static_cast<void>(site.run("fiona-create-zip", {"run", "--job", site.first_id()}));
            }
            CHECK(site.lines().empty());
            CHECK(site.failed_lines().empty());
            CHECK(site.names(".zip").size() == 1);
            check_packages();
            fs::remove_all(site.packages());
        },
        {"progress_not_written", "measurement_not_noted"}};

    play(scene, trouble.calls, trouble.what, most / 2);
}

TEST_CASE("clearing: killed or failed at any system call, a study is whole or gone, the assigned "
          "one there")
{
    if (!traced::is_possible()) {
        return;
    }
    const auto trouble = some_trouble();
    const FullSite site;
    if (!site.is_possible()) {
        return;
    }
    constexpr int goal_not_reached = 2; // there is the assigned study
    const Scene scene{"fiona-clear-old",
                      [&](unsigned round) {
                          site.add(round);
                          return site.arguments();
                      },
                      [&](unsigned round, const Outcome&) {
                          CHECK(site.state(FullSite::assigned) == "stored");
                          for (unsigned number = 1; number < round; ++number) {
                              CHECK(site.state(number) == "gone");
                          }
                          CHECK_THAT(site.state(round),
                                     Equals("stored") || Equals("given up") || Equals("gone"));
                      },
                      [&](unsigned round) {
                          CHECK(site.clear() == goal_not_reached);
                          CHECK(site.parts(round) == 0);
                          CHECK(site.parts(FullSite::assigned) == 2);
                      }};

    play(scene, trouble.calls, trouble.what, most / 2);
}
