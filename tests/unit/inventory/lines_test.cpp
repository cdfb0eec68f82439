// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/inventory/lines.h"
#include "libfiona/inventory/study_keys.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace fiona;

TEST_CASE("lines come one by one, the last without an end too, empty ones not at all")
{
    const TempDir root;
    std::ofstream{root / "lines"} << "one\n\n  \ntwo\nthree";
    inventory::LineReader reader{root / "lines"};

    CHECK(reader.next() == "one");
    CHECK(reader.next() == "two");
    CHECK(reader.next() == "three");
    CHECK(reader.next() == std::nullopt);
    CHECK(reader.number() == 5);
}

TEST_CASE("a line without end costs no memory, and what follows is read")
{
    const TempDir root;
    std::ofstream{root / "lines"} << std::string(5'000'000, 'x') << "\nnext\n";
    inventory::LineReader reader{root / "lines"};

    CHECK_THROWS_AS(reader.next(), Error);
    CHECK(reader.next() == "next");
}

TEST_CASE("a study survives its way through a line")
{
    const pacs::Keys study{{"StudyInstanceUID", "2.25.1"},
                           {"PatientName", "\xC3\x85se^Synthetic"},
                           {"ModalitiesInStudy", "MR\\SR"},
                           {"StudyDescription", "a \"quoted\"\tone"}};

    CHECK(inventory::read_line(inventory::line_of(study)) == study);
}

TEST_CASE("a line that is no flat object is refused")
{
    const auto* const line = GENERATE("[]", "nonsense", R"({"PatientID":["a"]})", "{", "7");

    CHECK_THROWS_AS(inventory::read_line(line), Error);
}

TEST_CASE("a row holds what WhatIsInIDS7 wants of a study")
{
    const auto row = inventory::ids7_row({{"StudyInstanceUID", "2.25.1"},
                                          {"PatientName", "DEMO_0001=IDEO"},
                                          {"ModalitiesInStudy", "MR\\SR"},
                                          {"NumberOfStudyRelatedSeries", "7"},
                                          {"NumberOfStudyRelatedInstances", "many"},
                                          {"AccessionNumber", "A1"},
                                          {"StudyID", "S1"}});

    CHECK(row.record == "2.25.1");
    CHECK(row.value("ids7_patient_name") == "DEMO_0001");
    CHECK(row.value("ids7_modalities") == "MR,SR");
    CHECK(row.value("ids7_number_of_series") == "7");
    CHECK(row.value("ids7_number_of_instances").empty());
    CHECK(row.value("ids7_accession_number") == "A1");
    CHECK(row.value("ids7_study_id") == "S1");
    CHECK(row.values.size() == 12);
}

TEST_CASE("a study without a legal UID has no row")
{
    const auto* const uid = GENERATE("", "../etc", "1..2");

    CHECK_THROWS_AS(inventory::ids7_row({{"StudyInstanceUID", uid}}), Error);
}
