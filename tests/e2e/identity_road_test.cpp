// SPDX-License-Identifier: MIT
// Studies that change after they were sent, or belong to two projects: pseudonyms stay, and stay apart.
#include "libfiona/base/digest.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "libfiona/redcap/client.h"
#include "libfiona/store/spool.h"
#include "tests/e2e/pipeline.h"
#include "tests/support/leak_scan.h"
#include "tests/support/phantom.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace fs = std::filesystem;
using namespace fiona;

namespace {

using Pacs = std::map<std::string, std::multiset<std::string>>;

const phantom::Patient jane{"Fjellvik^Signe", "PAT-4711", "19700102", "F"};

class Road {
public:
    void send(const std::vector<fs::path>& files)
    {
        const auto directory = pipeline.scratch() / fmt::format("sent{}", ++m_batches);
        fs::create_directories(directory);
        for (const auto& file : files) {
            fs::copy(file, directory / file.filename());
        }
        REQUIRE(pipeline.send(directory));
    }
    void assign(const std::string& study, const std::string& project)
    {
        const auto outcome =
            pipeline.run("fiona-assign", {"assign", study, "--project", project, "--participant",
                                          project + "_001", "--create-participant"});
        INFO(outcome.err);
        REQUIRE(outcome.exit_code == 0);
    }
    /// A second research project in the same REDCap.
    void add_project(const std::string& name, const std::string& prefix)
    {
        const auto made =
            pipeline.run("fiona-redcapd", {"project", "create", "--title", name, "--print-token"});
        INFO(made.err);
        REQUIRE(made.exit_code == 0);
        redcap::Row row;
        row.record = name;
        row.values = {{"project_name", name},
                      {"project_active", "1"},
                      {"project_patient_naming", prefix + "_[0-9]{3}"},
                      {"project_token", made.out.substr(0, 32)}};
        redcap::connect(pipeline.config().redcap, redcap::Role::dtp)
            ->import_records({row}, redcap::Overwrite::normal);
    }
    /// Cron minutes until the PACS has so many objects; what it has.
    Pacs until(std::size_t objects)
    {
        Pacs found;
        CHECK(eventually(
            [&] {
                pipeline.cron_minute();
                found = pipeline.in_pacs();
                std::size_t all = 0;
                for (const auto& [study, instances] : found) {
                    all += instances.size();
                }
                return all >= objects;
            },
            std::chrono::seconds{90}));
        return found;
    }
    /// Has all of a study sent again, as somebody asks who wants it so, and waits until the PACS has written
    /// so many files anew. The request has no seconds: it may come due in the next minute.
    void send_again(const std::string& study, std::size_t objects)
    {
        const auto before = files_in_pacs();
        const auto asked =
            pipeline.run("fiona-resend-project", {"--project", "DEMO", "--study", study});
        INFO(asked.err);
        CHECK(asked.exit_code == 0);
        CHECK(eventually(
            [&] {
                pipeline.cron_minute();
                const auto files = files_in_pacs();
                return std::ranges::count_if(
                           files, [&](const auto& file) { return !before.contains(file); })
                       >= static_cast<std::ptrdiff_t>(objects);
            },
            std::chrono::seconds{180}));
    }
    /// Names and times of change of what the PACS has written.
    [[nodiscard]] std::set<std::string> files_in_pacs() const
    {
        std::set<std::string> files;
        for (const auto& entry : fs::recursive_directory_iterator{pipeline.pacs_storage()}) {
            if (entry.is_regular_file() && entry.path().filename() != "index.dat") {
                files.insert(fmt::format("{} {}", entry.path().filename().native(),
                                         entry.last_write_time().time_since_epoch().count()));
            }
        }
        return files;
    }
    /// All that identifies something in the objects of the PACS, by study: every UI but those of DICOM itself
    /// and of who wrote the file.
    [[nodiscard]] std::map<std::string, std::set<std::string>> uids_in_pacs() const
    {
        std::map<std::string, std::set<std::string>> studies;
        for (const auto& entry : fs::recursive_directory_iterator{pipeline.pacs_storage()}) {
            if (!entry.is_regular_file() || entry.path().filename() == "index.dat") {
                continue;
            }
            const auto dump =
                fiona::run({.arguments = {"dcmdump", "-q", "+L", entry.path().native()}});
            REQUIRE(dump.exit_code == 0);
            std::string study;
            std::set<std::string> uids;
            for (const auto line : split(dump.out, '\n')) {
                const auto at = line.find(" UI [");
                const auto end = line.find(']');
                if (at == std::string_view::npos || end == std::string_view::npos
                    || line.find("(0002,") != std::string_view::npos) {
                    continue;
                }
                const auto uid = std::string{line.substr(at + 5, end - at - 5)};
                if (!uid.starts_with("1.2.840.10008.")) {
                    uids.insert(uid);
                }
                if (line.starts_with("(0020,000d)")) {
                    study = uid;
                }
            }
            CHECK(uids.size() > 3); // study, series, object, frame of reference at least
            studies[study].merge(uids);
        }
        return studies;
    }
    /// Nothing of these people in what left, in logs and in outputs.
    void check_no_leak(const Identity& identity) const
    {
        for (const auto& leak :
             leak_scan({pipeline.pacs_storage(), pipeline.config().paths.logs(),
                        pipeline.config().paths.server_logs(), pipeline.output()},
                       identity)) {
            FAIL_CHECK(describe(leak));
        }
    }

