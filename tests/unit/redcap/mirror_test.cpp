// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/redcap/mirror.h"
#include "libfiona/redcap/server_clock.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/memory_redcap.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>

using namespace fiona;
using namespace fiona::redcap;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// A REDCap with a clock, a log and a count of calls, around the rules of MemoryRedcap.
class DatedRedcap final : public Client {
public:
    explicit DatedRedcap(MemoryRedcap& inner, const TimePoint& clock)
        : m_inner{inner}, m_clock{clock}
    {
    }

    const std::string& record_id_field() override { return m_inner.record_id_field(); }
    std::vector<Row> export_records(const ExportSpec& spec) override
    {
        called();
        auto rows = m_inner.export_records(spec);
        if (!spec.date_range_begin.empty()) {
            std::erase_if(rows, [&](const Row& row) {
                return server_second(changed[row.record], "") < spec.date_range_begin;
            });
        }
        return rows;
    }
    std::size_t import_records(const std::vector<Row>& rows, Overwrite overwrite) override
    {
        called();
        const auto count = m_inner.import_records(rows, overwrite);
        for (const auto& row : rows) {
            changed[row.record] = m_clock;
        }
        return count;
    }
    void delete_records(const std::vector<std::string>& records) override
    {
        called();
        remove(records);
    }
    void delete_instance(const std::string& record, const std::string& instrument,
                         unsigned instance) override
    {
        called();
        m_inner.delete_instance(record, instrument, instance);
    }
    std::vector<Field> metadata() override
    {
        called();
        return fields ? *fields : m_inner.metadata();
    }
    std::vector<Event> events() override { return m_inner.events(); }
    std::vector<std::string> repeating_forms() override { return m_inner.repeating_forms(); }
    std::string version() override { return m_inner.version(); }
    std::optional<std::vector<std::string>> deleted_records(const std::string& begin) override
    {
        called();
        if (!log_right) {
            return std::nullopt;
        }
        std::vector<std::string> found;
        for (const auto& [when, record] : deleted) {
            if (server_minute(when, "") >= begin) {
                found.push_back(record);
            }
        }
        return found;
    }
    [[nodiscard]] std::optional<TimePoint> server_time() const override { return m_clock; }

    /// By a person in the web interface.
    void put(const Row& row)
    {
        m_inner.put(row);
        changed[row.record] = m_clock;
    }
    void remove(const std::vector<std::string>& records)
    {
        m_inner.delete_records(records);
        for (const auto& record : records) {
            deleted.emplace(m_clock, record);
        }
    }

    std::map<std::string, TimePoint> changed;
    std::multimap<TimePoint, std::string> deleted;
    std::optional<std::vector<Field>> fields;
    bool log_right = true;
    unsigned calls = 0;
    std::optional<Error> broken;

private:
    void called()
    {
        ++calls;
        if (broken) {
            throw Error{*broken};
        }
    }

    MemoryRedcap& m_inner;
    const TimePoint& m_clock;
};

Row transfer(const std::string& record, unsigned instance, const std::string& name)
{
    return {record,
            {},
            "transfers",
            instance,
            {{"transfer_project_name", "DEMO"}, {"transfer_name", name}}};
}

struct Copied {
    Copied()
    {
        for (int i = 1; i <= 5; ++i) {
            server.put(
                {id(i), {}, {}, 0, {{"study_date", "20240102"}, {"study_patient_id", "aa"}}});
            server.put(transfer(id(i), 1, fmt::format("DEMO_{}", i)));
        }
    }

    static std::string id(int number) { return fmt::format("1.2.3.{}", number); }

    /// As another tool, or the next minute's, opens it.
    [[nodiscard]] std::unique_ptr<Client> open(Freshness freshness = Freshness::usual)
    {
        MirrorSettings settings;
        settings.role = Role::incoming;
        settings.state_dir = directory / "state";
        settings.freshness = freshness;
        settings.now = [this] { return now; };
        return mirrored(settings, [this] { return std::make_unique<Shared>(server); });
    }

    /// Names of all participants, in the order of the rows.
    [[nodiscard]] std::string names(Client& client, ExportSpec spec = {}) const
    {
        spec.fields = {"transfer_name"};
        std::string names;
        for (const auto& row : client.export_records(spec)) {
            names += row.instrument == "transfers" ? row.value("transfer_name") + " " : "";
        }
        return names;
    }
    [[nodiscard]] fs::path file() const { return directory / "state/redcap-mirror.sqlite"; }

