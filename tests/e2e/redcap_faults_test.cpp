// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/redcap/mirror.h"
#include "libfiona/store/atomic_file.h"
#include "tests/e2e/ingest_site.h"
#include "tests/support/child_process.h"
#include "tests/support/forked_child.h"
#include "tests/support/pacs_server.h"
#include "tests/support/site.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sysexits.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

using namespace fiona;
using namespace std::chrono_literals;

namespace {

constexpr unsigned writers_of_a_kind = 5;
const StudyUid study{"1.2.826.0.1.3680043.2.1125.1"};

SeriesUid series(unsigned number)
{
    return SeriesUid{fmt::format("{}.{}", study, number)};
}

std::string sent_participant(unsigned number)
{
    return fmt::format("SENT_{}", number);
}

/// A site with one study and many who write to its record at once: runs of fiona-assign, some of
/// them for the same; and, because the tools themselves run one at a time, processes that write with
/// their library what fiona-populate-incoming and fiona-anonymize-send write.
class Crowd {
public:
    Crowd()
    {
        site.set_redcap("rate_per_minute", 0); // otherwise it is the limit that is tested
        site.set_redcap("deadline", 20);
        site.start_redcap(); // makes the database
        site.stop_redcap();
        const auto token = make_project();
        site.start_redcap();
        fill_project(token);
        for (unsigned number = 1; number <= writers_of_a_kind; ++number) {
            site.put_series(study, series(number));
            sent_rows.push_back({study.str(),
                                 {},
                                 "transfers",
                                 number,
                                 {{"transfer_project_name", "SENT"},
                                  {"transfer_name", sent_participant(number)},
                                  {"transfer_requested_date", "2024-01-02 10:30"}}});
        }
        site.client(redcap::Role::incoming)->import_records(sent_rows, redcap::Overwrite::normal);
        site.stop_redcap();
    }

    /// All at once; how many ended with each exit code.
    [[nodiscard]] std::map<int, unsigned> storm() const
    {
        std::vector<std::unique_ptr<ForkedChild>> children;
        std::vector<std::unique_ptr<ChildProcess>> tools;
        for (unsigned number = 1; number <= writers_of_a_kind; ++number) {
            children.push_back(std::make_unique<ForkedChild>(exiting([&] { record(number); })));
            children.push_back(std::make_unique<ForkedChild>(exiting([&] { tell(number); })));
            tools.push_back(assign(fmt::format("DEMO_{:03}", number), number));
            tools.push_back(assign("DEMO_001", 10 + number)); // all the same, and as the first
        }
        std::map<int, unsigned> ended;
        for (const auto& child : children) {
            ++ended[child->wait()];
        }
        for (const auto& tool : tools) {
            ++ended[tool->wait(2min).value_or(-1)];
        }
        return ended;
    }

    /// What every writer wanted, one after the other.
    void next_run() const
    {
        for (unsigned number = 1; number <= writers_of_a_kind; ++number) {
            record(number);
            tell(number);
        }
        const auto tool = assign("DEMO_001", 20);
        const auto assigned = tool->wait(1min); // refused if another one of the crowd came first
        CHECK((assigned == EX_OK || assigned == EX_DATAERR));
        const auto populate = site.run("fiona-populate-incoming");
        CAPTURE(populate.err);
        CHECK(populate.exit_code == EX_OK);
        const auto create = site.run("fiona-create-transfer-requests");
        CAPTURE(create.err);
        CHECK(create.exit_code == EX_OK);
    }

    void check_record() const
    {
        redcap::ExportSpec spec;
        spec.records = {study.str()};
        const auto rows = site.client(redcap::Role::incoming)->export_records(spec);
        std::set<std::pair<std::string, unsigned>> places;
        for (const auto& row : rows) {
            CHECK(places.emplace(row.instrument, row.instance).second);
            check_result(row);
        }
        CHECK(places.contains({"", 0}));

        std::multiset<std::string> wanted_series;
        std::multiset<std::string> sent;
        for (unsigned number = 1; number <= writers_of_a_kind; ++number) {
            wanted_series.insert(series(number).str());
            sent.insert(sent_participant(number));
        }
        CHECK(values_of(rows, "series", "series_instance_uid") == wanted_series);
        auto participants = values_of(rows, "transfers", "transfer_name");
        for (const auto& participant : sent) {
            CHECK(participants.erase(participant) == 1);
        }
        // One study under one pseudonym of a project, whoever came first.
        CHECK(participants.size() == 1);
    }

