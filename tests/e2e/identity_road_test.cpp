// SPDX-License-Identifier: MIT
// Studies that change after they were sent, or belong to two projects: pseudonyms stay, and stay apart.
#include "libfiona/base/text.h"
#include "libfiona/redcap/client.h"
#include "libfiona/store/spool.h"
#include "tests/e2e/pipeline.h"
#include "tests/support/leak_scan.h"
#include "tests/support/phantom.h"

#include <catch2/catch.hpp>

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

    road.send({files.begin() + 3, files.end()});
    const auto after = road.until(5);

    REQUIRE(after.size() == 1);
    CHECK(after.begin()->first == before.begin()->first);
    CHECK(after.begin()->second.size() == 5);
    CHECK(is_once(after));
    for (const auto& instance : before.begin()->second) {
        CHECK(after.begin()->second.contains(instance));
    }
    const auto transfers = road.pipeline.ask("fiona-assign", {"status"});
    REQUIRE(transfers.array().size() == 1); // no second pseudonym, no second row
    CHECK(transfers.array()[0].text("participant") == "DEMO_001");
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
    CHECK(both.at(first.begin()->first) == first.begin()->second);

    // The key of one project is destroyed: nobody can find the way back; the other goes on.
    const auto gone = road.pipeline.run(
        "fiona-config", {"key", "destroy", "DEMO 2 æøå", "--confirm", "DEMO 2 æøå"});
    INFO(gone.err);
    CHECK(gone.exit_code == 0);
    const auto again =
        road.pipeline.run("fiona-resend-project", {"--project", "DEMO", "--study", study.uid()});
    INFO(again.err);
    CHECK(again.exit_code == 0);
    CHECK(road.pipeline.transfer_all());
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
    const auto again =
        road.pipeline.run("fiona-resend-project", {"--project", "DEMO", "--study", right.uid()});
    INFO(again.err);
    CHECK(again.exit_code == 0);
    CHECK(road.pipeline.transfer_all());

    CHECK(road.pipeline.in_pacs() == before); // same study, same objects, once
    road.check_no_leak(merged(wrong.identity(), right.identity()));
}
