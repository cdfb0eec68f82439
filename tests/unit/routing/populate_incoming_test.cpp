// SPDX-License-Identifier: MIT
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/routing/populate_incoming.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/memory_redcap.h"
#include "tests/support/site.h"

#include <catch2/catch.hpp>

#include <set>

using namespace fiona;
using namespace fiona::routing;
using Catch::Matchers::Contains;

namespace {

const StudyUid study{"1.2.826.0.1.3680043.2.1125.7"};
const StudyUid second_study{"1.2.826.0.1.3680043.2.1125.8"};
const SeriesUid first{"1.2.826.0.1.3680043.2.1125.7.1"};
const SeriesUid second{"1.2.826.0.1.3680043.2.1125.7.2"};

struct Fixture {
    PopulateReport run(Mode mode = Mode::apply, TimePoint now = Clock::now())
    {
        PopulateProjects projects{redcap};
        projects.has_made = [this](const StudyUid& uid) { return made.contains(uid); };
        return populate_incoming(projects, config, now, mode);
    }

    Site site;
    Config config = site.config();
    std::set<StudyUid> made; ///< by de-identification
    MemoryRedcap redcap{MemoryRedcap::incoming_fields(), {"series", "transfers"}};
    std::filesystem::path cache = config.paths.state() / "populate-incoming.json";
};

} // namespace

TEST_CASE_METHOD(Fixture, "a settled study is recorded with hashed name and id")
{
    site.put_series(study, first);
    site.put_series(study, second);

    const auto report = run();

    CHECK(report.written == std::vector{study});
    CHECK(report.series_rows == 2);
    const auto stored = [&](const char* field) { return redcap.stored(study.str(), "", 0, field); };
    CHECK(stored("study_patient_name") == sha256_hex("DOE^JANE"));
    CHECK(stored("study_patient_id") == sha256_hex("TESTID001"));
    CHECK(stored("study_aetitle_sender") == "MODALITY1");
    CHECK(stored("study_aetitle_addressed") == "FIONA");
    CHECK(stored("study_accession_number") == "ACC0000123");
    CHECK(stored("study_institution_name") == "Example Hospital");
    CHECK(redcap.stored(study.str(), "series", 1, "series_date") == "20240102");
    CHECK(redcap.stored(study.str(), "series", 1, "series_classify_types")
          == R"(["SIEMENS","T1"])");
}

TEST_CASE_METHOD(Fixture,
                 "a quiet minute costs no call, and neither does a lost cache write anything")
{
    site.put_series(study, first);
    static_cast<void>(run());
    const auto calls = redcap.traffic().calls;

    const auto quiet = run();
    CHECK(quiet.unchanged == 1);
    CHECK(redcap.traffic().calls == calls);

    std::filesystem::remove(cache);
    const auto again = run();
    CHECK(again.unchanged == 1);
    CHECK(redcap.imports == 1);
}

TEST_CASE_METHOD(Fixture, "a broken cache is forgotten")
{
    const auto* const content =
        GENERATE("", "[]", "{\"../x\":{}}", "{\"1.2.3\":{\"changed_ns\":\"x\"}}");
    site.put_series(study, first);
    make_directories(cache.parent_path());
    store::write_file(cache, content);

    CHECK(run().written.size() == 1);
    CHECK(run().unchanged == 1);
}

TEST_CASE_METHOD(Fixture, "a study is entered when its youngest series has settled")
{
    site.put_series(study, first);
    site.put_series(study, second, std::chrono::seconds{5});

    CHECK(run().waiting == 1);
    CHECK(redcap.traffic().calls == 0);
    CHECK(run(Mode::apply, Clock::now() + std::chrono::minutes{2}).written.size() == 1);
    CHECK(redcap.count_instances(study.str(), "series") == 2);
}

TEST_CASE_METHOD(Fixture, "a study from a clock that was ahead does not wait for that time")
{
    site.put_series(study, first, -std::chrono::hours{24});

    CHECK(run().written.size() == 1);
    CHECK(run().unchanged == 1);
}