    /// How often the server has misbehaved so far.
    [[nodiscard]] std::size_t strikes() const
    {
        const auto log = read_file_if_any(site.redcap_log()).value_or("");
        std::size_t count = 0;
        constexpr std::string_view event = "event=fault_injected";
        for (auto at = log.find(event); at != std::string::npos; at = log.find(event, at + 1)) {
            ++count;
        }
        return count;
    }

    Site site;
    std::vector<redcap::Row> sent_rows;

private:
    [[nodiscard]] std::string make_project() const
    {
        const auto made =
            run_tool("fiona-redcapd", {"project", "create", "--db", site.redcap_database().native(),
                                       "--title", "DEMO", "--print-token"});
        REQUIRE(made.exit_code == EX_OK);
        return made.out.substr(0, 32);
    }

    void fill_project(const std::string& token) const
    {
        site.client(redcap::Role::dtp)
            ->import_records({{"DEMO",
                               "",
                               "",
                               0,
                               {{"project_name", "DEMO"},
                                {"project_active", "1"},
                                {"project_patient_naming", "DEMO_[0-9]{3}"},
                                {"project_token", token}}}},
                             redcap::Overwrite::normal);
        std::vector<redcap::Row> participants;
        for (unsigned number = 1; number <= writers_of_a_kind; ++number) {
            const auto id = fmt::format("DEMO_{:03}", number);
            participants.push_back({id, "event_1_arm_1", "", 0, {{"first_name", id}}});
        }
        redcap::connect(site.config().redcap, Private{token})
            ->import_records(participants, redcap::Overwrite::normal);
    }

    /// Ends the child with the code that a tool would have.
    static std::function<void()> exiting(const std::function<void()>& work)
    {
        return [work] {
            try {
                work();
            } catch (const Error& e) {
                ::_exit(e.fault() == Fault::temporary ? EX_TEMPFAIL : EX_SOFTWARE);
            }
        };
    }

    /// As fiona-populate-incoming: two series, one of them also somebody else's.
    void record(unsigned number) const
    {
        const auto config = site.config();
        const auto client = redcap::open(config.redcap, redcap::Role::incoming);
        redcap::StudyRecord wanted{study, "MR BRAIN",         "", "", "", "", "", "", "",
                                   "",    "2024-01-02 10:30", {}};
        for (const auto which : {number, number % writers_of_a_kind + 1}) {
            wanted.series.push_back(
                {series(which), "t1_mprage", "20240102", "101500", "", "192", ""});
        }
        redcap::Incoming{*client, config.paths.state() / "locks"}.record(wanted);
    }