    Pipeline pipeline;

private:
    unsigned m_batches = 0;
};

bool is_once(const Pacs& pacs)
{
    std::set<std::string> all;
    std::size_t count = 0;
    for (const auto& [study, instances] : pacs) {
        all.insert(instances.begin(), instances.end());
        count += instances.size();
    }
    return all.size() == count;
}

} // namespace

TEST_CASE("a series that comes after its study was sent follows it, under the same pseudonyms")
{
    Road road;
    phantom::Study study{jane, 1};
    study.add_mr_series({.images = 3}).add_mr_series({.images = 2});
    const auto files = study.write_to(road.pipeline.scratch() / "study");
    road.send({files.begin(), files.begin() + 3});
    REQUIRE(road.pipeline.settle(1));
    road.assign(study.uid(), "DEMO");
    const auto before = road.until(3);
    REQUIRE(before.size() == 1);
    const auto files_before = road.files_in_pacs();
    REQUIRE(files_before.size() == 3);

    road.send({files.begin() + 3, files.end()});
    const auto after = road.until(5);

    REQUIRE(after.size() == 1);
    CHECK(after.begin()->first == before.begin()->first);
    CHECK(after.begin()->second.size() == 5);
    CHECK(is_once(after));
    for (const auto& instance : before.begin()->second) {
        CHECK(after.begin()->second.contains(instance));
    }
    // The late ones came alone: the PACS writes a file of another name for whatever it gets again.
    const auto files_after = road.files_in_pacs();
    CHECK(files_after.size() == 5);
    CHECK(std::ranges::includes(files_after, files_before));
    REQUIRE(road.pipeline.transfer_all());
    const auto transfers = road.pipeline.ask("fiona-assign", {"status"});
    REQUIRE(transfers.array().size() == 1); // no second pseudonym, no second row
    CHECK(transfers.array()[0].text("participant") == "DEMO_001");

    // Asked for by a person, all of it goes again.
    road.send_again(study.uid(), 5);
    CHECK(road.pipeline.in_pacs() == after);
    CHECK(road.files_in_pacs().size() == 5);
    road.check_no_leak(study.identity());
}

TEST_CASE(
    "a study in two projects has two identities that share no UID, and one outlives the other")
{
    Road road;
    road.add_project("DEMO 2 æøå", "TWO");
    phantom::Study study{jane, 2};
    study.add_mr_series({.images = 3});
    road.send(study.write_to(road.pipeline.scratch() / "study"));
    REQUIRE(road.pipeline.settle(1));
    road.assign(study.uid(), "DEMO");
    const auto first = road.until(3);
    REQUIRE(first.size() == 1);
    const auto assigned =
        road.pipeline.run("fiona-assign", {"assign", study.uid(), "--project", "DEMO 2 æøå",
                                           "--participant", "TWO_001", "--create-participant"});
    if (assigned.exit_code != 0) { // its ids look otherwise
        FAIL(assigned.err);
    }

    const auto both = road.until(6);

    CHECK(both.size() == 2);
    CHECK(is_once(both));
    const auto uids = road.uids_in_pacs();
    REQUIRE(uids.size() == 2);
    std::vector<std::string> shared;
    std::ranges::set_intersection(uids.begin()->second, std::next(uids.begin())->second,
                                  std::back_inserter(shared));
    CHECK(shared == std::vector<std::string>{});
    CHECK(both.at(first.begin()->first) == first.begin()->second);

    // The key of one project is destroyed: nobody can find the way back; the other goes on.
    const auto gone = road.pipeline.run(
        "fiona-config", {"key", "destroy", "DEMO 2 æøå", "--confirm", "DEMO 2 æøå"});
    INFO(gone.err);
    CHECK(gone.exit_code == 0);
    road.send_again(study.uid(), 3);
    CHECK(road.pipeline.in_pacs() == both);
    road.check_no_leak(study.identity());
}

TEST_CASE(
    "a corrected name and a merged patient arrive: the pseudonym stays, both identities stay here")
{
    Road road;
    phantom::Study wrong{jane, 3};
    wrong.add_mr_series({.images = 3});
    phantom::Study right{phantom::Patient{"Lundqvist^Birger", "PAT-0815", "19610203", "M"}, 3};
    right.add_mr_series({.images = 3});
    REQUIRE(wrong.uid() == right.uid());
    REQUIRE(wrong.sop_instance_uids() == right.sop_instance_uids());
    road.send(wrong.write_to(road.pipeline.scratch() / "wrong"));
    REQUIRE(road.pipeline.settle(1));
    road.assign(wrong.uid(), "DEMO");
    const auto before = road.until(3);

    road.send(right.write_to(road.pipeline.scratch() / "right"));
    REQUIRE(eventually([&] { // sorted again, too
        return store::Spool{road.pipeline.config().paths.spool()}.count_waiting() == 0;
    }));
    road.send_again(right.uid(), 3);

    // Who looks here sees the right name now; INCOMING has its digest.
    const auto name_there = [&] {
        for (const auto& row :
             redcap::connect(road.pipeline.config().redcap, redcap::Role::incoming)
                 ->export_records({})) {
            if (row.record == right.uid() && row.instrument.empty()) {
                return row.value("study_patient_name");
            }
        }
        return std::string{};
    };
    CHECK(eventually(
        [&] {
            road.pipeline.cron_minute();
            return name_there() == sha256_hex("Lundqvist^Birger");
        },
        std::chrono::seconds{90}));
    CHECK(road.pipeline.transfer_all());
    CHECK(road.pipeline.in_pacs() == before); // same study, same objects, once
    road.check_no_leak(merged(wrong.identity(), right.identity()));
}
