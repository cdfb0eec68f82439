// SPDX-License-Identifier: MIT
#include "libfiona/classify/series_record.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace fiona;
using classify::Arrival;
using classify::SeriesRecord;

namespace {

json::Object image(unsigned number, const char* b_value)
{
    const auto uid = fmt::format("1.2.{}", number);
    const auto received = fmt::format("2025-01-01T00:00:{:02}.000000Z", number % 60);
    return {{"PatientID", "TEST01"},
            {"InstanceNumber", fmt::format("{}", number)},
            {"SliceLocation", fmt::format("{}", -10.0 * number)},
            {"FirstReceived", received},
            {"LastReceived", received},
            {"FramesOf", json::Object{{uid, number + 1}}},
            {"DiffusionBValues", json::Array{b_value}},
            {"siemensDiffusionInformation",
             json::Array{json::Object{{"B_value", b_value}, {"SOPInstanceUID", uid}}}}};
}

std::vector<std::string> instances(const json::Object& fields)
{
    std::vector<std::string> result;
    for (const auto& entry : fields.at("siemensDiffusionInformation").array()) {
        result.push_back(entry.text("SOPInstanceUID"));
    }
    return result;
}

} // namespace

TEST_CASE("each image has one entry, whatever is sent again")
{
    SeriesRecord record{nullptr};
    record.add(image(1, "0"), Arrival::first);
    record.add(image(2, "1000"), Arrival::first);
    record.add(image(3, "500"), Arrival::first);
    const auto three = record.fields();

    record.add(image(2, "1000"), Arrival::again);
    record.add(image(1, "0"), Arrival::again);

    CHECK(record.fields() == three);
    CHECK(instances(three) == std::vector<std::string>{"1.2.1", "1.2.2", "1.2.3"});
    CHECK(three.at("DiffusionBValues") == json::Value{json::Array{"0", "500", "1000"}});
    CHECK(three.at("SliceLocation").text() == "-30");
    CHECK(three.at("InstanceNumber").text() == "1");
    CHECK(three.at("FramesOf").object().size() == 3);
    CHECK(three.at("FirstReceived").text() == "2025-01-01T00:00:01.000000Z");
    CHECK(three.at("LastReceived").text() == "2025-01-01T00:00:03.000000Z");
}

TEST_CASE("a record goes on from what was stored, one image at a time or in a batch")
{
    SeriesRecord batch{nullptr};
    json::Value stored;
    for (unsigned i = 1; i <= 5; ++i) {
        batch.add(image(i, "1000"), Arrival::first);
        stored = classify::merged(stored, image(i, "1000"), Arrival::first);
    }

    CHECK(stored == json::Value{batch.fields()});
}

TEST_CASE("an entry that has changed replaces the old one")
{
    SeriesRecord record{json::Value{image(1, "0")}};

    record.add(image(1, "700"), Arrival::again);

    CHECK(instances(record.fields()).size() == 1);
    CHECK(record.fields().at("siemensDiffusionInformation").array()[0].text("B_value") == "700");
}

TEST_CASE("a stored JSON of another make does no harm")
{
    const auto stored = GENERATE(
        values<json::Value>({nullptr, 7, "text", json::Array{},
                             json::Object{{"siemensDiffusionInformation", "text"},
                                          {"FramesOf", 3},
                                          {"DiffusionBValues", json::Object{}},
                                          {"SliceLocation", json::Array{}},
                                          {"LastReceived", nullptr}},
                             json::Object{{"siemensDiffusionInformation", json::Array{1, "x"}},
                                          {"DiffusionBValues", json::Array{"x", nullptr}}}}));
    SeriesRecord record{stored};

    record.add(image(1, "0"), Arrival::first);

    CHECK(instances(record.fields()).back() == "1.2.1");
    CHECK(record.fields().at("PatientID").text() == "TEST01");
}

TEST_CASE(
    "the image that was received last says who the patient is, in whatever order they are read")
{
    const auto of = [](unsigned number, const char* id, const char* name) {
        auto fields = image(number, "0");
        fields["PatientID"] = id;
        fields["PatientName"] = name;
        return fields;
    };
    SeriesRecord record{nullptr};
    record.add(of(1, "TEST01", "WRONG^NAME"), Arrival::first);
    record.add(of(2, "TEST01", "WRONG^NAME"), Arrival::first);

    auto corrected = of(1, "TEST02", "RIGHT^NAME"); // merged with another patient
    corrected["LastReceived"] = "2025-01-01T00:01:00.000000Z";
    record.add(corrected, Arrival::again);

    const auto after = record.fields();
    CHECK(after.at("PatientID").text() == "TEST02");
    CHECK(after.at("PatientName").text() == "RIGHT^NAME");
    CHECK(after.at("LastReceived").text() == "2025-01-01T00:01:00.000000Z");
    // Read once more from the archive, where the other image has not come again.
    record.add(of(2, "TEST01", "WRONG^NAME"), Arrival::again);
    record.add(corrected, Arrival::again);
    auto nameless = of(3, "", "");
    nameless["LastReceived"] = "2025-01-01T00:02:00.000000Z";
    record.add(nameless, Arrival::again);
    CHECK(record.fields().at("PatientID") == after.at("PatientID"));
    CHECK(record.fields().at("PatientName") == after.at("PatientName"));
}

TEST_CASE("a field can be replaced")
{
    SeriesRecord record{json::Object{{"ClassifyType", json::Array{}}}};

    record.set("ClassifyType", json::Array{"axial"});

    CHECK(record.fields().at("ClassifyType") == json::Value{json::Array{"axial"}});
}

TEST_CASE(
    "the measurement is that of the newest image, and sending an old one again changes nothing")
{
    auto first = image(1, "0");
    first["MeasID"] = "69";
    auto second = image(2, "0");
    second["MeasID"] = "70";
    SeriesRecord record{nullptr};

    record.add(first, Arrival::first);
    record.add(second, Arrival::first);
    CHECK(record.fields().at("MeasID") == json::Value{"70"});
    const auto before = record.fields();
    record.add(first, Arrival::again);
    CHECK(record.fields() == before);
    record.add(image(3, "0"), Arrival::first); // says nothing of it
    CHECK(record.fields().at("MeasID") == json::Value{"70"});
}
