// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/triggers/arrivals.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace fiona;
using Catch::Matchers::Contains;

namespace {

const TimePoint now = Clock::from_time_t(1'741'168'800); // 2025-03-05 10:00 UTC

std::string line(const std::string& id, const std::string& time = "2025-03-05T10:02:00.000000Z")
{
    return fmt::format(R"({{"id":"{0}","time":"{1}","project":"DEMO","participant":"DEMO_{0}",)"
                       R"("event":"Baseline","new_studies":["1.2.{0}"],"counts":{{"stored":2}}}})",
                       id, time);
}

struct Audit {
    TempDir root;
    std::filesystem::path file = root / "audit.jsonl";

    void append(const std::string& text) const { std::ofstream{file, std::ios::app} << text; }
    [[nodiscard]] triggers::Answer ask(const json::Value& state) const
    {
        return triggers::data_arrived(file, {"DEMO"}, state, now);
    }
};

} // namespace

TEST_CASE("a new link begins now, what comes later is told once")
{
    const Audit audit;
    audit.append(line("1") + "\n");

    const auto first = audit.ask({});
    audit.append(line("2") + "\n");
    const auto second = audit.ask(first.state);
    const auto third = audit.ask(second.state);

    CHECK_FALSE(first.firing);
    REQUIRE(second.firing);
    CHECK(second.firing->key == "2");
    REQUIRE(second.firing->items.size() == 1);
    CHECK(second.firing->items[0].text("study_instance_uid") == "1.2.2");
    CHECK_FALSE(third.firing);
}

TEST_CASE("the list names the modalities of a study, where the audit does")
{
    const Audit audit;
    const auto begin = audit.ask({}).state;
    auto record = json::parse(line("1"), "line").object();
    record["modalities"] = json::Array{"CT", "PT"};
    audit.append(json::write(record) + "\n" + line("2") + "\n");

    const auto letter = triggers::study_list(audit.ask(begin).firing.value());

    REQUIRE(letter);
    CHECK_THAT(letter->body, Contains("\nDEMO_1 Baseline CT+PT 2025-03-05T10:02 (2 images)\n")
                                 && Contains("\nDEMO_2 Baseline 2025-03-05T10:02 (2 images)\n"));
}

TEST_CASE("half a line waits for its rest, and a torn one is passed over")
{
    const Audit audit;
    const auto before = audit.ask({}).state;
    const auto whole = line("1") + "\n";
    audit.append(whole.substr(0, 20));

    const auto half = audit.ask(before);
    audit.append(whole.substr(20) + "{\"id\":\"2\", torn\n" + line("3") + "\n");
    const auto rest = audit.ask(half.state);

    CHECK_FALSE(half.firing);
    REQUIRE(rest.firing);
    CHECK(rest.firing->items.size() == 2);
}

TEST_CASE("an audit that was replaced is read from its beginning, but for what is long past")
{
    const Audit audit;
    audit.append(line("1") + "\n");
    const auto before = audit.ask({}).state;
    store::write_file(audit.file,
                      line("1", "2025-03-01T10:02:00.000000Z") + "\n" + line("2") + "\n");

    const auto answer = audit.ask(before);

    REQUIRE(answer.firing);
    CHECK(answer.firing->items.size() == 1);
    CHECK(answer.firing->key == "2");
}

TEST_CASE("a transfer that stored nothing is no arrival")
{
    const Audit audit;
    const auto before = audit.ask({}).state;
    audit.append(R"({"id":"1","time":"2025-03-05T10:02","project":"DEMO","participant":"DEMO_1",)"
                 R"("new_studies":["1.2.1"],"counts":{"stored":0}})"
                 "\n");

    CHECK_FALSE(audit.ask(before).firing);
}

TEST_CASE("a list is for people, its attachment for spreadsheets that must not calculate")
{
    triggers::Firing firing{.key = "k", .items = {}, .since = "2025-03-05 10:00"};
    CHECK_FALSE(triggers::study_list(firing));
    firing.items = {json::Object{{"project", "DEMO"},
                                 {"participant", "DEMO_1\nDEMO_2"},
                                 {"event", "=cmd()"},
                                 {"transfer_date", "2025-03-05T10:02"}},
                    json::Object{{"project", "DEMO"}, {"participant", "DEMO_3"}}};

    const auto letter = triggers::study_list(firing);

    REQUIRE(letter);
    CHECK_THAT(letter->body, Contains("2 studies arrived for project DEMO since 2025-03-05 10:00.\n"
                                      "DEMO_1 DEMO_2 =cmd() 2025-03-05T10:02\n"));
    CHECK_THAT(*letter->attachment, Contains(",'=cmd(),") && Contains("\"DEMO_1\nDEMO_2\""));
}
