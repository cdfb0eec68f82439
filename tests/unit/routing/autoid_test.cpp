// SPDX-License-Identifier: MIT
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/routing/autoid.h"
#include "libfiona/routing/autoid_memory.h"
#include "libfiona/routing/autoid_register.h"
#include "libfiona/routing/transfer_requests.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/requests.h"
#include "tests/support/borrowed_redcap.h"
#include "tests/support/memory_redcap.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

#include <set>

using namespace fiona;
using Catch::Matchers::Contains;

namespace {

std::vector<redcap::Field> fields_of(const char* form, std::initializer_list<const char*> names)
{
    std::vector<redcap::Field> fields;
    for (const auto* const name : names) {
        fields.push_back({name, form, "text", "", ""});
    }
    return fields;
}

/// Two projects with automatic ids; studies are put into INCOMING as they arrive.
class Bench {
public:
    Bench()
    {
        put_project("DEMO", "DEMO_[0-9]{3}", "AUTO1");
        put_project("OTHER", "X[0-9]", "AUTO2");
        config.paths = site.paths;
        config.document = json::Object{};
    }

    void put_project(const std::string& name, const std::string& pattern, const std::string& title)
    {
        dtp.put({name,
                 "",
                 "",
                 0,
                 {{"project_name", name},
                  {"project_active", "1"},
                  {"project_use_autoid", "1"},
                  {"project_autoid_aetitle", title},
                  {"project_patient_naming", pattern},
                  {"project_token", "T"}}});
    }

    void put_study(const std::string& study, const std::string& patient,
                   const std::string& title = "AUTO1")
    {
        incoming.put(
            {study,
             "",
             "",
             0,
             {{"study_aetitle_addressed", title}, {"study_patient_id", sha256_hex(patient)}}});
    }

    routing::AutoIdReport run(Mode mode = Mode::apply)
    {
        return routing::populate_autoid({dtp, incoming, autoid,
                                         [this](const Private<std::string>&) {
                                             return std::make_unique<BorrowedRedcap>(project);
                                         }},
                                        config, now, mode);
    }

    [[nodiscard]] std::string participant(const std::string& study) const
    {
        return incoming.stored(study, "transfers", 1, "transfer_name");
    }

    SortedSite site;
    Config config;
    MemoryRedcap dtp{fields_of("projects", {"record_id", "project_name", "project_active",
                                            "project_use_autoid", "project_autoid_aetitle",
                                            "project_patient_naming", "project_token"})};
    MemoryRedcap incoming{MemoryRedcap::incoming_fields(), {"series", "transfers"}};
    MemoryRedcap autoid{fields_of("autoid", {"record_id", "autoid_project_name", "autoid_hash",
                                             "autoid_value", "autoid_method"})};
    MemoryRedcap project{fields_of("participant", {"record_id", "first_name"})};
    TimePoint now = Clock::now();
};

} // namespace

TEST_CASE("the hashes of the original are found again")
{
    const auto patient = sha256_hex("12345");

    CHECK(patient == "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5");
    CHECK(sha512_hex(patient).substr(0, 32) == "573e358cc7dd6eb1d422c5bf14c4d383");

    Bench bench;
    bench.autoid.put({"17",
                      "",
                      "",
                      0,
                      {{"autoid_project_name", "DEMO"},
                       {"autoid_hash", sha512_hex(patient)},
                       {"autoid_value", "DEMO_042"},
                       {"autoid_method", "1"}}});
    bench.put_study("1.2.1", "12345");

    const auto report = bench.run();

    CHECK(report.given.size() == 1);
    CHECK(report.new_participants == 0);
    CHECK(bench.participant("1.2.1") == "DEMO_042");
}

