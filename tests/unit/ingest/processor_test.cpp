// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/dicom/library.h"
#include "libfiona/ingest/announcement.h"
#include "libfiona/ingest/file_daemon.h"
#include "libfiona/ingest/reclassify.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>

using namespace fiona;
namespace fs = std::filesystem;

namespace {

struct Site {
    TempDir root;
    dicom::Library library;
    Config config = Config::load(make_site(root.path));
    store::StudyTree tree{config.paths};
    ingest::Processor processor{config, ingest::load_rules(config, {})};

    ingest::Processor::Drained drain(TimePoint now = Clock::now())
    {
        return processor.drain(now, [] { return false; });
    }
    [[nodiscard]] json::Value properties(unsigned series) const
    {
        return json::parse(
            read_file(tree.series_json(StudyUid{study_uid}, SeriesUid{series_uid(series)})),
            "json");
    }
    [[nodiscard]] fs::path link(unsigned series, unsigned number) const
    {
        return config.paths.raw() / study_uid / series_uid(series) / sop_uid(series, number);
    }
};

std::size_t entries(const fs::path& directory)
{
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator{directory}, fs::directory_iterator{}));
}

} // namespace

TEST_CASE("entries become links, series JSON, participants and arrival marks")
{
    Site site;
    for (unsigned number = 1; number <= 3; ++number) {
        receive_image(site.config.paths, 1, number);
    }
    receive_image(site.config.paths, 2, 1, {{"0008,0060", "SR"}, {"0008,0070", "A/B"}});

    const auto done = site.drain();

    CHECK(done.processed == 4);
    CHECK(site.processor.spool().count_waiting() == 0);
    CHECK(fs::exists(site.link(1, 3)));
    CHECK(site.properties(1).text("NumFiles") == "3");
    CHECK(site.properties(1).text("SliceLocation") == "-3.5");
    CHECK(site.properties(1).find("ClassifyType")->array().size() == 3);
    CHECK(fs::exists(site.config.paths.participants() / "TEST01" / "20250102_101112.345000"));
    CHECK(fs::exists(site.config.paths.srs() / "A%2FB" / study_uid / sop_uid(2, 1)));
    const auto marks = store::ArrivalMarks{site.config.paths.arrived()}.all();
    CHECK(marks.size() == 3); // two series, and their study
    CHECK(marks.front().mark.caller == "SCANNER 1");
}

TEST_CASE("images announced again change nothing")
{
    Site site;
    for (const unsigned round : {1U, 2U}) {
        CAPTURE(round);
        for (unsigned number = 1; number <= 3; ++number) {
            receive_image(site.config.paths, 1, number);
        }
        const auto json = site.tree.series_json(StudyUid{study_uid}, SeriesUid{series_uid(1)});
        const auto before = round == 1 ? fs::file_time_type{} : fs::last_write_time(json);
        site.drain();
        CHECK((round == 1 || fs::last_write_time(json) == before));
        CHECK(site.properties(1).text("NumFiles") == "3");
    }
}

TEST_CASE("hostile header values stay inside their directories")
{
    Site site;
    receive_image(site.config.paths, 1, 1,
                  {{"0010,0020", "../../x"},
                   {"0008,0030", "-"},
                   {"0008,0020", "../2025"},
                   {"0008,0060", "SR"},
                   {"0008,0070", "../../B"}});
    receive_image(site.config.paths, 2, 1, {{"0008,0060", "SR"}, {"0008,0070", "-"}});

    CHECK(site.drain().processed == 2);

    CHECK(entries(site.config.paths.participants()) == 2);
    CHECK(
        fs::is_symlink(site.config.paths.participants() / "%2E.%2F..%2Fx" / "%2E.%2F2025_unknown"));
    CHECK(fs::exists(site.config.paths.srs() / "_" / study_uid / sop_uid(2, 1)));
    CHECK_FALSE(fs::exists(site.config.paths.data / "x"));
}

