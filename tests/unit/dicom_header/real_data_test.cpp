// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/header.h"
#include "libfiona/dicom/library.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>

#include <iostream>

using namespace fiona;

TEST_CASE("every real file is read to UTF-8 or refused with a reason")
{
    const auto place = shared_data();
    if (!place) {
        return;
    }
    const dicom::Library library;
    std::size_t read = 0;
    std::size_t refused = 0;
    const auto manifest = json::parse(read_file(*place / "manifest.json"), "manifest");
    for (const auto& record : manifest.find("files")->array()) {
        const auto path = record.text("path");
        CAPTURE(path);
        try {
            const auto header = dicom::Header::read(*place / path);
            for (const auto tag : {dicom::Tag{0x0010, 0x0010},
                                   {0x0010, 0x0020},
                                   {0x0008, 0x1030},
                                   {0x0008, 0x0008},
                                   {0x0018, 0x1310},
                                   {0x0029, 0x1010},
                                   {0x0008, 0x103e},
                                   {0x0018, 0x9087},
                                   {0x0028, 0x0009}}) {
                CHECK(is_utf8(header.text(tag)));
            }
            for (const auto& [key, tag] : {std::pair{"study_uid", dicom::Tag{0x0020, 0x000d}},
                                           {"series_uid", dicom::Tag{0x0020, 0x000e}},
                                           {"sop_uid", dicom::Tag{0x0008, 0x0018}},
                                           {"patient_name", dicom::Tag{0x0010, 0x0010}},
                                           {"patient_id", dicom::Tag{0x0010, 0x0020}},
                                           {"series_description", dicom::Tag{0x0008, 0x103e}}}) {
                const auto known = record.text(key);
                CAPTURE(key);
                CHECK((known.empty() || header.text(tag) == trimmed(known)));
            }
            ++read;
        } catch (const Error& e) {
            CHECK(e.fault() == Fault::data);
            CHECK(std::string_view{e.what()}.size() > 5);
            ++refused;
        }
    }
    std::cout << "read " << read << ", refused " << refused << "\n";
    CHECK(read > 600);
}

TEST_CASE("patient names in many character sets are those the manifest has")
{
    const auto place = shared_data();
    if (!place) {
        return;
    }
    const dicom::Library library;
    struct Known {
        const char* file;
        const char* name;
    };
    const auto [file, name] = GENERATE(values<Known>({
        {"charset/chrArab.dcm", "قباني^لنزار"},
        {"charset/chrFren.dcm", "Buc^Jérôme"},
        {"charset/chrGerm.dcm", "Äneas^Rüdiger"},
        {"charset/chrH31.dcm", "Yamada^Tarou=山田^太郎=やまだ^たろう"},
        {"charset/chrKoreanMulti.dcm", "김희중"},
        {"charset/chrRuss.dcm", "Люкceмбypг"},
        {"charset/chrX1.dcm", "Wang^XiaoDong=王^小東"},
    }));
    CAPTURE(file);

    const auto header = dicom::Header::read(*place / file);

    CHECK(header.text({0x0010, 0x0010}) == name);
    CHECK(header.guessed_texts() == 0);
}