TEST_CASE("a patient has one id in a project, whenever the studies come")
{
    Bench bench;
    bench.put_study("1.2.1", "anna");
    bench.put_study("1.2.2", "anna");
    bench.put_study("1.2.3", "berit");
    CHECK(bench.run().new_participants == 2);
    bench.put_study("1.2.4", "anna");

    const auto second = bench.run();
    const auto third = bench.run();

    CHECK(second.given.size() == 1);
    CHECK(second.new_participants == 0);
    CHECK(third.pending == 0);
    const auto id = bench.participant("1.2.1");
    CHECK(id.starts_with("DEMO_"));
    CHECK(bench.participant("1.2.2") == id);
    CHECK(bench.participant("1.2.4") == id);
    CHECK(bench.participant("1.2.3") != id);
    const auto key = read_file(bench.config.paths.config() / "autoid.key").substr(0, 64);
    const auto hash = to_hex(hmac_sha256(std::as_bytes(std::span{key}), sha256_hex("anna")));
    const auto record = routing::AutoIdRegister::record_id(ProjectName{"DEMO"}, hash);
    CHECK(bench.autoid.stored(record, "", 0, "autoid_hash") == hash);
    CHECK(bench.autoid.stored(record, "", 0, "autoid_value") == id);
    CHECK(bench.autoid.stored(record, "", 0, "autoid_method") == "2");
}

TEST_CASE("a dry run gives nothing, makes no key and remembers nothing")
{
    Bench bench;
    bench.put_study("1.2.1", "anna");

    const auto report = bench.run(Mode::dry_run);

    CHECK(report.given.size() == 1);
    CHECK(report.new_participants == 1);
    CHECK(bench.incoming.imports == 0);
    CHECK(bench.autoid.imports == 0);
    CHECK_FALSE(std::filesystem::exists(bench.config.paths.config() / "autoid.key"));
    CHECK_FALSE(std::filesystem::exists(bench.config.paths.state() / "autoid.json"));
}

TEST_CASE("ids of AUTOID, of the project and of other requests are used, the next is exhausted")
{
    Bench bench;
    for (int i = 0; i < 3; ++i) { // X0, X1, X2 by AUTOID
        bench.autoid.put({std::to_string(i),
                          "",
                          "",
                          0,
                          {{"autoid_project_name", "OTHER"},
                           {"autoid_hash", "h" + std::to_string(i)},
                           {"autoid_value", fmt::format("X{}", i)}}});
    }
    for (int i = 3; i < 6; ++i) { // in the project, one in another case
        bench.project.put({fmt::format("{}{}", i == 4 ? "x" : "X", i), "", "", 0, {}});
    }
    bench.incoming.put({"1.9", "", "", 0, {}});
    for (unsigned i = 6; i < 8; ++i) { // requested by a person
        bench.incoming.put(
            {"1.9",
             "",
             "transfers",
             i,
             {{"transfer_project_name", "OTHER"}, {"transfer_name", fmt::format("X{}", i)}}});
    }
    for (const auto* const patient : {"a", "b", "c"}) {
        bench.put_study(fmt::format("1.2.{}", static_cast<int>(*patient)), patient, "AUTO2");
    }

    const auto report = bench.run();

    CHECK(report.given.size() == 2);
    std::set<std::string> ids;
    for (const auto& given : report.given) {
        ids.insert(bench.participant(given.study.str()));
    }
    CHECK(ids == std::set<std::string>{"X8", "X9"});
    REQUIRE(report.exhausted.size() == 1);
    CHECK(report.exhausted[0].project == ProjectName{"OTHER"});
    CHECK_THAT(report.exhausted[0].reason, Contains("all 10 ids"));
    CHECK(bench.run().exhausted.size() == 1); // and again, nothing else happens
}