TEST_CASE("a manufacturer whose directory cannot be made is not named in the log")
{
    Site site;
    fs::create_directories(site.config.paths.srs());
    store::write_file(site.config.paths.srs() / "KARI", "in the way");
    receive_image(site.config.paths, 1, 1, {{"0008,0060", "SR"}, {"0008,0070", "KARI"}});
    std::string lines;
    log::set_sink([&](log::Level, const std::string& line) { lines += line + "\n"; });

    const auto done = site.drain();
    log::set_sink({});

    CHECK(done.postponed + done.given_up == 1);
    CHECK_THAT(lines, Catch::Contains("reports"));
    CHECK_THAT(lines, !Catch::Contains("KARI"));
}

TEST_CASE("a bad file is set aside with its reason and stops nobody")
{
    Site site;
    receive_image(site.config.paths, 1, 1);
    receive_image(site.config.paths, 1, 2);
    receive_image(site.config.paths, 1, 3);
    store::write_file(site.config.paths.archive() / ("scp_" + study_uid) / ("MR." + sop_uid(1, 2)),
                      "no image");
    store::write_file(site.config.paths.spool() / "new" / "0000000000000000001.1.1.json", "{");

    const auto done = site.drain();

    CHECK(done.processed == 2);
    CHECK(done.given_up == 2);
    CHECK(site.properties(1).text("NumFiles") == "2");
    CHECK(site.processor.spool().count_failed() == 2);
}

TEST_CASE(
    "many entries are read and removed by several hands, and a bad one among them is set aside")
{
    Site site;
    constexpr unsigned many = 100;
    for (unsigned number = 1; number <= many; ++number) {
        receive_image(site.config.paths, 1 + number % 2, number);
    }
    const auto bad = site.processor.spool().waiting()[many / 2];
    store::write_file(site.config.paths.spool() / "new" / bad, "{ no entry");

    const auto done = site.drain();

    CHECK(done.processed == many - 1);
    CHECK(done.given_up == 1);
    CHECK(done.postponed == 0);
    CHECK(site.processor.spool().count_waiting() == 0);
    CHECK(fs::exists(site.config.paths.spool() / "failed" / bad));
    const auto first = site.tree.count_instances(StudyUid{study_uid}, SeriesUid{series_uid(1)});
    const auto second = site.tree.count_instances(StudyUid{study_uid}, SeriesUid{series_uid(2)});
    CHECK(first + second == many - 1);
    CHECK(site.properties(1).text("NumFiles") == std::to_string(first));
}

TEST_CASE("a study whose every file is bad leaves nothing in raw")
{
    Site site;
    receive_image(site.config.paths, 1, 1);
    store::write_file(site.config.paths.archive() / ("scp_" + study_uid) / ("MR." + sop_uid(1, 1)),
                      "no image");

    CHECK(site.drain().given_up == 1);

    CHECK_FALSE(site.tree.has_study(StudyUid{study_uid}));
}

TEST_CASE("a missing file is waited for, then given up")
{
    Site site;
    receive_image(site.config.paths, 1, 1);
    fs::remove_all(site.config.paths.archive());
    const TimePoint received{std::chrono::seconds{1735811473}};

    CHECK(site.drain(received).postponed == 1);
    CHECK(site.processor.next_due() == received + std::chrono::seconds{1});
    CHECK(site.drain(received).postponed == 0);
    CHECK(site.drain(received + std::chrono::seconds{1}).postponed == 1);
    CHECK(site.processor.next_due() == received + std::chrono::seconds{3});
    CHECK(site.drain(received + std::chrono::seconds{61}).given_up == 1);
    CHECK_FALSE(site.processor.next_due().has_value());
}

TEST_CASE("an entry put off by a clock that was ahead does not wait for that time")
{
    Site site;
    receive_image(site.config.paths, 1, 1);
    const auto file = site.config.paths.archive() / ("scp_" + study_uid) / ("MR." + sop_uid(1, 1));
    fs::rename(file, file.native() + ".away");
    const auto received =
        site.processor.spool().read(site.processor.spool().waiting().front()).received;
    CHECK(site.drain(received + std::chrono::seconds{30}).postponed == 1);
    fs::rename(file.native() + ".away", file);

    CHECK(site.drain(received - std::chrono::hours{24}).processed == 1);
}

