// SPDX-License-Identifier: MIT
// The four ways in which a study finds its project, each from the scanner to the research PACS.
#include "libfiona/base/digest.h"
#include "libfiona/base/files.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/store/atomic_file.h"
#include "tests/e2e/pipeline.h"
#include "tests/support/phantom.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <thread>

namespace fs = std::filesystem;
using namespace fiona;
using Catch::Matchers::Contains;

namespace {

/// Notes every command line that is seen on this machine, until the object ends.
class ArgumentWatch {
public:
    explicit ArgumentWatch(fs::path file)
        : m_file{std::move(file)}, m_thread{[this](const std::stop_token& stop) { watch(stop); }}
    {
    }
    ~ArgumentWatch()
    {
        m_thread.request_stop();
        m_thread.join();
        std::ofstream out{m_file, std::ios::binary};
        for (const auto& line : m_seen) {
            out << line << '\n';
        }
    }
    ArgumentWatch(const ArgumentWatch&) = delete;
    ArgumentWatch& operator=(const ArgumentWatch&) = delete;

private:
    void watch(const std::stop_token& stop)
    {
        while (!stop.stop_requested()) {
            try {
                look();
            } catch (
                const std::exception&) { // NOLINT(bugprone-empty-catch) a process ended meanwhile
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
    }

    void look()
    {
        for (const auto& entry : fs::directory_iterator{"/proc"}) {
            std::ifstream in{entry.path() / "cmdline", std::ios::binary};
            std::string line{std::istreambuf_iterator<char>{in}, {}};
            if (line.find("fiona-") != std::string::npos) {
                m_seen.insert(std::move(line));
            }
        }
    }

    fs::path m_file;
    std::set<std::string> m_seen;
    std::jthread m_thread;
};

/// A study of the scanner, on its way to an AE title.
struct Sent {
    StudyUid uid;
    std::size_t images;
};

class Road {
public:
    Road()
    {
        import(redcap::Role::dtp, "DEMO",
               {{"project_use_autoid", "1"},
                { "project_autoid_aetitle",
                  "AUTODEMO" }});
        import(redcap::Role::routing, "pseudonyms",
               {{"routing_active", "1"},
                {"routing_dest_project", "DEMO"},
                {"routing_sending_aetitle", "SCANNER1"},
                {"routing_allowed_patientid", "DEMO_1[0-9]{2}"},
                { "routing_event_name",
                  "Week 12" }});
    }

    void import(redcap::Role role, const std::string& record,
                std::map<std::string, std::string, std::less<>> values)
    {
        redcap::Row row;
        row.record = record;
        row.values = std::move(values);
        redcap::connect(pipeline.config().redcap, role)
            ->import_records({row}, redcap::Overwrite::normal);
    }

    Sent send(const phantom::Patient& patient, const std::string& called = "FIONA")
    {
        phantom::Study study{patient, ++m_seed};
        study.add_mr_series({.images = 2, .private_groups = phantom::PrivateGroups::none});
        const auto directory = pipeline.scratch() / fmt::format("study{}", m_seed);
        const auto files = study.write_to(directory);
        REQUIRE(pipeline.send(directory, called));
        return {StudyUid{study.uid()}, files.size()};
    }

    void minute()
    {
        pipeline.cron_minute();
        pipeline.run("fiona-populate-autoid");
        pipeline.run("fiona-create-transfer-requests");
        pipeline.run("fiona-anonymize-send");
        pipeline.run("fiona-populate-projects");
    }

    [[nodiscard]] std::map<std::string, redcap::Transfer> transfers()
    {
        const auto client = redcap::connect(pipeline.config().redcap, redcap::Role::incoming);
        std::map<std::string, redcap::Transfer> result;
        for (const auto& transfer :
             redcap::Incoming{*client, pipeline.scratch() / "locks"}.transfers()) {
            CHECK(result.emplace(transfer.study.str(), transfer).second);
        }
        return result;
    }

    Pipeline pipeline;

private:
    unsigned m_seed = 0;
};

} // namespace

TEST_CASE("routing rule, coupling list, automatic id and a person's hand bring studies to research")
{
    Road road;
    auto& pipeline = road.pipeline;
    const auto arguments = pipeline.scratch() / "arguments.txt";
    std::optional<ArgumentWatch> watch{arguments};
    const phantom::Patient anna{"ANNASDOTTER^ANNA", "PAT-30001", "19600203", "F"};
    const phantom::Patient berit{"BERITSDOTTER^BERIT", "PAT-30002", "19610203", "F"};
    const phantom::Patient carla{"CARLASDOTTER^CARLA", "PAT-30003", "19620203", "F"};
    const phantom::Patient dora{"DORASDOTTER^DORA", "PAT-30004", "19630203", "F"};

    const auto routed = road.send({"FORSTUDY^NUMBER", "DEMO_101", "19640203", "F"});
    const auto automatic = road.send(anna, "AUTODEMO");
    const auto again = road.send(anna, "AUTODEMO");
    const auto other = road.send(berit, "AUTODEMO");
    const auto coupled = road.send(carla);
    const auto manual = road.send(dora);
    store::write_file(pipeline.scratch() / "list.csv",
                      fmt::format("StudyInstanceUID;ProjectName;SubjectID;EventName\r\n"
                                  "{};DEMO;DEMO_201;baseline_arm_1\r\n",
                                  coupled.uid));
    const auto imported = pipeline.run(
        "fiona-assign", {"coupling", "import", (pipeline.scratch() / "list.csv").native()});
    INFO(imported.err);
    REQUIRE(imported.exit_code == 0);
    REQUIRE(pipeline.settle(6));
    pipeline.assign_all({{manual.uid.str(), "DEMO_301"}});

    const bool all_sent = eventually(
        [&] {
            road.minute();
            const auto transfers = road.transfers();
            return transfers.size() == 6 && std::ranges::none_of(transfers, [](const auto& item) {
                       return item.second.transferred.empty();
                   });
        },
        std::chrono::seconds{120});
    road.minute();
    watch.reset();

    REQUIRE(all_sent);
    const auto transfers = road.transfers();
    const auto participant = [&](const Sent& sent) {
        return transfers.at(sent.uid.str()).participant;
    };
    for (const auto& [study, transfer] : transfers) {
        CAPTURE(transfer.participant, transfer.error_message);
        CHECK_FALSE(transfer.deidentify_error);
        CHECK_FALSE(transfer.send_error);
        CHECK(transfer.project == "DEMO");
    }
    CHECK(participant(routed) == "DEMO_101");
    CHECK(transfers.at(routed.uid.str()).event == "Week 12");
    CHECK(participant(coupled) == "DEMO_201");
    CHECK(transfers.at(coupled.uid.str()).event == "Baseline");
    CHECK(participant(manual) == "DEMO_301");
    CHECK(participant(automatic).starts_with("DEMO_"));
    CHECK(participant(again) == participant(automatic));
    CHECK(participant(other) != participant(automatic));

    std::size_t images = 0;
    const auto in_pacs = pipeline.in_pacs();
    for (const auto& [study, instances] : in_pacs) {
        images += instances.size();
    }
    CHECK(in_pacs.size() == 6);
    CHECK(images == 12);

    const auto listed = pipeline.ask("fiona-assign", {"participants", "DEMO"});
    CHECK(listed.array().size() == 5);
    const auto quiet = pipeline.ask("fiona-populate-projects", {});
    CHECK(quiet.find("unchanged")->integer() == 1);

    Identity identity{{"patient name", {}}, {"patient id", {}}};
    for (const auto& patient : {anna, berit, carla, dora}) {
        identity["patient name"].push_back(patient.name.substr(0, patient.name.find('^')));
        identity["patient id"].push_back(patient.id);
    }
    const auto& paths = pipeline.config().paths;
    const auto leaks =
        leak_scan({arguments, pipeline.output(), paths.logs(), paths.server_logs(), paths.state(),
                   paths.requests(), paths.done(), paths.failed(), pipeline.pacs_storage()},
                  identity);
    for (const auto& leak : leaks) {
        UNSCOPED_INFO(describe(leak));
    }
    CHECK(leaks.empty());
    CHECK_THAT(read_file(arguments), Contains("fiona-anonymize-send"));
}

TEST_CASE("rule and list that disagree request nothing, and say so, until a person has decided")
{
    Road road;
    auto& pipeline = road.pipeline;
    const auto study = road.send({"FORSTUDY^NUMBER", "DEMO_102", "19640203", "F"});
    store::write_file(pipeline.scratch() / "list.csv",
                      fmt::format("StudyInstanceUID,SubjectID\n{},DEMO_202\n", study.uid));
    REQUIRE(pipeline
                .run("fiona-assign", {"coupling", "import", "--project", "DEMO",
                                      (pipeline.scratch() / "list.csv").native()})
                .exit_code
            == 0);

    std::string said;
    REQUIRE(eventually(
        [&] {
            pipeline.run("fiona-detect-arrival");
            const auto run = pipeline.run("fiona-populate-incoming");
            said = run.exit_code == 65 ? run.out : said;
            return !said.empty();
        },
        std::chrono::seconds{120}));

    CHECK_THAT(said, Contains("coupling list and routing rule pseudonyms disagree about the "
                              "participant"));
    CHECK(road.transfers().empty());
    pipeline.assign_all({{study.uid.str(), "DEMO_202"}});
    CHECK(road.transfers().size() == 1);
    CHECK(read_file(pipeline.output()).find("PAT-") == std::string::npos);
}

TEST_CASE("ten thousand patients share out a pattern of ten thousand ids, the next finds none")
{
    Road road;
    auto& pipeline = road.pipeline;
    road.import(redcap::Role::dtp, "DEMO", {{"project_patient_naming", R"(^P_0\d{4}$)"}});
    std::vector<redcap::Row> arrived;
    for (int i = 0; i <= 10'000; ++i) {
        auto& row = arrived.emplace_back();
        row.record = fmt::format("1.2.826.0.1.3680043.10.999.7.{}", i);
        row.values = {{"study_aetitle_addressed", "AUTODEMO"},
                      {"study_patient_id", sha256_hex(std::to_string(i))}};
    }
    redcap::connect(pipeline.config().redcap, redcap::Role::incoming)
        ->import_records(arrived, redcap::Overwrite::normal);

    const auto run = pipeline.run("fiona-populate-autoid", {"--json"});

    CHECK(run.exit_code == 65);
    const auto result = json::parse(run.out, "result");
    CHECK(result.find("given")->array().size() == 10'000);
    const auto& exhausted = result.find("exhausted")->array();
    REQUIRE(exhausted.size() == 1);
    CHECK(exhausted[0].text("reason")
          == "all 10000 ids of the pattern are used, 1 patients have none");
    std::set<std::string> ids;
    for (const auto& [study, transfer] : road.transfers()) {
        ids.insert(transfer.participant);
    }
    CHECK(ids.size() == 10'000);
    CHECK(pipeline.run("fiona-populate-autoid").exit_code == 65);
    CHECK(road.transfers().size() == 10'000);
}
