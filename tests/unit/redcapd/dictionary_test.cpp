// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/redcapd/dictionary.h"

#include <catch2/catch.hpp>

using Catch::Matchers::Contains;
using fiona::Error;
using namespace fiona::redcapd;

namespace {

const std::filesystem::path schemas{FIONA_SOURCE_DIR "/share/redcap"};

} // namespace

TEST_CASE("dictionary: a checkbox has a column for each code")
{
    const auto choices = parse_choices("f", "1, One | -4, Minus, four |A B, Both| nothing ");

    REQUIRE(choices.size() == 3);
    CHECK(choices[0].column == "f___1");
    CHECK(choices[1].column == "f____4");
    CHECK(choices[1].label == "Minus, four");
    CHECK(choices[2].column == "f___a_b");
}

TEST_CASE("dictionary: every event has a unique name of its own")
{
    const std::vector<Event> taken{{1, 1, "x", "x_arm_1"}};
    const auto [label, arm, name] = GENERATE(table<std::string, int, std::string>({
        {"Event 1", 1, "event_1_arm_1"},
        {"Deadline to opt out of study", 2, "deadline_to_opt_ou_arm_2"},
        {"01", 1, "01_arm_1"},
        {"X", 1, "x_arm_1b"},
    }));

    CHECK(unique_event_name(label, arm, taken) == name);
}

TEST_CASE("dictionary: every shipped project can be read")
{
    const auto [name, fields, forms, record_id] =
        GENERATE(table<std::string, std::size_t, std::size_t, std::string>({
            {"incoming", 28, 3, "study_instance_uid"},
            {"routing", 9, 1, "record_id"},
            {"coupling", 7, 1, "record_id"},
            {"dtp", 55, 4, "record_id"},
            {"autoid", 5, 1, "record_id"},
            {"ids7", 14, 1, "record_id"},
            {"research-project", 34, 3, "record_id"},
        }));
    CAPTURE(name);

    const auto schema = read_template(schemas, name);

    CHECK(schema.fields.size() == fields);
    CHECK(schema.forms.size() == forms);
    CHECK(schema.record_id() == record_id);
    CHECK(schema.longitudinal == (name == "research-project"));
}

TEST_CASE("dictionary: a research project has the events asked for, after Event 1")
{
    const auto schema = read_template(schemas, "research-project", {"01", "Event 1", "Week 52"});

    REQUIRE(schema.events.size() == 3);
    CHECK(schema.events[0].unique_name == "event_1_arm_1");
    CHECK(schema.events[1].unique_name == "01_arm_1");
    CHECK(schema.events[2].unique_name == "week_52_arm_1");
    const auto pathology = schema.find_form("pathology").value();
    const auto imaging = schema.find_form("imaging").value();
    CHECK(schema.is_designated(2, 0));
    CHECK(schema.is_designated(0, imaging));
    CHECK_FALSE(schema.is_designated(1, imaging));
    CHECK(schema.is_repeating(0, imaging));
    for (const std::size_t event : {0U, 1U, 2U}) { // "*" is every event
        CHECK(schema.is_designated(event, pathology));
        CHECK(schema.is_repeating(event, pathology));
    }
    CHECK_THROWS_AS(read_template(schemas, "incoming", {"01"}), Error);
    CHECK_THROWS_AS(read_template(schemas, "nothing"), Error);
}

TEST_CASE("dictionary: what cannot work is refused, naming the field")
{
    const auto row = [](const char* name, const char* form, const char* type,
                        const char* choices = "") {
        DictionaryRow it;
        it[0] = name;
        it[1] = form;
        it[3] = type;
        it[5] = choices;
        return it;
    };
    const auto first = row("id", "f", "text");

    CHECK_THROWS_WITH(make_dictionary({}, "w"), Contains("record id"));
    CHECK_THROWS_WITH(make_dictionary({row("id", "f", "file")}, "w"), Contains("record id"));
    CHECK_THROWS_WITH(make_dictionary({first, first}, "w"), Contains("id stands there twice"));
    CHECK_THROWS_WITH(make_dictionary({first, row("f_complete", "f", "text")}, "w"),
                      Contains("f_complete"));
    CHECK_THROWS_WITH(make_dictionary({first, row("a", "f", "secret")}, "w"),
                      Contains("field a: unknown type"));
    CHECK_THROWS_WITH(make_dictionary({first, row("A b", "f", "text")}, "w"), Contains("a-z"));
    CHECK_THROWS_WITH(make_dictionary({first, row("a", "f", "checkbox", "1, x | 1, y")}, "w"),
                      Contains("field a: two choices"));
    CHECK_THROWS_AS(dictionary_rows({{"Form Name"}, {"a", "b"}}, "w"), Error);
}