    /// The server belongs to the fixture, the client to the mirror.
    class Shared final : public Client {
    public:
        explicit Shared(DatedRedcap& shared) : m_shared{shared} {}
        const std::string& record_id_field() override { return m_shared.record_id_field(); }
        std::vector<Row> export_records(const ExportSpec& spec) override
        {
            return m_shared.export_records(spec);
        }
        std::size_t import_records(const std::vector<Row>& rows, Overwrite overwrite) override
        {
            return m_shared.import_records(rows, overwrite);
        }
        void delete_records(const std::vector<std::string>& records) override
        {
            m_shared.delete_records(records);
        }
        void delete_instance(const std::string& record, const std::string& instrument,
                             unsigned instance) override
        {
            m_shared.delete_instance(record, instrument, instance);
        }
        std::vector<Field> metadata() override { return m_shared.metadata(); }
        std::vector<Event> events() override { return m_shared.events(); }
        std::vector<std::string> repeating_forms() override { return m_shared.repeating_forms(); }
        std::string version() override { return m_shared.version(); }
        std::optional<std::vector<std::string>> deleted_records(const std::string& begin) override
        {
            return m_shared.deleted_records(begin);
        }
        [[nodiscard]] std::optional<TimePoint> server_time() const override
        {
            return m_shared.server_time();
        }

    private:
        DatedRedcap& m_shared;
    };

    TempDir directory;
    TimePoint now = Clock::from_time_t(1'704'190'000);
    MemoryRedcap inner{MemoryRedcap::incoming_fields(), {"series", "transfers"}};
    DatedRedcap server{inner, now};
};

constexpr auto all_five = "DEMO_1 DEMO_2 DEMO_3 DEMO_4 DEMO_5 ";

} // namespace

TEST_CASE_METHOD(Copied, "what was copied is read without a call, by other tools too")
{
    CHECK(names(*open()) == all_five);
    const auto first = server.calls;

    CHECK(names(*open()) == all_five);
    now += 19s;
    CHECK(names(*open()) == all_five);

    CHECK(first == 3); // the dictionary, the ids, one block
    CHECK(server.calls == first);
}

TEST_CASE_METHOD(Copied, "a quiet minute costs one call, ten quiet minutes twelve")
{
    static_cast<void>(names(*open()));
    now += 5min; // long after the last change
    static_cast<void>(names(*open()));
    server.calls = 0;

    for (int minute = 0; minute < 10; ++minute) {
        now += 1min;
        const auto before = server.calls;
        for (int tool = 0; tool < 5; ++tool) {
            CHECK(names(*open()) == all_five);
        }
        CHECK(server.calls - before <= 2);
    }

    CHECK(server.calls == 12); // the dictionary and the log once each
}

TEST_CASE_METHOD(Copied, "changes, new records and deletions arrive")
{
    static_cast<void>(names(*open()));
    now += 1min;
    server.put(transfer(id(2), 2, "OTHER"));
    server.put(transfer("1.2.3.9", 1, "NEW"));
    CHECK(names(*open()) == "DEMO_1 DEMO_2 OTHER DEMO_3 DEMO_4 DEMO_5 NEW ");

    server.remove({id(1), "1.2.3.9"});
    server.put(transfer("1.2.3.9", 1, "AGAIN")); // deleted, and made anew
    now += 15min;
    static_cast<void>(names(*open())); // it is the turn of the dictionary
    now += 1min;
    CHECK(names(*open()) == "DEMO_2 OTHER DEMO_3 DEMO_4 DEMO_5 AGAIN ");
}

TEST_CASE_METHOD(Copied, "without the right to read the log deletions arrive once a day")
{
    server.log_right = false;
    static_cast<void>(names(*open()));
    now += 1h;
    server.remove({id(1)});
    CHECK(names(*open()) == all_five);

    now += 24h;
    CHECK(names(*open()) == "DEMO_2 DEMO_3 DEMO_4 DEMO_5 ");
}