TEST_CASE("a study without a patient id, or one that somebody requested, gets no id")
{
    Bench bench;
    bench.put_study("1.2.1", "");
    bench.incoming.put({"1.2.2", "", "", 0, {{"study_aetitle_addressed", "AUTO1"}}});
    bench.put_study("1.2.3", "anna");
    bench.incoming.put({"1.2.3", "", "transfers", 1, {{"transfer_project_name", "ELSE"}}});

    const auto report = bench.run();

    CHECK(report.pending == 2);
    CHECK(report.given.empty());
    REQUIRE(report.refused.size() == 2);
    CHECK_THAT(report.refused[0].reason, Contains("no patient id"));
}

TEST_CASE("two projects with one AE title, or a pattern that cannot be, stop those projects alone")
{
    Bench bench;
    bench.put_project("TWIN", "T[0-9]", "AUTO2");
    bench.put_project("ENDLESS", "E[0-9]*", "AUTO3");
    bench.put_study("1.2.1", "anna", "AUTO2");
    bench.put_study("1.2.2", "anna", "AUTO3");
    bench.put_study("1.2.3", "anna", "AUTO1");

    const auto report = bench.run();

    CHECK(report.given.size() == 1);
    REQUIRE(report.disabled.size() == 3);
    CHECK_THAT(report.disabled[0].reason, Contains("same project_autoid_aetitle"));
    CHECK_THAT(report.disabled[2].reason, Contains("endless"));
    CHECK(bench.participant("1.2.1").empty());
}

TEST_CASE("the event comes from the configuration, by its label")
{
    Bench bench;
    bench.project.longitudinal = {{"Baseline", "baseline_arm_1"}};
    bench.config.document =
        json::Object{{"AUTOID", json::Object{{"DEMO", json::Object{{"event", "baseline_arm_1"}}}}}};
    bench.put_study("1.2.1", "anna");

    CHECK(bench.run().given.size() == 1);

    CHECK(bench.incoming.stored("1.2.1", "transfers", 1, "transfer_event_name") == "Baseline");
}

TEST_CASE(
    "a key that is lost, or another one, stops everything: known patients would get second ids")
{
    Bench bench;
    bench.put_study("1.2.1", "anna");
    REQUIRE(bench.run().given.size() == 1);
    bench.put_study("1.2.2", "anna");
    const auto key = bench.config.paths.config() / "autoid.key";
    const auto bytes = read_file(key);

    std::filesystem::remove(key);
    CHECK_THROWS_WITH(bench.run(), Contains("lost"));
    std::filesystem::remove(bench.config.paths.state() / "autoid.json");
    CHECK_THROWS_WITH(bench.run(), Contains("lost"));
    store::write_file(key, bytes, 0600);
    CHECK(bench.run().given.size() == 1);
    bench.put_study("1.2.3", "anna");
    store::write_file(key, std::string(64, 'a'), 0600);
    CHECK_THROWS_WITH(bench.run(), Contains("not the key"));
    store::write_file(key, bytes, 0644);
    CHECK_THROWS_AS(bench.run(), Error);
    CHECK(bench.participant("1.2.3").empty());
}

TEST_CASE("killed after the row of AUTOID, or with its answer lost, the next run gives the same id")
{
    Bench bench;
    bench.put_study("1.2.1", "anna");
    bench.autoid.after_import = [](const MemoryRedcap::Rows&) {
        throw Error{Fault::unreachable, "the answer was lost"};
    };
    REQUIRE_THROWS_AS(bench.run(), Error);
    CHECK(bench.participant("1.2.1").empty());
    bench.autoid.after_import = {};

    const auto report = bench.run();

    CHECK(report.given.size() == 1);
    CHECK(report.new_participants == 0);
}

