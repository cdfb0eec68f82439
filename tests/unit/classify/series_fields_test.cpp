// SPDX-License-Identifier: MIT
#include "libfiona/classify/series_fields.h"
#include "libfiona/classify/tag_value.h"
#include "tests/unit/classify/made_image.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

using namespace fiona;
using classify::Arrival;

namespace {

const classify::Reception reception{"SCANNER 1", "FI\"ONA", "scanner1", "10.0.0.5",
                                    TimePoint{std::chrono::seconds{1735811472}}};

json::Object fields_of(Attributes attributes, const std::function<void(DcmDataset&)>& change = {})
{
    return classify::series_fields(made_image(std::move(attributes), change), reception);
}

std::string text(const json::Object& fields, const char* key)
{
    return json::Value{fields}.text(key, "(absent)");
}

} // namespace

TEST_CASE("lists are written as Python writes them")
{
    using classify::ListStyle;
    CHECK(classify::list_text({"0", "256"}, ListStyle::bare) == "[0, 256]");
    CHECK(classify::list_text({"ORIGINAL", "M"}, ListStyle::quoted) == "['ORIGINAL', 'M']");
    CHECK(classify::list_text({"it's", "a\"b", "'\"", "a\\b\n"}, ListStyle::quoted)
          == R"(["it's", 'a"b', '\'"', 'a\\b\n'])");
}

TEST_CASE("the series JSON of one MR image is the golden one")
{
    auto fields = fields_of({{"0020,0013", "1"}, {"0020,1041", "-12.5"}});
    classify::set_counts(fields, 3);

    CHECK(json::write(fields, json::Style::pretty) == R"({
  "AccessionNumber": "ACC1",
  "AcquisitionMatrix": "[0, 256, 256, 0]",
  "CallerAddress": "10.0.0.5",
  "EchoTime": "2.50",
  "FirstReceived": "2025-01-02T09:51:12.000000Z",
  "ImageOrientationPatient": "[1, 0, 0, 0, 1, 0]",
  "ImageType": "['ORIGINAL', 'PRIMARY', 'M', 'ND']",
  "IncomingConnection": {
    "AETitleCalled": "FIONA",
    "AETitleCaller": "SCANNER1",
    "CallerIP": "scanner1"
  },
  "InstanceNumber": "1",
  "InstitutionName": "Example Hospital",
  "LastReceived": "2025-01-02T09:51:12.000000Z",
  "Manufacturer": "SIEMENS",
  "Modality": [
    "MR"
  ],
  "NumFiles": "3",
  "PatientID": "TEST01",
  "PatientName": "DOE^JANE",
  "RepetitionTime": "2500",
  "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
  "SeriesDate": "20250102",
  "SeriesDescription": "t1 mprage",
  "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.7.1",
  "SeriesNumber": "5",
  "SeriesTime": "101500",
  "SliceLocation": "-12.5",
  "SliceThickness": "1.0",
  "StudyDate": "20250102",
  "StudyDescription": "missing",
  "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.7",
  "StudyTime": "101112.345000",
  "TotalFrames": "3",
  "TransferSyntaxUID": "1.2.840.10008.1.2.1"
})");
}

TEST_CASE("vendors' texts are found by creator, and at the usual place when nobody claims it")
{
    const auto by_creator = fields_of({}, [](DcmDataset& set) {
        set.putAndInsertString(DcmTag{0x0019, 0x0011, EVR_LO}, "GEMS_ACQU_01");
        set.putAndInsertString(DcmTag{0x0019, 0x119c, EVR_LO}, "mprage");
        set.putAndInsertString(DcmTag{0x0043, 0x0010, EVR_LO}, "GEMS_PARM_01");
        set.putAndInsertString(DcmTag{0x0043, 0x1039, EVR_IS}, "1000\\8\\0\\0");
    });
    CHECK(text(by_creator, "PulseSequenceName") == "mprage");
    CHECK(text(by_creator, "Private0043_1039") == "[1000, 8, 0, 0]");

    const auto unclaimed = fields_of({}, [](DcmDataset& set) {
        set.putAndInsertString(DcmTag{0x0051, 0x100a, EVR_LO}, "TA 05:12");
    });
    CHECK(text(unclaimed, "AcquisitionLength") == "TA 05:12");

    const auto foreign = fields_of({}, [](DcmDataset& set) {
        set.putAndInsertString(DcmTag{0x0051, 0x0010, EVR_LO}, "OTHER VENDOR");
        set.putAndInsertString(DcmTag{0x0051, 0x100a, EVR_LO}, "something else");
    });
    CHECK(text(foreign, "AcquisitionLength") == "(absent)");
}

