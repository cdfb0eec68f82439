// SPDX-License-Identifier: MIT
#include "libfiona/base/file_lock.h"
#include "libfiona/base/md5.h"
#include "libfiona/base/process.h"
#include "tests/support/refused_command.h"
#include "tests/support/scripted_pacs.h"
#include "tests/support/slide_site.h"
#include "tests/support/some_slide.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <set>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

using Names = std::vector<std::string>;

/// What a run says of its uploads.
std::vector<std::string> states(const Outcome& outcome)
{
    std::vector<std::string> found;
    const auto document = json::parse(outcome.out, "the report");
    for (const auto& item : document.find("uploads")->array()) {
        found.push_back(item.text("state"));
    }
    return found;
}

} // namespace

TEST_CASE(
    "fiona-process-tiff: a slide becomes DICOM in the PACS, known to both REDCap projects, once")
{
    const SlidePacs pacs;
    const SlideSite site{pacs.port()};
    const SomeSlide slide;
    site.put("x", slide.path());

    const auto first = site.run();

    INFO(first.err);
    REQUIRE(first.exit_code == EX_OK);
    CHECK(pacs.files().size() == slide.levels());
    CHECK(site.names("uploads").empty());
    CHECK(site.names("uploads_failed").empty());
    CHECK(site.workspaces().empty());
    const auto done = site.done("x");
    CHECK(done.text("a_key_of_tomorrow") == "kept as it is");
    CHECK(done.text("patho_scanner_manufacturer") == "Aperio");
    CHECK(done.text("patho_image_size_x") == std::to_string(slide.width()));
    CHECK(done.find("md5") == nullptr);
    for (const auto* const key :
         {"import_date", "convert_message", "storescu_message", "transfer_active_proc_time"}) {
        CHECK_FALSE(done.text(key).empty());
    }
    const auto study = done.text("patho_study_instance_uid");
    const auto instances = site.slides();
    REQUIRE(instances.size() == 1);
    CHECK(instances[0].record == "DEMO_001");
    CHECK(instances[0].event == "baseline_arm_1");
    CHECK(instances[0].value("patho_slide_id") == "0003");
    CHECK(instances[0].value("patho_stain") == "[12710003] 06 HE");
    CHECK(instances[0].value("patho_study_instance_uid") == study);
    CHECK(instances[0].value("pathology_complete") == "2");
    const auto transfers = site.incoming("transfers");
    REQUIRE(transfers.size() == 1);
    CHECK(transfers[0].record == study);
    CHECK(transfers[0].value("transfer_name") == "DEMO_001");
    CHECK(transfers[0].value("transfer_mapped_uid") == study);
    CHECK_FALSE(transfers[0].value("transfer_date").empty());
    REQUIRE(site.incoming("series").size() == 1);
    CHECK(site.incoming("series")[0].value("series_instance_uid")
          == done.text("patho_series_instance_uid"));
    CHECK(site.receipts() == 1);
    CHECK(site.demo.run("fiona-verify", {"receipt"}).exit_code == EX_OK);

    const auto second = site.run();
    CHECK(second.exit_code == EX_OK);
    CHECK_THAT(second.out, Contains("0 uploads"));
    CHECK(pacs.files().size() == slide.levels());
    CHECK(slide.identity_in(first.out + first.err + second.err) == "");
}

TEST_CASE(
    "fiona-process-tiff: the same slide filed twice has the same UIDs and stands once in REDCap")
{
    const SlidePacs pacs;
    const SlideSite site{pacs.port()};
    const SomeSlide slide;
    site.put("x", slide.path());
    REQUIRE(site.run().exit_code == EX_OK);
    site.put("y", slide.path());

    const auto again = site.run();

    INFO(again.err);
    CHECK(again.exit_code == EX_OK);
    CHECK(site.done("x").text("patho_series_instance_uid")
          == site.done("y").text("patho_series_instance_uid"));
    CHECK(pacs.files().size() == slide.levels());
    CHECK(site.slides().size() == 1);
    CHECK(site.incoming("transfers").size() == 1);
    CHECK(site.incoming("series").size() == 1);
}