TEST_CASE_METHOD(Copied, "what was imported just before the last look is not lost")
{
    static_cast<void>(names(*open()));
    now += 1min;
    static_cast<void>(names(*open()));
    // An import that was under way: its time is older than our look.
    server.put(transfer(id(3), 2, "LATE"));
    server.changed[id(3)] = now - 100s;

    now += 1min;
    CHECK_THAT(names(*open()), Contains("LATE"));
}

TEST_CASE_METHOD(Copied, "a tool reads what it wrote, at once")
{
    const auto client = open();
    static_cast<void>(names(*client));

    client->import_records({transfer(id(1), 2, "MINE")}, Overwrite::normal);
    CHECK_THAT(names(*client), Contains("MINE"));
    client->delete_instance(id(1), "transfers", 2);
    CHECK_THAT(names(*client), !Contains("MINE"));
    client->import_once({transfer(id(5), 2, "ONCE")}, Overwrite::normal);
    CHECK_THAT(names(*open()), Contains("ONCE"));
    client->delete_records({id(5)});
    CHECK_THAT(names(*open()), !Contains("DEMO_5") && !Contains("ONCE"));
}

TEST_CASE_METHOD(Copied, "an import whose answer is lost is read back, not believed")
{
    const auto client = open();
    static_cast<void>(names(*client));
    inner.after_import = [](const auto&) { throw Error{Fault::temporary, "the answer is lost"}; };

    CHECK_THROWS_AS(client->import_once({transfer(id(1), 2, "LOST")}, Overwrite::normal), Error);

    CHECK_THAT(names(*open()), Contains("LOST"));
}

TEST_CASE_METHOD(Copied, "what the copy does not have is asked of REDCap")
{
    const auto client = open();
    static_cast<void>(names(*client));
    const auto asks = [&](const ExportSpec& spec) {
        const auto before = server.calls;
        static_cast<void>(client->export_records(spec));
        return server.calls > before;
    };
    ExportSpec spec;

    CHECK(asks(spec)); // everything: names and ids among it
    spec.fields = {"transfer_name"};
    CHECK_FALSE(asks(spec));
    spec.source = ExportSpec::Source::server;
    CHECK(asks(spec));
    spec.source = ExportSpec::Source::copy;
    spec.labels = true;
    CHECK(asks(spec));
    spec.labels = false;
    spec.filter_logic = "[transfer_name] = \"DEMO_1\"";
    CHECK(asks(spec));
    spec.filter_logic = "";
    spec.date_range_begin = "2024-01-01 00:00:00";
    CHECK(asks(spec));
    spec.date_range_begin = "";
    spec.fields.emplace_back("study_patient_id");
    CHECK(asks(spec));
    spec.fields = {"no_such_field"};
    CHECK(asks(spec));
    spec.fields = {};
    spec.forms = {"incoming_studies"};
    CHECK(asks(spec));
}

TEST_CASE_METHOD(Copied, "records by name come from a young copy, or from REDCap in one call")
{
    ExportSpec one;
    one.records = {id(2)};
    CHECK(names(*open(), one) == "DEMO_2 ");
    CHECK(server.calls == 1); // no copy was made for it
    static_cast<void>(names(*open()));
    const auto calls = server.calls;

    CHECK(names(*open(), one) == "DEMO_2 ");
    CHECK(server.calls == calls);
    now += 1h;
    CHECK(names(*open(), one) == "DEMO_2 ");
    CHECK(server.calls == calls + 1);
}

TEST_CASE_METHOD(Copied, "asked to look now, it looks once")
{
    static_cast<void>(names(*open()));
    server.put(transfer(id(1), 2, "JUST"));
    CHECK_THAT(names(*open()), !Contains("JUST"));
    const auto before = server.calls;

    const auto client = open(Freshness::now);
    CHECK_THAT(names(*client), Contains("JUST"));
    const auto after = server.calls;
    static_cast<void>(names(*client));

    CHECK(after > before);
    CHECK(server.calls == after);
}

TEST_CASE_METHOD(Copied, "a read that fails is an error, never an empty or an old list")
{
    static_cast<void>(names(*open()));
    now += 1min;
    server.broken = Error{Fault::temporary, "REDCap is not ready"};

    CHECK_THROWS_AS(names(*open()), Error);

    server.broken.reset();
    CHECK(names(*open()) == all_five);
}

