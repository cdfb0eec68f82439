// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "tests/unit/redcap/copied_redcap.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::redcap;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using copied_redcap::all_five;
using copied_redcap::Copied;
using copied_redcap::transfer;

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