TEST_CASE("fiona-process-tiff: another image under a known slide id is set aside, the first stays")
{
    const SlidePacs pacs;
    const SlideSite site{pacs.port()};
    const SomeSlide slide;
    const SomeSlide other{SomeSlide::Kind::another};
    site.put("x", slide.path());
    REQUIRE(site.run().exit_code == EX_OK);
    site.put("y", other.path());

    const auto again = site.run();

    CHECK(again.exit_code == EX_DATAERR);
    CHECK_THAT(again.err, Contains("patho_slide_id of its own"));
    CHECK(site.names("uploads_failed") == Names{"y.error.txt", "y.json"});
    CHECK(site.names("uploads") == Names{"y.svs"});
    CHECK(pacs.files().size() == slide.levels());
}

TEST_CASE(
    "fiona-process-tiff: a slide goes to its import folder without label, image before trigger")
{
    const SlideSite site{unused_port()};
    const SomeSlide slide;
    const auto cache = site.demo.config.paths.export_root / "Attach/project_cache/DEMO";
    fs::create_directories(cache);
    site.put("x", slide.path(), {{"project_pat_import_folder", site.import().native()}});

    const auto first = site.run();

    INFO(first.err);
    REQUIRE(first.exit_code == EX_OK);
    const std::string name = "64033007_02_06_0003_06_DEMO_001_0002_DEMO_001_DEP_05_DEP_06 06 HE";
    CHECK(fs::exists(site.import() / (name + ".svs")));
    const auto trigger =
        json::parse(read_file(site.import() / (name + ".svs.import")), "the trigger");
    CHECK(trigger.text("RequestId") == "DEMO_001_0002");
    CHECK(trigger.text("ExamId") == "DEMO_001");
    CHECK(trigger.text("LabId") == "DEP");
    CHECK(trigger.find("Staining")->text("Name") == "06 06 HE");
    CHECK(trigger.find("Specimen")->text("Name") == "64033007");
    CHECK(trigger.find("Block")->text("Name") == "05");
    CHECK(slide.identity_in(read_file(site.import() / (name + ".svs"))) == "");
    CHECK(std::distance(fs::directory_iterator{site.import()}, {}) == 2);
    // The cache has the clean copy, and the JSON says what the original was.
    std::size_t cached = 0;
    for (const auto& entry : fs::recursive_directory_iterator{cache}) {
        if (entry.is_regular_file()) {
            ++cached;
            CHECK(slide.identity_in(read_file(entry.path())) == "");
            // The upload's own file name names people in many a laboratory.
            CHECK(read_file(entry.path()).find("uploads/") == std::string::npos);
        }
    }
    CHECK(cached == 2);
    Md5 md5;
    md5.add(read_file(slide.path()));
    CHECK(site.done("x").text("md5") == md5.finish());
    CHECK(site.done("x").find("patho_study_instance_uid") == nullptr);
    REQUIRE(site.slides().size() == 1);
    CHECK(site.incoming("transfers").empty());
    CHECK(site.names("uploads").empty());

    SECTION("what the importer has taken does not come again")
    {
        fs::remove_all(site.import() / (name + ".svs"));
        fs::remove_all(site.import() / (name + ".svs.import"));
        CHECK(site.run().exit_code == EX_OK);
        CHECK(fs::is_empty(site.import()));
    }
    SECTION("the same slide again changes nothing")
    {
        site.put("y", slide.path(), {{"project_pat_import_folder", site.import().native()}});
        CHECK(site.run().exit_code == EX_OK);
        CHECK(std::distance(fs::directory_iterator{site.import()}, {}) == 2);
        CHECK(site.slides().size() == 1);
    }
    SECTION("a project that keeps originals finds this one in its cache")
    {
        site.set_pathology(
            {{"projects", json::Object{{"DEMO", json::Object{{"cache_original", true}}}}}});
        site.put("z", slide.path(), {{"project_pat_import_folder", site.import().native()}});
        CHECK(site.run().exit_code == EX_OK);
        bool is_there = false;
        for (const auto& entry : fs::recursive_directory_iterator{cache}) {
            is_there = is_there || entry.path().filename() == "z.svs";
        }
        CHECK(is_there);
    }
}