TEST_CASE("an entry that names another object than its file holds is refused")
{
    Site site;
    const auto file = store_image(site.config.paths, 1, 1);
    auto entry = ingest::announce(file, {});
    entry.series = SeriesUid{"1.2.3"};
    site.processor.spool().add(entry, store::Spool::Sync::no);

    CHECK(site.drain().given_up == 1);
    CHECK_FALSE(fs::exists(site.config.paths.raw() / study_uid));
}

TEST_CASE("asked to stop, it finishes what it has begun")
{
    Site site;
    for (unsigned number = 1; number <= 5; ++number) {
        receive_image(site.config.paths, 1, number);
    }
    unsigned asked = 0;

    const auto done = site.processor.drain(Clock::now(), [&] { return ++asked > 4; });

    CHECK(done.processed > 0);
    CHECK(done.processed < 5);
    CHECK(site.processor.spool().count_waiting() == 5 - done.processed);
    CHECK(site.properties(1).text("NumFiles") == std::to_string(done.processed));
}

TEST_CASE("lines of the original are understood")
{
    Site site;
    const auto file = store_image(site.config.paths, 1, 1);

    const auto full = ingest::announce_line(site.config.paths,
                                            "\"SCAN NER\",FIO\\NA,," + file.parent_path().native()
                                                + "," + file.filename().native() + "\n");
    CHECK(full.caller == "SCANNER");
    CHECK(full.called == "FIONA");
    CHECK(full.host == "0.0.0.0");
    CHECK(full.sop.str() == sop_uid(1, 1));
    CHECK(ingest::announce_line(site.config.paths, file.native()).caller == "unknown");
    CHECK_THROWS(ingest::announce_line(site.config.paths, "a,b,c"));
    CHECK_THROWS(ingest::announce_line(site.config.paths, "relative/path"));
    CHECK_THROWS(ingest::announce_line(site.config.paths, "/no/such/file"));
    CHECK_THROWS(ingest::announce_line(site.config.paths, "a,b,c,relative,file"));
}

TEST_CASE("reclassification replaces types by those of new rules, and only them")
{
    Site site;
    receive_image(site.config.paths, 1, 1);
    site.drain();
    const auto rules = classify::Rules::parse(
        R"([{"type": "new", "rules": [{"tag": ["Modality"], "value": "MR"}]}])", "test");
    const StudyUid study{study_uid};

    CHECK(ingest::reclassify(site.config, rules, study, Mode::dry_run).changed == 1);
    CHECK(site.properties(1).find("ClassifyType")->array().size() == 3);
    CHECK(ingest::reclassify(site.config, rules, study, Mode::apply).changed == 1);
    CHECK(site.properties(1).find("ClassifyType")->array() == json::Array{"new"});
    CHECK(ingest::reclassify(site.config, rules, study, Mode::apply).changed == 0);
    CHECK(site.properties(1).text("NumFiles") == "1");
    CHECK_THROWS(ingest::reclassify(site.config, rules, StudyUid{"1.2"}, Mode::apply));
}

TEST_CASE("reclassification takes no veto back while an image cannot be read")
{
    const auto rules = classify::Rules::parse(
        R"([{"type": "first", "check": "SeriesLevel",
             "rules": [{"tag": ["0x20", "0x13"], "operator": "==", "value": "1"}]}])",
        "test");
    Site site;
    receive_image(site.config.paths, 1, 1, {{"0020,0013", "1"}});
    receive_image(site.config.paths, 1, 2, {{"0020,0013", "2"}});
    site.drain();
    const StudyUid study{study_uid};
    static_cast<void>(ingest::reclassify(site.config, rules, study, Mode::apply));
    const auto before = site.properties(1);
    REQUIRE(before.find("ClassifyVeto")->array() == json::Array{"first"});

    fs::remove(fs::read_symlink(site.link(1, 2)));
    const auto result = ingest::reclassify(site.config, rules, study, Mode::apply);

    CHECK(result.unreadable == 1);
    CHECK(result.changed == 0);
    CHECK(site.properties(1) == before);
}
