// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/uid_map.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"

#include <catch2/catch.hpp>

#include <thread>

using namespace fiona;
using namespace fiona::anonymize;

namespace {

std::string stored(std::string uid)
{
    if (uid.size() % 2 != 0) {
        uid += '\0';
    }
    return uid;
}

std::vector<std::byte> some_key(unsigned char fill)
{
    return std::vector<std::byte>(32, std::byte{fill});
}

} // namespace

TEST_CASE("the compat schemes give the original's values, bit by bit")
{
    const auto vectors = json::parse(read_file(UID_VECTORS), "vectors");

    REQUIRE(vectors.array().size() >= 10);
    for (const auto& vector : vectors.array()) {
        const auto scheme =
            vector.text("scheme") == "dec" ? UidScheme::compat_dec : UidScheme::compat_hex;
        UidMap map{scheme, vector.text("project"), {}};
        const auto old_of = [&](std::string_view key) { return vector.find(key)->text("old"); };
        const auto new_of = [&](std::string_view key) { return vector.find(key)->text("new"); };
        CAPTURE(vector.text("project"), vector.text("scheme"), old_of("study"));

        CHECK(map.map(stored(old_of("study")), UidForm::study) == new_of("study"));
        CHECK(map.map(stored(old_of("series")), UidForm::instance) == new_of("series"));
        CHECK(map.map(stored(old_of("sop")), UidForm::instance) == new_of("sop"));
        CHECK(map.map(stored(old_of("irradiation_event_uid")), UidForm::plain)
              == new_of("irradiation_event_uid"));
        auto accession = old_of("accession");
        accession += accession.size() % 2 != 0 ? " " : "";
        CHECK(map.number(accession, "1.2.3") == new_of("accession"));
        CHECK(map.study_number(old_of("study")) == vector.text("study_id"));
    }
}

TEST_CASE("an odd UID that lost its padding byte hashes as if it had it")
{
    UidMap map{UidScheme::compat_dec, "MMIV", {}};
    const std::string uid = "1.2.3.4";

    CHECK(map.map(uid, UidForm::instance) == map.map(stored(uid), UidForm::instance));
}

TEST_CASE("hmac UIDs are legal, stable, and differ between projects and keys")
{
    UidMap first{UidScheme::hmac, "GLIOMA", some_key(1)};
    UidMap again{UidScheme::hmac, "GLIOMA", some_key(1)};
    UidMap other_project{UidScheme::hmac, "MS", some_key(1)};
    UidMap other_key{UidScheme::hmac, "GLIOMA", some_key(2)};
    const auto uid = first.map("1.2.3.4.5.6", UidForm::study);

    CHECK(is_uid(uid));
    CHECK(uid.starts_with("2.25."));
    CHECK(uid.size() <= 44);
    CHECK(uid[5] != '0');
    CHECK(again.map(stored("1.2.3.4.5.6"), UidForm::instance) == uid);
    CHECK(other_project.map("1.2.3.4.5.6", UidForm::study) != uid);
    CHECK(other_key.map("1.2.3.4.5.6", UidForm::study) != uid);
    CHECK(first.is_new(uid));
    CHECK_FALSE(first.is_new("1.2.3.4.5.6"));
}

TEST_CASE("UIDs of the standard stay and empty ones stay empty")
{
    UidMap map{UidScheme::hmac, "GLIOMA", some_key(1)};

    CHECK(map.map("1.2.840.10008.5.1.4.1.1.4", UidForm::instance) == "1.2.840.10008.5.1.4.1.1.4");
    CHECK(map.map(std::string_view{"\0\0", 2}, UidForm::instance).empty());
    CHECK(map.map("1.2.840.10008.HANSEN", UidForm::instance).find("HANSEN") == std::string::npos);
}

TEST_CASE("every value of a multiple UID is mapped by itself")
{
    UidMap map{UidScheme::hmac, "GLIOMA", some_key(1)};

    CHECK(map.map("1.2.3\\1.2.840.10008.1.2", UidForm::instance)
          == map.map("1.2.3", UidForm::instance) + "\\1.2.840.10008.1.2");
}

TEST_CASE("an empty accession number is derived from the study, so that studies stay apart")
{
    const UidMap map{UidScheme::hmac, "GLIOMA", some_key(1)};

    CHECK(map.number("", "1.2.3") != map.number("", "1.2.4"));
    CHECK(map.number("A1 ", "1.2.3") == map.number("A1", "1.2.4"));
    CHECK(map.number("A1", "1.2.3").size() == 16);
}

TEST_CASE("hmac without a key is refused")
{
    CHECK_THROWS_AS((UidMap{UidScheme::hmac, "GLIOMA", {}}), Error);
}

TEST_CASE("threads that map the same UIDs agree")
{
    UidMap map{UidScheme::hmac, "GLIOMA", some_key(7)};
    std::vector<std::vector<std::string>> results(4);
    {
        std::vector<std::jthread> threads;
        for (auto& result : results) {
            threads.emplace_back([&map, &result] {
                for (int i = 0; i < 200; ++i) {
                    result.push_back(map.map("1.2.3." + std::to_string(i), UidForm::instance));
                }
            });
        }
    }

    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[3]);
    CHECK(map.pairs(UidForm::instance).size() == 200);
}