TEST_CASE("a multi-frame object gives the values of its functional groups")
{
    const auto fields =
        fields_of({{"0018,0081", "-"}, {"0018,0050", "-"}, {"0020,0037", "-"}, {"0028,0008", "60"}},
                  [](DcmDataset& set) {
                      DcmItem* item = nullptr;
                      set.findOrCreateSequenceItem(DCM_SharedFunctionalGroupsSequence, item, -2);
                      DcmItem* inner = nullptr;
                      item->findOrCreateSequenceItem(DCM_PixelMeasuresSequence, inner, -2);
                      inner->putAndInsertString(DCM_SliceThickness, "3");
                      inner->putAndInsertString(DCM_PixelSpacing, "2\\2.5");
                      item->findOrCreateSequenceItem(DCM_MREchoSequence, inner, -2);
                      inner->putAndInsertFloat64(DCM_EffectiveEchoTime, 30);
                      set.findOrCreateSequenceItem(DCM_PerFrameFunctionalGroupsSequence, item, -2);
                      item->findOrCreateSequenceItem(DCM_PlaneOrientationSequence, inner, -2);
                      inner->putAndInsertString(DCM_ImageOrientationPatient, "1\\0\\0\\0\\0\\-1");
                  });

    CHECK(text(fields, "SliceThickness") == "3");
    CHECK(text(fields, "PixelSpacing") == "[2, 2.5]");
    CHECK(text(fields, "EchoTime") == "30.0");
    CHECK(text(fields, "ImageOrientationPatient") == "[1, 0, 0, 0, 0, -1]");
    auto counted = fields;
    classify::set_counts(counted, 2);
    CHECK(text(counted, "NumFiles") == "2");
    CHECK(text(counted, "TotalFrames") == "61");
}

TEST_CASE("the software level stands behind `release:`")
{
    CHECK(
        text(fields_of({{"0018,1020", "27\\LX\\MR Software release:RX27.2_R02_1831.a"}}), "OSLevel")
        == "RX27.2");
    CHECK(text(fields_of({{"0018,1020", "syngo MR E11"}}), "OSLevel") == "(absent)");
}

TEST_CASE("the first image's values stay, what it lacked is completed, locations sink")
{
    const auto first = fields_of({{"0020,1041", "5"}, {"0008,0050", ""}, {"0018,0081", "-"}});
    const auto second =
        fields_of({{"0020,1041", "-3.0"}, {"0008,1030", "HEAD"}, {"0008,0070", "GE"}});

    const auto both = classify::merged(first, second, Arrival::first);

    CHECK(text(both, "Manufacturer") == "SIEMENS");
    CHECK(text(both, "AccessionNumber") == "ACC1");
    CHECK(text(both, "EchoTime") == "2.50");
    CHECK(text(both, "StudyDescription") == "HEAD");
    CHECK(text(both, "SliceLocation") == "-3.0");
}

TEST_CASE("an image announced again changes nothing, whenever it comes")
{
    const auto once = fields_of({{"0028,0008", "5"}});
    auto later = once;
    later["LastReceived"] = "2025-01-03T00:00:00.000000Z";
    later["FirstReceived"] = "2025-01-03T00:00:00.000000Z";

    CHECK(classify::merged(once, later, Arrival::again) == once);
    CHECK(text(classify::merged(once, later, Arrival::first), "LastReceived")
          == "2025-01-03T00:00:00.000000Z");
}
