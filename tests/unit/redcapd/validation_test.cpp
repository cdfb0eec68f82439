// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/validation.h"

#include <catch2/catch.hpp>

using namespace fiona::redcapd;

namespace {

bool takes(const std::string& validation, const std::string& value)
{
    Schema schema;
    DictionaryRow row;
    row[0] = "field";
    row[3] = "text";
    row[7] = validation;
    schema.fields.push_back(make_field(row));
    schema.forms.push_back({"form", "Form"});
    schema.index();
    return !value_problem(schema, schema.columns.front(), value);
}

} // namespace

TEST_CASE("validation: each type takes its form and nothing else")
{
    const auto [validation, value, good] = GENERATE(table<std::string, std::string, bool>({
        {"", "anything", true},
        {"integer", "12", true},
        {"integer", "-12", true},
        {"integer", "1.5", false},
        {"integer", "", false},
        {"integer", "12a", false},
        {"number", "1.5", true},
        {"number", "-.5", true},
        {"number", "1,5", false},
        {"number", "1e5", false},
        {"number_1dp", "22", false},
        {"number_1dp", "22.0", true},
        {"number_2dp", "22.0", false},
        {"date_ymd", "2024-02-29", true},
        {"date_ymd", "2023-02-29", false},
        {"date_ymd", "20240229", false},
        {"date_dmy", "2024-02-29", true},
        {"datetime_ymd", "2024-01-02 10:30", true},
        {"datetime_ymd", "2024-01-02 10:30:11", false},
        {"datetime_ymd", "2024-01-02", false},
        {"datetime_ymd", "2024-01-02 24:00", false},
        {"datetime_ymd", "2024-01-02T10:30", false},
        {"datetime_seconds_ymd", "2024-01-02 10:30:11", true},
        {"datetime_seconds_ymd", "2024-01-02 10:30", false},
        {"time", "23:59", true},
        {"time", "9:30", false},
        {"email", "a@example.org", true},
        {"email", "a@b", false},
        {"email", "a b@example.org", false},
        {"mrn_11d", "12345678901", true},
        {"mrn_11d", "1234567890", false},
        {"of_this_site", "anything", true},
    }));
    CAPTURE(validation, value);

    CHECK(takes(validation, value) == good);
}

TEST_CASE("validation: a record's name is UTF-8 of at most 100 bytes, without blanks at its ends")
{
    CHECK(is_record_name("1.2.840"));
    CHECK(is_record_name("DEMO 1"));
    CHECK(is_record_name(std::string(100, 'a')));
    const std::string bad = GENERATE("", " a", "a ", "a\nb", "\xff", "a\x7f");
    CAPTURE(bad);
    CHECK_FALSE(is_record_name(bad));
    CHECK_FALSE(is_record_name(std::string(101, 'a')));
}