TEST_CASE_METHOD(Fixture, "a series that grew is written into its instance")
{
    site.put_series(study, first);
    site.put_series(study, second);
    static_cast<void>(run());
    site.put_series(study, first, std::chrono::minutes{5}, {{"NumFiles", "193"}});

    const auto report = run();

    CHECK(report.series_rows == 1);
    CHECK(redcap.stored(study.str(), "series", 1, "series_num_files") == "193");
    CHECK(redcap.count_instances(study.str(), "series") == 2);
}

TEST_CASE_METHOD(Fixture, "a study that was only touched costs no call")
{
    site.put_series(study, first);
    static_cast<void>(run());
    const auto calls = redcap.traffic().calls;
    site.put_series(study, first, std::chrono::minutes{5});

    CHECK(run().unchanged == 1);
    CHECK(redcap.traffic().calls == calls);
}

TEST_CASE_METHOD(Fixture, "de-identified studies that come back are not recorded")
{
    made.insert(StudyUid{"2.25.1234"});
    site.put_series(StudyUid{"2.25.1234"}, first);
    site.put_series(StudyUid{"1.3.6.1.4.1.45037.55"}, first);

    const auto report = run();

    CHECK(report.deidentified == 2);
    CHECK(report.studies == 0);
    CHECK(redcap.traffic().calls == 0);
}

TEST_CASE_METHOD(Fixture, "a copy that came back stays ours when its transfer is withdrawn")
{
    const StudyUid copy{"2.25.1234"};
    made.insert(copy);
    site.put_series(copy, first);
    static_cast<void>(run());
    made.clear();

    const auto report = run();

    CHECK(report.deidentified == 1);
    CHECK(report.written.empty());
    CHECK(redcap.stored(copy.str(), "", 0, "study_aetitle_sender").empty());
}

TEST_CASE_METHOD(Fixture, "a clinical study whose UID begins as ours do is recorded as any other")
{
    made.insert(StudyUid{"2.25.1234"});
    const StudyUid clinical{"2.25.99887766"}; // PS3.5 §B.2: any vendor may
    site.put_series(clinical, first);

    const auto report = run();

    CHECK(report.deidentified == 0);
    CHECK(report.written == std::vector{clinical});
    CHECK(redcap.stored(clinical.str(), "", 0, "study_aetitle_sender") == "MODALITY1");
}

TEST_CASE_METHOD(Fixture, "a series JSON that cannot be used is set aside, and said in every run")
{
    site.put_series(study, first);
    site.put_series(study, second, std::chrono::hours{1}, {{"StudyInstanceUID", "1.2.3"}});
    const SeriesUid third{"1.2.826.0.1.3680043.2.1125.7.3"};
    site.put_series(study, third);
    const auto broken = config.paths.raw() / study.str() / (third.str() + ".json");
    store::write_file(broken, "{\"PatientName\": \"DO");
    std::filesystem::last_write_time(broken, std::filesystem::file_time_type::clock::now()
                                                 - std::chrono::hours{1});

    CHECK(run().unreadable_series == 2);
    CHECK(redcap.count_instances(study.str(), "series") == 1);
    const auto calls = redcap.traffic().calls;
    CHECK(run().unreadable_series == 2);
    CHECK(redcap.traffic().calls == calls);
}

TEST_CASE_METHOD(Fixture, "a refused study rests for an hour, or until it changes")
{
    site.put_series(study, first, std::chrono::hours{3}, {{"NumFiles", "many"}});
    const auto now = Clock::now();
    CHECK(run(Mode::apply, now).refused.size() == 1);
    const auto calls = redcap.traffic().calls;

    CHECK(run(Mode::apply, now + std::chrono::minutes{59}).refused.size() == 1);
    CHECK(redcap.traffic().calls == calls);
    CHECK(run(Mode::apply, now + std::chrono::minutes{61}).refused.size() == 1);
    CHECK(redcap.traffic().calls > calls);
    site.put_series(study, first, std::chrono::hours{2});
    CHECK(run(Mode::apply, now + std::chrono::minutes{62}).written.size() == 1);
}