    /// As fiona-anonymize-send.
    void tell(unsigned number) const
    {
        const auto config = site.config();
        const auto client = redcap::open(config.redcap, redcap::Role::incoming);
        redcap::TransferResult result{.study = study, .instance = number};
        result.started = Clock::from_time_t(1'704'190'000);
        result.mapped_uids = fmt::format("2.25.{}", number);
        redcap::Incoming{*client, config.paths.state() / "locks"}.write_result(result);
    }

    [[nodiscard]] std::unique_ptr<ChildProcess> assign(const std::string& participant,
                                                       unsigned place) const
    {
        return std::make_unique<ChildProcess>(
            std::vector<std::string>{built_program("fiona-assign"), "assign", study.str(),
                                     "--project", "DEMO", "--participant", participant, "--config",
                                     site.config_file().native()},
            site.root() / fmt::format("assign{}", place));
    }

    [[nodiscard]] static std::multiset<std::string> values_of(const std::vector<redcap::Row>& rows,
                                                              std::string_view instrument,
                                                              std::string_view field)
    {
        std::multiset<std::string> values;
        for (const auto& row : rows) {
            if (row.instrument == instrument) {
                values.insert(row.value(field));
            }
        }
        return values;
    }

    /// What was told of a transfer stands in its own row, and in no other.
    static void check_result(const redcap::Row& row)
    {
        if (row.instrument != "transfers") {
            return;
        }
        const bool was_sent = row.value("transfer_project_name") == "SENT";
        const auto expected = fmt::format("2.25.{}", row.instance);
        CHECK(row.value("transfer_mapped_uid") == (was_sent ? expected : ""));
        CHECK((!was_sent || row.value("transfer_name") == sent_participant(row.instance)));
    }
};

} // namespace

TEST_CASE("twenty writers on one study, on a server that misbehaves: no row twice, none lost")
{
    const auto* const fault = GENERATE("", "drop-after-commit,0.6", "status=500,0.2",
                                       "status=429,0.2", "truncate,0.2", "html200,0.2");
    CAPTURE(fault);
    Crowd crowd;
    crowd.site.start_redcap(*fault == '\0' ? std::vector<std::string>{}
                                           : std::vector<std::string>{"--fault", fault});

    const auto ended = crowd.storm();
    crowd.site.stop_redcap();
    crowd.site.start_redcap();
    crowd.next_run();

    crowd.check_record();
    CHECK((crowd.strikes() > 0) == (*fault != '\0'));
    // Done; refused, because the study has its pseudonym; or to be tried again. Never anything else.
    std::set<int> codes;
    for (const auto& [code, count] : ended) {
        codes.insert(code);
        CAPTURE(code, count);
        CHECK((code == EX_OK || code == EX_DATAERR || code == EX_TEMPFAIL));
    }
    CHECK(codes.contains(EX_OK));
    if (*fault == '\0') {
        CHECK_FALSE(codes.contains(EX_TEMPFAIL));
    }
}

TEST_CASE("a server that only fails: whichever tool asks REDCap ends with 75")
{
    const auto* const fault = GENERATE("status=500,1", "status=502,1", "status=503,1",
                                       "status=429,1", "delay=20000,1", "truncate,1", "html200,1");
    CAPTURE(fault);
    Crowd crowd;
    const PacsServer pacs; // which one of them asks first
    crowd.site.set("RESEARCH_PACS", json::Object{{"host", "127.0.0.1"},
                                                 {"port", pacs.port()},
                                                 {"aet", pacs.aet()},
                                                 {"timeout", 10}});
    crowd.site.set_redcap("timeout", 1);
    crowd.site.set_redcap("deadline", 1);
    crowd.site.start_redcap({"--fault", fault});
    const auto state = crowd.site.config().paths.state();
    const auto list = crowd.site.root() / "studies.jsonl";
    store::write_file(list,
                      R"({"StudyInstanceUID": "1.2.3", "PatientID": "P", "StudyDate": "20240102"})"
                      "\n");
    const std::vector<std::vector<std::string>> tools{{"fiona-populate-incoming"},
                                                      {"fiona-create-transfer-requests"},
                                                      {"fiona-populate-autoid"},
                                                      {"fiona-populate-projects"},
                                                      {"fiona-resend-project", "--project", "DEMO"},
                                                      {"fiona-what-is-in-ids7", "-i", list},
                                                      {"fiona-what-is-not-in-ids7"},
                                                      {"fiona-assign", "projects"}};

    for (const auto& words : tools) {
        std::filesystem::remove(state / "redcap.down"); // or the others would rest
        std::filesystem::remove(state / "redcap-failures");
        const auto before = crowd.strikes();
        const auto run = crowd.site.run(words.front(), {words.begin() + 1, words.end()});
        CAPTURE(words.front(), run.out, run.err);
        CHECK(run.exit_code == EX_TEMPFAIL);
        CHECK(crowd.strikes() > before);
    }

    CHECK_FALSE(std::filesystem::exists(crowd.site.config().paths.requests()));
}

TEST_CASE(
    "a server that only fails: tools write nothing, rest after three, and go on when it is back")
{
    const auto* const fault = GENERATE("status=500,1", "status=429,1", "truncate,1", "html200,1");
    CAPTURE(fault);
    Crowd crowd;
    crowd.site.set_redcap("deadline", 2);
    crowd.site.start_redcap({"--fault", fault});

    for (int run = 0; run < 3; ++run) {
        const auto populate = crowd.site.run("fiona-populate-incoming");
        CAPTURE(populate.err);
        CHECK(populate.exit_code == EX_TEMPFAIL);
    }
    const auto looks = crowd.site.run("fiona-create-transfer-requests");
    const auto rests = crowd.site.run("fiona-create-transfer-requests");
    CAPTURE(looks.err, rests.err);
    CHECK(looks.exit_code == EX_OK);
    CHECK(rests.exit_code == EX_OK);
    CHECK(std::ranges::count(rests.err, '\n') == 1);
    CHECK_FALSE(std::filesystem::exists(crowd.site.config().paths.requests()));

    // An answer to a person's tool ends the rest at once.
    crowd.site.stop_redcap();
    crowd.site.start_redcap();
    crowd.site.set_redcap("deadline", 20);
    CHECK(crowd.site.run("fiona-assign", {"projects"}).exit_code == EX_OK);
    crowd.next_run();
    crowd.check_record();
}
