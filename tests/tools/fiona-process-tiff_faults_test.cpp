// SPDX-License-Identifier: MIT
#include "libfiona/base/md5.h"
#include "tests/support/scripted_pacs.h"
#include "tests/support/skip.h"
#include "tests/support/slide_site.h"
#include "tests/support/small_disk.h"
#include "tests/support/some_slide.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <csignal>
#include <random>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

using Names = std::vector<std::string>;

constexpr auto jpeg_baseline = "1.2.840.10008.1.2.4.50";

/// Every file below `directory`, hidden ones too, as path and content.
std::map<std::string, std::string> everything_in(const fs::path& directory)
{
    std::map<std::string, std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator{directory}) {
        if (entry.is_regular_file() && !entry.is_symlink()) {
            found.emplace(entry.path().native(), read_file(entry.path()));
        }
    }
    return found;
}

} // namespace

TEST_CASE("fiona-process-tiff: what is in a value is data, wherever it goes")
{
    const SlidePacs pacs;
    const SlideSite site{pacs.port()};
    const SomeSlide slide;
    const auto* const nasty =
        GENERATE("it's", "say \"no\"", "$(touch /tmp/fiona-was-here)", "`id`; rm -rf x", "a\nb\tc",
                 "../../../etc/x", "a/b", "..", "-rf", "{\"a\": [1]}", "x\\y\\z", "ø æ 漢");
    CAPTURE(nasty);
    const SlideSite::Values values{
        {"patho_block_nr", nasty},   {"patho_stain", nasty},    {"patho_biopsy_nr", nasty},
        {"patho_biopsy_id", nasty},  {"patho_slide_id", nasty}, {"patho_slide_nr", nasty},
        {"patho_specimen", nasty},   {"patho_rek", nasty},      {"patho_department", nasty},
        {"patho_databaseid", nasty}, {"patho_image_id", nasty}, {"some_other_key", nasty}};
    const auto before = everything_in(site.import());
    auto as_file = values;
    as_file.emplace("project_pat_import_folder", site.import().native());
    site.put("file", slide.path(), as_file);
    site.put("dicom", slide.path(), values);

    const auto run = site.run();

    INFO(run.out << run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK_FALSE(fs::exists("/tmp/fiona-was-here"));
    const auto after = everything_in(site.import());
    REQUIRE(after.size() == before.size() + 2);
    for (const auto& [path, content] : after) {
        CHECK(fs::path{path}.parent_path() == site.import());
    }
    CHECK(site.done("dicom").text("some_other_key") == nasty);
    CHECK(site.done("file").text("patho_stain") == nasty);
    CHECK(pacs.files().size() == slide.levels());
}

TEST_CASE("fiona-process-tiff: what decides a place is checked, not repaired")
{
    const SlideSite site{unused_port()};
    const SomeSlide slide;
    const auto key = GENERATE("file", "project_name", "record_id", "redcap_event_name");
    const auto* const value =
        GENERATE("../x", "uploads/../../x.svs", "/etc/passwd", "a'b", "a\"b", "$(id)", "a\nb",
                 "uploads/.hidden", "uploads/x.json", "uploads//x.svs", "uploads");
    CAPTURE(key, value);
    site.put("x", slide.path(), {{key, value}});

    const auto run = site.run();

    INFO(run.err);
    CHECK(run.exit_code == EX_DATAERR);
    CHECK(site.names("uploads") == Names{"x.svs"});
    CHECK(site.names("uploads_failed") == Names{"x.error.txt", "x.json"});
    if (std::string_view{value} != "uploads") { // the reason names the folder
        CHECK_THAT(run.out + run.err + read_file(site.attach() / "uploads_failed/x.error.txt"),
                   !Contains(value));
    }
    CHECK(fs::is_empty(site.import()));
}

TEST_CASE("fiona-process-tiff: a PACS that is away is waited for, and then gets every level once")
{
    const auto port = unused_port();
    SlideSite site{port};
    const SomeSlide slide;
    site.put("x", slide.path());

    const auto away = site.run();

    INFO(away.err);
    CHECK(away.exit_code == EX_UNAVAILABLE);
    CHECK(site.names("uploads") == Names{"x.json", "x.svs"});
    CHECK(site.names("uploads_failed").empty());
    CHECK(site.slides().empty());
    for (int i = 0; i < 6; ++i) { // more often than it is tried where the PACS refuses
        CHECK(site.run().exit_code == EX_UNAVAILABLE);
    }
    const SlidePacs pacs;
    site.set_pacs(pacs.port());
    CHECK(site.run().exit_code == EX_OK);
    CHECK(pacs.files().size() == slide.levels());
    CHECK(site.slides().size() == 1);
    CHECK(site.workspaces().empty());
}

TEST_CASE(
    "fiona-process-tiff: a level that was taken is not sent again when another was not answered")
{
    const ScriptedPacs pacs{[](std::size_t object) {
                                return ScriptedPacs::Answer{
                                    .status = static_cast<std::uint16_t>(object == 2 ? 0xA700 : 0)};
                            },
                            {jpeg_baseline, "1.2.840.10008.1.2.1"}};
    const SlideSite site{pacs.port(), pacs.peer().called_aet};
    const SomeSlide slide;
    site.put("x", slide.path());

    const auto first = site.run();
    const auto second = site.run();

    INFO(first.err << second.err);
    CHECK(first.exit_code == EX_TEMPFAIL);
    CHECK(second.exit_code == EX_OK);
    CHECK(pacs.received().size() == slide.levels() + 1);
    auto stored = pacs.stored();
    std::ranges::sort(stored);
    CHECK(std::ranges::adjacent_find(stored) == stored.end());
    CHECK(stored.size() == slide.levels());
}

TEST_CASE("fiona-process-tiff: a PACS that refuses is asked so often, then a person is told")
{
    const ScriptedPacs pacs{[](std::size_t) { return ScriptedPacs::Answer{.status = 0xC000}; },
                            {jpeg_baseline, "1.2.840.10008.1.2.1"}};
    SlideSite site{pacs.port(), pacs.peer().called_aet};
    const SomeSlide slide;
    site.put("x", slide.path());

    CHECK(site.run().exit_code == EX_PROTOCOL);
    CHECK(site.names("uploads_failed").empty());
    CHECK(site.run().exit_code == EX_PROTOCOL);
    CHECK(site.run().exit_code == EX_PROTOCOL);

    CHECK(site.names("uploads_failed") == Names{"x.error.txt", "x.json"});
    CHECK(site.names("uploads") == Names{"x.svs"});
    CHECK(site.slides().empty());
    CHECK(site.receipts() == 0);
    CHECK(site.workspaces().empty());
    CHECK(site.run().exit_code == EX_OK);

    // Mended, and moved back: it goes on.
    const SlidePacs better;
    site.set_pacs(better.port());
    fs::rename(site.attach() / "uploads_failed/x.json", site.attach() / "uploads/x.json");
    CHECK(site.run().exit_code == EX_OK);
    CHECK(better.files().size() == slide.levels());
    CHECK(site.names("uploads").empty());
}

TEST_CASE(
    "fiona-process-tiff: a REDCap that is away stops nothing that is sent, and hears of it once")
{
    const SlidePacs pacs;
    const SlideSite site{pacs.port()};
    const SomeSlide slide;

    SECTION("before: nothing is begun")
    {
        site.put("x", slide.path());
        site.demo.stop_redcap();
        const auto away = site.run();
        INFO(away.err);
        CHECK(away.exit_code == EX_TEMPFAIL);
        CHECK(pacs.files().empty());
        site.demo.start_redcap();
    }
    SECTION("between sending and reporting: nothing is sent again")
    {
        site.put("x", slide.path());
        run_tool_and_kill("fiona-process-tiff", {"run", "--config", site.demo.config_file},
                          site.demo.environment(),
                          [&] { return pacs.files().size() == slide.levels(); });
        site.demo.stop_redcap();
        static_cast<void>(site.run());
        CHECK(site.names("uploads_failed").empty());
        site.demo.start_redcap();
    }

    const auto run = site.run({"run", (site.attach() / "uploads/x.json").native()});
    INFO(run.err);
    CHECK((run.exit_code == EX_OK || run.exit_code == EX_NOINPUT)); // done before it was killed
    CHECK(pacs.files().size() == slide.levels());
    CHECK(site.slides().size() == 1);
    CHECK(site.incoming("transfers").size() == 1);
    CHECK(site.receipts() == 1);
}

TEST_CASE("fiona-process-tiff: killed at a hundred moments, every slide arrives once")
{
    constexpr int kills = 100;
    const bool as_file = GENERATE(false, true);
    CAPTURE(as_file);
    std::mt19937 random{20240102};
    const SlidePacs pacs;
    const SlideSite site{pacs.port()};
    const SomeSlide slide;
    fs::create_directories(site.demo.config.paths.export_root / "Attach/project_cache/DEMO");
    int number = 0;
    const auto add = [&] {
        ++number;
        SlideSite::Values values{{"patho_slide_id", fmt::format("{:04}", number)}};
        if (as_file) {
            values.emplace("project_pat_import_folder", site.import().native());
        }
        site.put(fmt::format("x{:03}", number), slide.path(), values);
    };
    add();
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(site.run().exit_code == EX_OK);
    const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - begin);

    std::string output;
    int interrupted = 0;
    for (int i = 0; i < kills; ++i) {
        if (site.names("uploads").empty()) {
            add();
        }
        const TempDir scratch;
        ChildProcess run{site.command(), scratch.path, site.demo.environment()};
        const std::chrono::microseconds moment{
            std::uniform_int_distribution<std::int64_t>{0, whole.count()}(random)};
        static_cast<void>(run.wait(std::chrono::ceil<std::chrono::milliseconds>(moment)));
        run.kill(SIGKILL);
        interrupted += run.wait(std::chrono::seconds{10}) == 128 + SIGKILL ? 1 : 0;
        output += run.out() + run.err();
        CHECK(site.names("uploads_failed").empty());
    }
    CHECK(interrupted > kills / 3);

    // What decodes for a run that was killed ends a moment after it, and has its claim until then.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    auto last = site.run();
    auto idle = site.run();
    while (!site.names("uploads").empty() && std::chrono::steady_clock::now() < deadline) {
        last = site.run();
        idle = site.run();
    }

    const auto slides = static_cast<std::size_t>(number);
    INFO(last.err);
    CHECK(last.exit_code == EX_OK);
    CHECK_THAT(idle.out, Contains("0 uploads"));
    CHECK(site.names("uploads").empty());
    CHECK(site.names("uploads_done").size() == slides);
    CHECK(site.slides().size() == slides);
    CHECK(site.receipts() == slides);
    CHECK(site.workspaces().empty());
    CHECK(site.demo.run("fiona-verify", {"receipt"}).exit_code == EX_OK);
    CHECK(slide.identity_in(output) == "");
    if (as_file) {
        std::size_t images = 0;
        std::size_t triggers = 0;
        for (const auto& [path, content] : everything_in(site.import())) {
            images += path.ends_with(".svs") ? 1U : 0U;
            triggers += path.ends_with(".svs.import") ? 1U : 0U;
            CHECK(slide.identity_in(content) == "");
        }
        CHECK(images == slides);
        CHECK(triggers == slides);
    } else {
        CHECK(pacs.files().size() == slides * slide.levels());
        CHECK(site.incoming("transfers").size() == slides);
    }
    CHECK_FALSE(fs::exists(site.demo.config.paths.state() / "slides" / "x.json"));
    for (const auto& left : fs::directory_iterator{site.demo.config.paths.state() / "slides"}) {
        FAIL_CHECK("a state is left: " << left.path());
    }
}