TEST_CASE_METHOD(Fixture, "hundreds of studies cost three calls for each two hundred")
{
    for (int i = 0; i < 250; ++i) {
        site.put_series(StudyUid{fmt::format("1.2.826.0.1.3680043.2.1125.8.{}", i)},
                        SeriesUid{fmt::format("1.2.826.0.1.3680043.2.1125.8.{}.1", i)});
    }

    const auto report = run();

    CHECK(report.written.size() == 250);
    CHECK(redcap.traffic().calls == 6);
}

TEST_CASE_METHOD(Fixture, "a REDCap that goes down half-way leaves what it took remembered")
{
    for (int i = 0; i < 250; ++i) {
        site.put_series(StudyUid{fmt::format("1.2.826.0.1.3680043.2.1125.8.{}", i)},
                        SeriesUid{fmt::format("1.2.826.0.1.3680043.2.1125.8.{}.1", i)});
    }
    redcap.before_import = [&](const auto&) {
        if (redcap.imports > 1) {
            throw Error{Fault::unreachable, "down"};
        }
    };

    CHECK_THROWS_AS(run(), Error);

    redcap.before_import = {};
    const auto report = run();
    CHECK(report.unchanged == 200);
    CHECK(report.written.size() == 50);
}

TEST_CASE_METHOD(Fixture, "a dry run says what it would record and leaves no trace")
{
    site.put_series(study, first);

    CHECK(run(Mode::dry_run).written.size() == 1);

    CHECK(redcap.imports == 0);
    CHECK(!std::filesystem::exists(config.paths.state()));
}

TEST_CASE_METHOD(Fixture, "no log line holds a name, an id or an accession number")
{
    std::string lines;
    log::set_threshold(log::Level::debug);
    log::set_sink([&](log::Level, const std::string& line) { lines += line + "\n"; });
    site.put_series(study, first, std::chrono::hours{1}, {{"NumFiles", "DOE^JANE"}});
    static_cast<void>(run());
    log::set_sink({});
    log::set_threshold(log::Level::info);

    CHECK_THAT(lines, Contains("event=study_refused") && !Contains("DOE") && !Contains("TESTID")
                          && !Contains("ACC00") && !Contains(study.str()));
}

TEST_CASE_METHOD(Fixture, "a study that REDCap has lost is recorded again within a day")
{
    site.put_series(study, first);
    site.put_series(second_study, second);
    static_cast<void>(run());
    redcap.delete_records({study.str()}); // it was put back to an earlier state
    const auto calls = redcap.traffic().calls;
    CHECK(run(Mode::apply, Clock::now() + std::chrono::hours{23}).unchanged == 2);
    CHECK(redcap.traffic().calls == calls);
    const auto later = Clock::now() + std::chrono::hours{25};

    CHECK(run(Mode::dry_run, later).written == std::vector{study});
    const auto report = run(Mode::apply, later);

    CHECK(report.written == std::vector{study});
    CHECK(report.unchanged == 1);
    CHECK(redcap.count_instances(study.str(), "series") == 1);
    const auto quiet = redcap.traffic().calls;
    CHECK(run(Mode::apply, later + std::chrono::minutes{1}).unchanged == 2);
    CHECK(redcap.traffic().calls == quiet); // one look a day
}

TEST_CASE_METHOD(Fixture, "a REDCap that cannot be compared with is compared with in the next run")
{
    site.put_series(study, first);
    static_cast<void>(run());
    redcap.delete_records({study.str()});
    const auto later = Clock::now() + std::chrono::hours{25};
    redcap.before_export = [] { throw Error{Fault::temporary, "away"}; };
    CHECK(run(Mode::apply, later).unchanged == 1);
    redcap.before_export = {};

    CHECK(run(Mode::apply, later).written == std::vector{study});
}

TEST_CASE_METHOD(Fixture,
                 "a refusal from a clock that was ahead is no reason to wait for that hour")
{
    site.put_series(study, first);
    bool refuses = true;
    redcap.before_import = [&](const auto&) {
        if (refuses) {
            throw Error{Fault::data, "no"};
        }
    };
    const auto ahead = Clock::now() + std::chrono::hours{24 * 400};
    REQUIRE(run(Mode::apply, ahead).refused.size() == 1);
    refuses = false;

    CHECK(run().written == std::vector{study});
}