TEST_CASE("fiona-process-tiff: attach files a slide under a name that says nothing, once")
{
    const SlidePacs pacs;
    const SlideSite site{pacs.port()};
    const SomeSlide slide;
    const TempDir directory;
    const auto named = directory / "kidney_001_02_0003_0004_05_06_DEP_HE.svs";
    fs::copy_file(slide.path(), named);
    const Names words{"attach",  named,      "--project",  "DEMO",
                      "--event", "Baseline", "--specimen", "Kidney [64033007]"};

    const auto first = site.run(words);
    const auto second = site.run(words);

    INFO(first.err);
    REQUIRE(first.exit_code == EX_OK);
    CHECK_THAT(first.out, Contains("attached") && !Contains("kidney"));
    CHECK(second.exit_code == EX_OK);
    CHECK_THAT(second.out, Contains("waits already"));
    REQUIRE(site.names("uploads").size() == 2);
    const auto status = site.run({"--json", "status"});
    CHECK(states(status) == Names{"waiting"});
    CHECK(site.run().exit_code == EX_OK);
    REQUIRE(site.slides().size() == 1);
    const auto row = site.slides().front();
    CHECK(row.record == "DEMO_001");
    CHECK(row.value("patho_specimen") == "Kidney [64033007]"); // the command line wins
    CHECK(row.value("patho_stain") == "HE");
    CHECK(row.value("patho_slide_nr") == "06");
    CHECK(pacs.files().size() == slide.levels());
}