TEST_CASE("ten thousand patients share out ten thousand ids, the next is told that none is left")
{
    Bench bench;
    bench.put_project("DEMO", R"(P_0\d{4})", "AUTO1");
    for (int i = 0; i <= 10'000; ++i) {
        bench.put_study(fmt::format("1.2.{}", i), std::to_string(i));
    }

    const auto report = bench.run();

    CHECK(report.given.size() == 10'000);
    std::set<std::string> ids;
    for (const auto& given : report.given) {
        ids.insert(bench.participant(given.study.str()));
    }
    CHECK(ids.size() == 10'000);
    REQUIRE(report.exhausted.size() == 1);
    CHECK_THAT(report.exhausted[0].reason, Contains("10000 ids") && Contains("1 patients"));
}

TEST_CASE(
    "a study that was sent or set aside, and whose request is in INCOMING no more, was taken back")
{
    Bench bench;
    bench.put_study("1.2.1", "anna");
    REQUIRE(bench.run().given.size() == 1);
    const auto request = routing::request_of(
        redcap::Incoming{bench.incoming, bench.config.paths.state() / "locks"}.transfers().at(0));
    const store::Requests requests{bench.config.paths};
    switch (GENERATE(0, 1, 2)) {
    case 0: {
        REQUIRE(requests.file(request));
        const store::RequestWorker worker{requests};
        REQUIRE(worker.claim(request.file_name(), bench.now));
        worker.finish_done(request.file_name(), bench.now);
        break;
    }
    case 1: requests.note_dropped(request, "taken back", bench.now); break;
    default: REQUIRE(requests.file(request)); requests.hold(request.file_name(), Mode::apply);
    }
    bench.incoming.delete_instance("1.2.1", "transfers", 1);
    bench.put_study("1.2.10", "anna"); // another one, never requested

    for (const auto mode : {Mode::dry_run, Mode::apply, Mode::apply}) {
        const auto report = bench.run(mode);
        CHECK(report.taken_back == 1);
        CHECK(report.refused.empty());
    }

    CHECK(bench.participant("1.2.1").empty());
    CHECK(bench.participant("1.2.10") == request.participant.str());
}

TEST_CASE("a request of another project, or nothing that can be read, is no sign of a withdrawal")
{
    Bench bench;
    bench.put_study("1.2.1", "anna");
    store::write_file(bench.config.paths.done() / "1.2.1_1_00.json_ok_2026-03-01_10:00.log",
                      R"({"study_instance_uid": "1.2.1", "transfer_project_name": "OTHER",
                          "transfer_name": "X1", "redcap_repeat_instance": 1})");
    store::write_file(bench.config.paths.failed() / "1.2.1_1_01.json_fail.log", "{");

    const auto report = bench.run();

    CHECK(report.taken_back == 0);
    CHECK(report.given.size() == 1);
}

TEST_CASE("every id that AUTOID holds is used: the second one of a patient, and one without a hash")
{
    Bench bench;
    const auto put = [&](const std::string& record, const std::string& hash, const char* value) {
        bench.autoid.put({record,
                          "",
                          "",
                          0,
                          {{"autoid_project_name", "DEMO"},
                           {"autoid_hash", hash},
                           {"autoid_value", value},
                           {"autoid_method", "1"}}});
    };
    const auto hash = sha512_hex(sha256_hex("anna"));
    put("1", hash, "DEMO_001");
    put("2", hash, "DEMO_002");
    put("3", "", "DEMO_003");
    const auto key = routing::AutoIdKey::passing();
    const routing::AutoIdRegister ids{bench.autoid, key, ProjectName{"DEMO"}};

    CHECK(ids.values() == std::vector<std::string>{"DEMO_001", "DEMO_002", "DEMO_003"});
    CHECK(ids.find(sha256_hex("anna")) == "DEMO_001");
}

TEST_CASE("a memory from a clock that was ahead does not hide what waits")
{
    Bench bench;
    static_cast<void>(bench.run());
    const auto file = bench.config.paths.state() / "autoid.json";
    auto memory = routing::AutoIdMemory::load(file);
    memory.handled_until = bench.now + std::chrono::hours{24 * 365};
    memory.save(file);

    static_cast<void>(bench.run());

    const auto now = routing::AutoIdMemory::load(file).handled_until;
    REQUIRE(now);
    CHECK(*now <= bench.now);
}