TEST_CASE_METHOD(Copied, "a change of the dictionary has everything read anew")
{
    auto fields = inner.metadata();
    std::erase_if(fields, [](const Field& field) { return field.name == "transfer_name"; });
    server.fields = fields;
    ExportSpec spec;
    spec.fields = {"transfer_project_name"};
    static_cast<void>(open()->export_records(spec));
    server.fields.reset();
    now += 11min;
    static_cast<void>(open()->export_records(spec));

    CHECK(names(*open()) == all_five);
}

TEST_CASE_METHOD(Copied, "neither names nor ids of patients, nor their hashes, are in the file")
{
    server.put({"1.2.3.77",
                {},
                {},
                0,
                {{"study_patient_name", "HASHOFNAME"},
                 {"study_patient_id", "HASHOFID"},
                 {"study_accession_number", "ACCESSION7"},
                 {"study_description", "FREETEXT"},
                 {"study_date", "20240102"}}});
    const auto client = open();
    static_cast<void>(names(*client));

    std::string bytes;
    for (const auto& entry : fs::directory_iterator{directory / "state"}) {
        if (entry.is_regular_file()) {
            bytes += read_file(entry.path());
        }
    }
    CHECK_THAT(bytes, Contains("1.2.3.77") && Contains("20240102"));
    for (const auto* const secret : {"HASHOFNAME", "HASHOFID", "ACCESSION7", "FREETEXT"}) {
        CHECK_THAT(bytes, !Contains(secret));
    }
    struct stat status {};
    REQUIRE(::stat(file().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600);
}

TEST_CASE_METHOD(Copied, "a damaged or foreign file is set aside and begun anew, with one line")
{
    std::vector<std::string> lines;
    log::set_sink([&](log::Level, const std::string& line) { lines.push_back(line); });
    const int kind = GENERATE(0, 1, 2, 3);
    if (kind == 0) {
        static_cast<void>(names(*open()));
        fs::resize_file(file(), fs::file_size(file()) / 2);
    } else {
        make_directories(file().parent_path());
        if (kind == 1) {
            store::write_file(file(), "this is no database, and longer than a header of one is "
                                      "wherever it came from, whoever wrote it");
        } else if (kind == 2) {
            Database other{file(), Database::Open::create};
            other.execute("CREATE TABLE precious (value)");
        } else {
            static_cast<void>(names(*open()));
            std::string bytes = read_file(file());
            std::fill(bytes.begin() + 4096, bytes.end(), '\x5a');
            store::write_file(file(), bytes);
        }
    }
    for (const auto* const companion : {"-wal", "-shm"}) {
        fs::remove(file().native() + companion);
    }
    now += 1min;

    CHECK(names(*open()) == all_five);
    log::set_sink({});

    CHECK(fs::exists(file().native() + ".bad"));
    CHECK(lines.size() == 1);
    CHECK_THAT(lines.at(0), Contains("state_begun_anew"));
}

TEST_CASE_METHOD(Copied, "killed at any moment it leaves a copy that says what REDCap says")
{
    for (int i = 6; i <= 700; ++i) {
        server.put(transfer(id(i), 1, fmt::format("DEMO_{}", i)));
    }
    for (int trial = 0; trial < 30; ++trial) {
        now += 1min;
        server.put(transfer(id(trial + 1), 1, fmt::format("CHANGED_{}", trial)));
        server.remove({id(600 - trial)});
        now += trial % 3 == 0 ? 25h : 12min;
        const auto child = ::fork();
        if (child == 0) {
            static_cast<void>(names(*open()));
            ::_exit(0);
        }
        ::usleep(static_cast<useconds_t>(trial * 700));
        ::kill(child, SIGKILL);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);

        static_cast<void>(names(*open())); // the dictionary; the log in the next minute
        now += 1min;
        const auto direct = names(*std::make_unique<Shared>(server));
        const auto copied = names(*open());
        std::multiset<std::string> in_redcap;
        std::multiset<std::string> in_copy;
        for (const auto name : split(direct, ' ')) {
            in_redcap.emplace(name);
        }
        for (const auto name : split(copied, ' ')) {
            in_copy.emplace(name);
        }
        REQUIRE(in_copy == in_redcap);
    }
}
