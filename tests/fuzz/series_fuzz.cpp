// SPDX-License-Identifier: MIT
// A series JSON that another program has written, and an image that is added to it, twice.
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/classify/series_record.h"
#include "tests/fuzz/fuzz.h"

using namespace fiona;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    try {
        const auto stored = json::parse(as_text(data, size), "a series");
        const json::Object image{
            {"StudyInstanceUID", "1.2.3"},   {"SeriesInstanceUID", "1.2.3.4"},
            {"SOPInstanceUID", "1.2.3.4.5"}, {"SeriesDescription", "t1"},
            {"SliceLocation", "1.5"},        {"LastReceived", "2026-01-01T00:00:00Z"}};
        const auto once = classify::merged(stored, image, classify::Arrival::first);
        promise(classify::merged(once, image, classify::Arrival::again) == once);
        promise(json::parse(json::write(once), "again") == json::Value{once});
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
    }
    return 0;
}