TEST_CASE("fiona-process-tiff: a dry run changes nothing")
{
    const SlidePacs pacs;
    const SlideSite site{pacs.port()};
    const SomeSlide slide;
    site.put("x", slide.path());
    const auto before = site.names("uploads");

    const auto run = site.run({"--dry-run", "--json", "run"});
    const auto attached = site.run({"--dry-run", "attach", slide.path().native(), "--project",
                                    "DEMO", "--record-id", "DEMO_002", "--event", "Baseline"});

    INFO(run.err << attached.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(states(run) == Names{"planned"});
    CHECK(attached.exit_code == EX_OK);
    CHECK_THAT(attached.out, Contains("would be attached"));
    CHECK(site.names("uploads") == before);
    CHECK_FALSE(fs::exists(site.attach() / "uploads_done"));
    CHECK_FALSE(fs::exists(site.demo.config.paths.state() / "slides"));
    CHECK(site.workspaces().empty());
    CHECK(pacs.files().empty());
    CHECK(site.slides().empty());
}

TEST_CASE("fiona-process-tiff: bad uploads among good ones are set aside with their reason")
{
    const SlidePacs pacs;
    const SlideSite site{pacs.port()};
    const SomeSlide slide;
    const TempDir elsewhere;
    fs::copy_file(slide.path(), elsewhere / "secret.svs");
    site.put_json("a-no-json", "{\"file\": ");
    site.put_json("b-no-event",
                  json::write(SlideSite::values("b.svs", {{"redcap_event_name", ""}})));
    site.put("c-no-slide", slide.path());
    store::write_file(site.attach() / "uploads/c-no-slide.svs", "not a slide at all");
    site.put_json("d-link", json::write(SlideSite::values("d.svs")));
    fs::create_symlink(elsewhere / "secret.svs", site.attach() / "uploads/d.svs");
    fs::create_directory_symlink(elsewhere.path, site.attach() / "uploads/dir");
    site.put_json("e-linked-folder", json::write(SlideSite::values("dir/secret.svs")));
    site.put("f-other-project", slide.path(), {{"project_name", "NOSUCH"}});
    site.put("g-id-number", slide.path(), {{"record_id", "01810750126"}});
    site.put("h-other-event", slide.path(), {{"redcap_event_name", "Week 99"}});
    site.put("i-folder", slide.path(), {{"project_pat_import_folder", elsewhere.path.native()}});
    site.put("j-good", slide.path());
    site.put_json("k-no-image", json::write(SlideSite::values("k.svs")));
    // 200 MB of zeros in 200 kB, as somebody might send a slide of many files: nothing unpacks it.
    fs::create_directory(elsewhere / "zip");
    store::write_file(elsewhere / "zip/slide.svs", "");
    fs::resize_file(elsewhere / "zip/slide.svs", 200'000'000);
    REQUIRE(fiona::run({.arguments = {"zip", "-jqr", (elsewhere / "bomb.zip").native(),
                                      (elsewhere / "zip").native()}})
                .exit_code
            == 0);
    site.put("l-zip-bomb", elsewhere / "bomb.zip", {{"patho_slide_id", "0009"}});

    const auto run = site.run();

    INFO(run.err);
    CHECK(run.exit_code == EX_DATAERR);
    CHECK(fs::exists(site.attach() / "uploads_done/j-good.json"));
    std::set<std::string> failed;
    for (const auto& name : site.names("uploads_failed")) {
        failed.insert(name.substr(0, 1));
        CHECK_THAT(name,
                   Catch::Matchers::EndsWith(".json") || Catch::Matchers::EndsWith(".error.txt"));
    }
    CHECK(failed == std::set<std::string>{"a", "b", "c", "d", "e", "f", "g", "h", "i", "l"});
    CHECK_THAT(read_file(site.attach() / "uploads_failed/b-no-event.error.txt"),
               Contains("redcap_event_name"));
    CHECK(fs::exists(elsewhere / "secret.svs"));
    CHECK(pacs.files().size() == slide.levels());
    CHECK_THAT(run.out + run.err, !Contains("01810750126") && !Contains("no-event"));

    const auto status = site.run({"--json", "status"});
    CHECK(states(status).size() == 11); // those that failed, and the one whose image has not come
    CHECK(site.run().exit_code == EX_OK);
    // A person mends it and moves it back.
    fs::remove(site.attach() / "uploads_failed/b-no-event.json");
    fs::copy_file(slide.path(), site.attach() / "uploads/k.svs");
    CHECK(site.run().exit_code == EX_OK);
    CHECK(fs::exists(site.attach() / "uploads_done/k-no-image.json"));
}

TEST_CASE("fiona-process-tiff: an image that is still coming is left alone")
{
    const SlidePacs pacs;
    const SlideSite site{pacs.port()};
    const SomeSlide slide;
    const auto bytes = fs::file_size(slide.path());
    Md5 md5;
    md5.add(read_file(slide.path()));

    SECTION("by its size")
    {
        site.put("x", slide.path(), {{"size", std::to_string(bytes + 1)}});
        CHECK(states(site.run({"--json", "run"})) == Names{"waiting"});
        CHECK(pacs.files().empty());
    }
    SECTION("by the time it did not change")
    {
        site.set_pathology({{"quiet_seconds", 3600}});
        site.put("x", slide.path());
        CHECK(states(site.run({"--json", "run"})) == Names{"waiting"});
        CHECK(pacs.files().empty());
    }
    SECTION("one that is whole by its size need not be quiet")
    {
        site.set_pathology({{"quiet_seconds", 3600}});
        site.put("x", slide.path(), {{"size", std::to_string(bytes)}, {"md5", md5.finish()}});
        CHECK(states(site.run({"--json", "run"})) == Names{"done"});
    }
    SECTION("one that is another than was uploaded is refused")
    {
        site.put("x", slide.path(), {{"md5", std::string(32, '0')}});
        CHECK(site.run().exit_code == EX_DATAERR);
        CHECK(site.names("uploads_failed") == Names{"x.error.txt", "x.json"});
    }
}

TEST_CASE("fiona-process-tiff: runs side by side do each upload once")
{
    // dcmqrscp may give two objects that come at the same moment one file name.
    const ScriptedPacs pacs{[](std::size_t) { return ScriptedPacs::Answer{}; },
                            {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.1"}};
    const SlideSite site{pacs.port(), pacs.peer().called_aet};
    const SomeSlide slide;
    constexpr int uploads = 6;
    for (int i = 0; i < uploads; ++i) {
        site.put(fmt::format("x{}", i), slide.path(),
                 {{"patho_slide_id", fmt::format("{:04}", i)}});
    }
    {
        const TempDir scratch;
        std::vector<std::unique_ptr<ChildProcess>> runs;
        for (int i = 0; i < 3; ++i) {
            fs::create_directories(scratch.path / std::to_string(i));
            runs.push_back(std::make_unique<ChildProcess>(
                site.command(), scratch.path / std::to_string(i), site.demo.environment()));
        }
        for (const auto& run : runs) {
            const auto exit_code = run->wait(std::chrono::seconds{120});
            INFO(run->out() << run->err());
            CHECK(exit_code == EX_OK);
        }
    }

    CHECK(site.names("uploads").empty());
    CHECK(site.names("uploads_done").size() == uploads);
    const auto stored = pacs.stored();
    CHECK(stored.size() == uploads * slide.levels());
    CHECK(std::set<std::string>(stored.begin(), stored.end()).size() == stored.size());
    CHECK(site.slides().size() == uploads);
    CHECK(site.receipts() == uploads);
    CHECK(site.workspaces().empty());
}

TEST_CASE("fiona-process-tiff: inspect names what identifies, never its value, and needs no site")
{
    const SomeSlide slide;
    const TempDir directory;
    const auto picture = (directory / "x.png").native();

    const auto lines =
        run_tool("fiona-process-tiff", {"inspect", slide.path().native(), "--thumbnail", picture});
    const auto document =
        run_tool("fiona-process-tiff", {"--json", "inspect", slide.path().native()});

    INFO(lines.err << document.err);
    CHECK(lines.exit_code == EX_OK);
    CHECK(read_file(picture).starts_with("\x89PNG"));
    CHECK_FALSE(json::parse(document.out, "what is in the slide").object().empty());
    CHECK_THAT(lines.out, Contains("Barcode"));
    CHECK(
        slide.identity_in(lines.out + lines.err + document.out + document.err + read_file(picture))
        == "");
    store::write_file(directory / "x", "no slide");
    CHECK(run_tool("fiona-process-tiff", {"inspect", directory / "x"}).exit_code == EX_DATAERR);
}

TEST_CASE("fiona-process-tiff: bad command lines")
{
    const auto arguments = GENERATE(
        Names{}, Names{"nonsense"}, Names{"run", "--mode", "copy"}, Names{"run", "--max", "many"},
        Names{"attach"}, Names{"attach", "x.svs", "--project", "DEMO"}, Names{"inspect"});
    CHECK(answer_to_wrong_command("fiona-process-tiff", arguments) == "refused");
}

TEST_CASE("fiona-process-tiff: a named JSON that is no upload is missing, the settings are checked")
{
    const SlideSite site{unused_port()};
    CHECK(site.run({"run", site.demo.config_file}).exit_code == EX_NOINPUT);
    site.set_pathology({{"cache_orginal", true}});
    CHECK(site.run().exit_code == EX_CONFIG);
    const auto check = site.demo.run("fiona-config", {"check"});
    CHECK_THAT(check.out + check.err, Contains("cache_orginal"));
}
