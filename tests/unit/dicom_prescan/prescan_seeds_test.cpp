// SPDX-License-Identifier: MIT
// The fuzzer's body, run over its seeds and over their neighbours: no campaign, but every build.
#include "tests/fuzz/prescan_fuzz.cpp"
#include "tests/unit/dicom_prescan/part10.h"

#include <catch2/catch.hpp>

#include <random>

namespace {

void feed(const std::string& bytes)
{
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

} // namespace

TEST_CASE("no seed, cut anywhere, ends the pre-scan otherwise than by an answer or a data fault")
{
    for (const auto& seed : part10::seeds()) {
        for (std::size_t length = 0; length <= seed.size(); ++length) {
            feed(seed.substr(0, length));
        }
        CHECK_FALSE(seed.empty());
    }
}

TEST_CASE("no seed with wrong bytes ends the pre-scan otherwise than by an answer or a data fault")
{
    std::mt19937 random{1}; // NOLINT(cert-msc51-cpp) repeatable on purpose
    for (const auto& seed : part10::seeds()) {
        for (std::size_t at = 128; at < seed.size(); ++at) {
            auto bytes = seed;
            bytes[at] = static_cast<char>(random());
            feed(bytes);
            bytes[128 + random() % (seed.size() - 128)] = static_cast<char>(0xff);
            feed(bytes);
        }
        CHECK(seed.size() > 128);
    }
}