TEST_CASE("fiona-process-tiff: a full disk leaves no half file under a final name")
{
    const SlidePacs pacs;
    const SlideSite site{pacs.port()};
    const SomeSlide slide;

    SECTION("of the work folder: nothing is begun")
    {
        const SmallDisk disk{site.demo.config.paths.temporary(), "4m"};
        if (!disk.is_mounted()) {
            skip("only root may mount a small disk");
            return;
        }
        site.put("x", slide.path());
        const auto full = site.run();
        CHECK(full.exit_code == EX_TEMPFAIL);
        CHECK_THAT(full.err, Contains("MB free"));
        CHECK(pacs.files().empty());
        CHECK(site.names("uploads") == Names{"x.json", "x.svs"});
    }
    SECTION("of the import folder: the next run completes it")
    {
        {
            const SmallDisk disk{site.import(), "64k"};
            if (!disk.is_mounted()) {
                skip("only root may mount a small disk");
                return;
            }
            site.put("x", slide.path(), {{"project_pat_import_folder", site.import().native()}});
            const auto full = site.run();
            CHECK(full.exit_code == EX_IOERR);
            CHECK(everything_in(site.import()).empty());
            CHECK(site.names("uploads") == Names{"x.json", "x.svs"});
        }
        CHECK(site.run().exit_code == EX_OK);
        CHECK(everything_in(site.import()).size() == 2);
    }
    SECTION("of what is done: delivered once, the original stays until the note is written")
    {
        {
            const SmallDisk disk{site.attach() / "uploads_done", "4k"};
            if (!disk.is_mounted()) {
                skip("only root may mount a small disk");
                return;
            }
            store::write_file(site.attach() / "uploads_done/filler", std::string(4096, 'x'));
            site.put("x", slide.path());
            CHECK(site.run().exit_code == EX_IOERR);
            CHECK(site.names("uploads") == Names{"x.json", "x.svs"});
            CHECK(site.run().exit_code == EX_IOERR);
        }
        CHECK(site.run().exit_code == EX_OK);
        CHECK(pacs.files().size() == slide.levels());
        CHECK(site.slides().size() == 1);
        CHECK(site.receipts() == 1);
        CHECK(site.names("uploads_done") == Names{"x.json"});
    }
}
